// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/known_files.h"

#include <algorithm>
#include <array>

namespace parsimony::weights {
namespace {

constexpr std::string_view kTorchvisionLicence =
    "BSD-3-Clause (torchvision); trained on ImageNet, whose terms may apply";
constexpr std::string_view kTorchvisionCocoLicence =
    "BSD-3-Clause (torchvision); trained on ImageNet and COCO, whose terms may apply";
constexpr std::string_view kTimmLicence =
    "Apache-2.0 (timm); trained on ImageNet, whose terms may apply";
constexpr std::string_view kVainfLicence =
    "MIT (VainF/DeepLabV3Plus-Pytorch); trained on ImageNet and the named set, whose terms may "
    "apply";

// torchvision and timm put the first digits of the SHA-256 into the name of each file.
constexpr std::array<KnownFile, 10> kKnownFiles{{
    {"mobilenet_v2_torchvision_v1",
     "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
     "b0353104",
     kTorchvisionLicence,
     "MobileNetV2 1.0, ImageNet top-1 71.878 %, the encoder of the published systems"},
    {"mobilenet_v2_torchvision_v2",
     "https://download.pytorch.org/models/mobilenet_v2-7ebf99e0.pth",
     "7ebf99e0",
     kTorchvisionLicence,
     "MobileNetV2 1.0, ImageNet top-1 72.154 %, later training recipe"},
    {"mobilenetv2_100_timm",
     "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"
     "mobilenetv2_100_ra-b33bc2c4.pth",
     "b33bc2c4",
     kTimmLicence,
     "MobileNetV2 1.0, trained with RandAugment"},
    {"mobilenetv2_110d_timm",
     "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"
     "mobilenetv2_110d_ra-77090ade.pth",
     "77090ade",
     kTimmLicence,
     "MobileNetV2 1.1, deeper by 1.2, trained with RandAugment"},
    {"mobilenetv2_120d_timm",
     "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"
     "mobilenetv2_120d_ra-5987e2ed.pth",
     "5987e2ed",
     kTimmLicence,
     "MobileNetV2 1.2, deeper by 1.4, trained with RandAugment"},
    {"mobilenetv2_140_timm",
     "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"
     "mobilenetv2_140_ra-21a4e913.pth",
     "21a4e913",
     kTimmLicence,
     "MobileNetV2 1.4, trained with RandAugment"},
    {"deeplabv3_mobilenet_v3_large_coco",
     "https://download.pytorch.org/models/deeplabv3_mobilenet_v3_large-fc3c493d.pth",
     "fc3c493d",
     kTorchvisionCocoLicence,
     "DeepLabV3 on MobileNetV3-Large, 21 classes of VOC, mIoU 60.3 %"},
    {"deeplabv3_resnet50_coco",
     "https://download.pytorch.org/models/deeplabv3_resnet50_coco-cd0a2569.pth",
     "cd0a2569",
     kTorchvisionCocoLicence,
     "DeepLabV3 on ResNet-50, 21 classes of VOC, mIoU 66.4 %; a teacher for distillation"},
    {"deeplabv3plus_mobilenet_voc",
     "https://www.dropbox.com/s/0idrhwz6opaj7q4/best_deeplabv3plus_mobilenet_voc_os16.pth?dl=1",
     "",
     kVainfLicence,
     "DeepLabV3+ on MobileNetV2, 21 classes of VOC, mIoU 71.1 %; no checksum is published"},
    {"deeplabv3plus_mobilenet_cityscapes",
     "https://www.dropbox.com/s/753ojyvsh3vdjol/"
     "best_deeplabv3plus_mobilenet_cityscapes_os16.pth?dl=1",
     "",
     kVainfLicence,
     "DeepLabV3+ on MobileNetV2, 19 classes of Cityscapes, mIoU 72.1 %; no checksum is published"},
}};

}  // namespace

std::span<const KnownFile> known_files() {
  return kKnownFiles;
}

const KnownFile* find_known_file(std::string_view name) {
  const auto* found = std::find_if(kKnownFiles.begin(),
                                   kKnownFiles.end(),
                                   [&](const KnownFile& file) { return file.name == name; });
  return found == kKnownFiles.end() ? nullptr : found;
}

std::string file_name_of(std::string_view url) {
  const std::size_t host = url.find("://");
  if (host != std::string_view::npos) url.remove_prefix(host + 3);
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t slash = url.rfind('/');
  std::string name(slash == std::string_view::npos ? std::string_view() : url.substr(slash + 1));
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  for (char& c : name) {
    if (kPlain.find(c) == std::string_view::npos) c = '_';
  }
  return name.find_first_not_of('.') == std::string::npos ? "download" : name;
}

}  // namespace parsimony::weights
