// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "parsimony/core/fields.h"
#include "parsimony/graph/subsample.h"

namespace parsimony::graph {

enum class DeeplabBackbone { kMobilenetV2, kXception65 };
inline constexpr std::array<std::string_view, 2> kDeeplabBackboneNames = {"mobilenet_v2",
                                                                          "xception_65"};

// What the 3x3 convolutions of the head are: depthwise and pointwise, each with batch norm and
// ReLU, as in the reference code, or dense, as in the PyTorch ports.
enum class DeeplabHead { kSeparable, kDense };
inline constexpr std::array<std::string_view, 2> kDeeplabHeadNames = {"separable", "dense"};

// DeepLabV3+ (Chen et al., ECCV 2018), the reference code's by default but for the backbone. The
// reference code's MobileNet-v2 models are those without atrous branches and decoder.
struct DeeplabOptions {
  DeeplabBackbone backbone = DeeplabBackbone::kMobilenetV2;
  // Channel multiplier of the backbone; results are rounded to the nearest multiple of
  // `divisible_by`, or the next where that is below 90 %. The published MobileNets' are multiples
  // of 8, those of the reference code's segmentation models of widths other than 1 are not rounded.
  double width = 1.0;
  int divisible_by = 8;
  int output_stride = 16;  // of the ASPP: 8, 16 or 32
  DeeplabHead head = DeeplabHead::kSeparable;
  bool atrous_branches = true;  // rates 6, 12, 18 at output stride 16, inversely proportional to it
  bool image_pooling = true;
  int aspp_channels = 256;  // of each branch and of what follows the concatenation
  bool decoder = true;
  int low_level_channels = 48;
  int decoder_convolutions = 2;  // 1 or 2
  int decoder_channels = 256;
  void visit(core::FieldVisitor& v);
  bool operator==(const DeeplabOptions&) const = default;
};

// The network with output "logits", of the encoder's section up to the backbone's last map, and the
// places where FMAS can make it smaller:
//
//  * bypass: every block of the backbone with an identity shortcut (10 of MobileNet-v2, the 16
//    middle units of Xception), the second convolution of the decoder;
//  * width: the expansions of MobileNet-v2's blocks, to 5, 4 or 3 instead of 6 times the input; the
//    inner channels of Xception's middle units and the inner 1024, 1536 and 1536 of its exit flow,
//    to 7/8, 3/4, 5/8 or 1/2; those of ASPP, decoder and low-level map, to the shares of 256 that
//    192, 128, 96, 64 and of 48 that 32, 24, 16 are; all rounded to multiples of 8;
//  * branch: each input of the ASPP's concatenation, where there are at least two.
//
// Logits have the resolution of the low-level map, a quarter of the picture's, or without decoder
// that of the ASPP. MobileNet-v2's layers have the names of graph/encoder.h; the others follow the
// reference code's, and so do concatenations: image pooling, 1x1, rates ascending; ASPP before
// low-level map.
//
// What differs from the published networks, as in all our graphs: resampling is with align_corners
// = false, padding is symmetric (equal to theirs for sides of 8k + 1), the epsilon of batch norms
// is 1e-5 everywhere (Xception-65 was trained with 1e-3), there is no dropout before the logits.
//
// A user error names an option that lies outside its range.
Supernet deeplab_supernet(const DeeplabOptions& options, int classes);

}  // namespace parsimony::graph
