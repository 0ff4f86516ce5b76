// SPDX-License-Identifier: Apache-2.0
// The format of our own packs: dataset.json, images/ID.{jpg,png} and, as far as dataset.json names
// them, labels/ID.png (pixel = class id), depth/ID.png (pixel / scale = metres) and poses in
// annotations.json; split lists of ids. Without lists the split is that of the annotations, or else
// by hash; without val.txt val is held out of train.
#include "parsimony/core/error.h"
#include "parsimony/data/annotations.h"
#include "parsimony/data/description.h"
#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

constexpr const char* kDescription = "dataset.json";
constexpr const char* kAnnotations = "annotations.json";

Inventory described(const std::filesystem::path& root, Description& description) {
  Inventory inventory;
  inventory.root = root;
  description = read_description(root / kDescription, inventory.findings);
  inventory.info = {.name = description.name.empty()
                                ? std::filesystem::canonical(root).filename().string()
                                : description.name,
                    .format = "folder",
                    .classes = description.classes,
                    .palette = description.palette,
                    .mirror_pairs = description.mirror_pairs,
                    .groups = description.groups,
                    .label_kind = description.label_kind,
                    .targets = description.targets,
                    .skeleton = description.skeleton};
  inventory.classes_from_labels =
      description.targets.contains(Target::kClasses) && description.classes.empty();
  inventory.coding = inventory.classes_from_labels
                         ? LabelCoding::identity(LabelMap::kIgnore, LabelMap::kIgnore)
                         : LabelCoding::identity(description.classes.size(), description.ignore_id);
  if (description.targets.contains(Target::kDepth)) {
    inventory.depth = description.depth.coding;
    inventory.info.depth_scale = description.depth.coding.scale;
  }
  return inventory;
}

void fill_from_annotations(const SplitIds& splits, const Partners& partners, Inventory& inventory) {
  for (const Split split : kSplits) {
    const auto index = static_cast<std::size_t>(split);
    pair_up(splits.ids[index], partners, split, kAnnotations, inventory);
  }
  if (!splits.given[static_cast<std::size_t>(Split::kVal)]) hold_out_val(inventory);
  report_leftovers(partners, true, inventory);
}

}  // namespace

std::string why_not_folder(const std::filesystem::path& root) {
  return std::filesystem::is_regular_file(root / kDescription) ? "" : "no file dataset.json";
}

Inventory scan_folder(const std::filesystem::path& root, const OpenOptions& options) {
  Description description;
  Inventory inventory = described(root, description);
  const TargetSet wanted = wanted_of(inventory.info.targets, options);
  if (wanted.empty()) return inventory;  // one clear finding beats a missing label per picture

  Partners partners{.images = FileIndex(root / "images"), .targets = wanted};
  if (wanted.contains(Target::kClasses)) partners.labels = FileIndex(root / "labels");
  if (wanted.contains(Target::kDepth)) partners.depth = FileIndex(root / description.depth.folder);
  std::optional<SplitIds> splits;
  if (wanted.contains(Target::kPose)) {
    partners.annotations = root / kAnnotations;
    const std::size_t before = inventory.findings.size();
    Annotations annotations = read_annotations(partners.annotations, inventory);
    // Without any pose the finding says why; every picture without one would say it again.
    if (annotations.poses.empty() && inventory.findings.size() > before) return inventory;
    partners.poses = std::move(annotations.poses);
    splits = std::move(annotations.splits);
  }
  const bool listed = std::filesystem::is_regular_file(root / "train.txt");
  if (!listed && splits && options.subset.empty()) {
    fill_from_annotations(*splits, partners, inventory);
  } else {
    fill_splits(partners, root, inventory, options.subset);
  }
  return inventory;
}

}  // namespace parsimony::data
