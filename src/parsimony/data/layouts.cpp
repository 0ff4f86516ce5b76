// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/layouts.h"

#include <algorithm>
#include <array>

#include "parsimony/core/error.h"
#include "parsimony/core/parallel.h"
#include "parsimony/data/file_dataset.h"
#include "parsimony/data/label_range.h"

namespace parsimony::data {
namespace {

// `folder` comes first because its description is explicit, `pairs` and `classes` last because they
// are the loosest.
constexpr std::array kLayouts = {
    Layout{"folder", "dataset.json, images/, labels/, train.txt ...", why_not_folder, scan_folder},
    Layout{"voc", "JPEGImages/, SegmentationClass/, ImageSets/", why_not_voc, scan_voc},
    Layout{"cityscapes", "leftImg8bit/, gtFine/", why_not_cityscapes, scan_cityscapes},
    Layout{
        "camvid", "train/, trainannot/, ... (SegNet)", why_not_camvid_segnet, scan_camvid_segnet},
    Layout{"camvid", "701_StillsRaw_full/, LabeledApproved_full/", why_not_camvid, scan_camvid},
    Layout{"eg1800", "Images/, Labels/, eg1800_train.txt", why_not_eg1800, scan_eg1800},
    Layout{"eg1800",
           "images_data_crop/, images_mask/NNNNN_mask.mat, trainlist.mat",
           why_not_eg1800_original,
           scan_eg1800_original},
    Layout{"celebamask_hq",
           "CelebA-HQ-img/, CelebAMask-HQ-mask-anno/",
           why_not_celebamask_hq,
           scan_celebamask_hq},
    Layout{"helen", "images/, labels/ID/ID_lblXX.png, exemplars.txt", why_not_helen, scan_helen},
    Layout{"pairs", "images/ and labels/, masks/ or annotations/", why_not_pairs, scan_pairs},
    Layout{"classes",
           "train/CLASS/, val/CLASS/ or CLASS/ with pictures",
           why_not_classes,
           scan_classes},
};

// An option that a layout does not know would otherwise be without effect, unseen.
void check_options(const Layout& layout, const OpenOptions& options) {
  const OpenOptions defaults;
  if (options.part_order != defaults.part_order && layout.name != "celebamask_hq") {
    core::throw_user_error(
        "the order of parts is a choice for the layout 'celebamask_hq' only; this data set has the "
        "layout '{}'. Leave the option out.",
        layout.name);
  }
  if (options.least_probability != defaults.least_probability && layout.name != "helen") {
    core::throw_user_error(
        "a least probability ({}) is a choice for the layout 'helen' only; this data set has the "
        "layout '{}'. Leave the option out.",
        options.least_probability,
        layout.name);
  }
  if (!(options.least_probability >= 0 && options.least_probability <= 1)) {
    core::throw_user_error("least probability {}: expected 0 to 1", options.least_probability);
  }
}

void throw_first_error(const Layout& layout, const Inventory& inventory) {
  const auto is_error = [](const Finding& finding) { return finding.severity == Severity::kError; };
  const auto first = std::ranges::find_if(inventory.findings, is_error);
  if (first == inventory.findings.end()) return;
  const auto others = std::ranges::count_if(inventory.findings, is_error) - 1;
  core::throw_user_error("{}: {} ({}): {}. Remedy: {}.{}",
                         (inventory.root / first->file).string(),
                         name_of(first->kind),
                         layout.name,
                         first->detail,
                         first->remedy,
                         others == 0
                             ? std::string()
                             : fmt::format(" And {} more errors: `parsimony check {}` lists them.",
                                           others,
                                           inventory.root.string()));
}

}  // namespace

std::span<const Layout> layouts() {
  return kLayouts;
}

const Layout& detect_layout(const std::filesystem::path& root) {
  if (!std::filesystem::exists(root)) {
    core::throw_user_error(
        "{}: no such folder; expected the root of a data set. Check the path, or make a synthetic "
        "set "
        "with `parsimony synth {}`.",
        root.string(),
        root.string());
  }
  if (!std::filesystem::is_directory(root)) {
    core::throw_user_error(
        "{}: is a file; expected the root folder of a data set (unpack archives first).",
        root.string());
  }
  std::string reasons;
  for (const Layout& layout : kLayouts) {
    const std::string reason = layout.why_not(root);
    if (reason.empty()) return layout;
    reasons += fmt::format("\n  {:<13} ({}): {}", layout.name, layout.description, reason);
  }
  core::throw_user_error(
      "{}: not a data set in any known layout. Looked for:{}\nName the folder that directly holds "
      "these, "
      "or bring the files into one of the layouts; images/ and labels/ with equal file names is "
      "the "
      "simplest.",
      root.string(),
      reasons);
}

std::unique_ptr<Dataset> open_layout(const Layout& layout,
                                     const std::filesystem::path& root,
                                     const OpenOptions& options) {
  check_options(layout, options);
  Inventory inventory = layout.scan(root, options);
  throw_first_error(layout, inventory);
  if (std::ranges::all_of(inventory.splits, [](const auto& split) { return split.empty(); })) {
    core::throw_user_error(
        "{}: the data set ({}) has no complete sample; expected pictures with label maps. "
        "`parsimony "
        "check {}` says what is missing.",
        root.string(),
        layout.name,
        root.string());
  }
  if (inventory.classes_from_labels) {
    infer_classes(inventory, core::available_cores());
    throw_first_error(layout, inventory);
  }
  return std::make_unique<FileDataset>(std::move(inventory));
}

std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& root,
                                      const OpenOptions& options) {
  return open_layout(detect_layout(root), root, options);
}

}  // namespace parsimony::data
