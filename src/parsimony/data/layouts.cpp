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

constexpr double kLargestScale = 1e6;  // numbers per metre: micrometres

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
    Layout{"mpii", "images/, annot/train.json, annot/valid.json", why_not_mpii, scan_mpii},
    Layout{"lsp", "images/im*.jpg, joints.mat", why_not_lsp, scan_lsp},
    Layout{"nyu_depth_v2",
           "official_splits/train/SCENE/rgb_*.jpg and sync_depth_*.png",
           why_not_nyu_depth_v2,
           scan_nyu_depth_v2},
    Layout{"pairs", "images/ and labels/, masks/ or annotations/", why_not_pairs, scan_pairs},
    Layout{"classes",
           "train/CLASS/, val/CLASS/ or CLASS/ with pictures",
           why_not_classes,
           scan_classes},
};

void check_subset_option(const Layout& layout, const OpenOptions& options) {
  if (options.subset.empty() || layout.name == "folder") return;
  core::throw_user_error(
      "a subset ('{}') is a choice for the layout 'folder' only; this data set has the layout "
      "'{}'. Leave the option out.",
      options.subset,
      layout.name);
}

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
  if (!(options.depth_scale >= 0 && options.depth_scale < kLargestScale)) {
    core::throw_user_error(
        "scale of depths {}: expected the numbers per metre, above 0 and below {}",
        options.depth_scale,
        kLargestScale);
  }
  check_subset_option(layout, options);
}

// What a set has is known once it was scanned.
void check_targets(const Layout& layout, const Inventory& inventory, const OpenOptions& options) {
  const TargetSet has = inventory.info.targets;
  const TargetSet missing = options.targets - has;
  if (!missing.empty()) {
    core::throw_user_error(
        "{}: the data set '{}' ({}) is labelled with {}, but {} was asked for. Choose a task that "
        "needs {} only, or a data set that has {}.",
        inventory.root.string(),
        inventory.info.name,
        layout.name,
        text_of(has),
        text_of(missing),
        text_of(has),
        text_of(options.targets));
  }
  if (options.depth_scale != 0 && !wanted_of(has, options).contains(Target::kDepth)) {
    core::throw_user_error(
        "{}: a scale of depths ({}) is given, but no depth is read. Leave the option out, or ask "
        "for depth.",
        inventory.root.string(),
        options.depth_scale);
  }
}

// What is not read is not said of the opened set either.
void narrow(DatasetInfo& info, TargetSet targets) {
  info.targets = targets;
  if (!targets.contains(Target::kClasses)) {
    info.classes.clear();
    info.palette.clear();
    info.mirror_pairs.clear();
    info.groups.clear();
    info.label_kind = LabelKind::kPixels;
  }
  if (!targets.contains(Target::kDepth)) info.depth_scale = 0;
  if (!targets.contains(Target::kPose)) info.skeleton = {};
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
  check_targets(layout, inventory, options);
  narrow(inventory.info, wanted_of(inventory.info.targets, options));
  if (options.depth_scale > 0)
    inventory.depth.scale = inventory.info.depth_scale = options.depth_scale;
  if (std::ranges::all_of(inventory.splits, [](const auto& split) { return split.empty(); })) {
    core::throw_user_error(
        "{}: the data set ({}) has no complete sample; expected pictures with {}. "
        "`parsimony check {}` says what is missing.",
        root.string(),
        layout.name,
        text_of(inventory.info.targets),
        root.string());
  }
  if (inventory.classes_from_labels && inventory.info.targets.contains(Target::kClasses)) {
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
