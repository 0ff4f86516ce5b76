// SPDX-License-Identifier: Apache-2.0
// The format of our own packs: dataset.json, images/ID.{jpg,png}, labels/ID.png (pixel = class id)
// and split lists of ids. Without lists the split is by hash, without val.txt val is held out of
// train.
#include "parsimony/data/description.h"
#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

constexpr const char* kDescription = "dataset.json";

}  // namespace

std::string why_not_folder(const std::filesystem::path& root) {
  return std::filesystem::is_regular_file(root / kDescription) ? "" : "no file dataset.json";
}

Inventory scan_folder(const std::filesystem::path& root, const OpenOptions&) {
  Inventory inventory;
  inventory.root = root;
  const Description description = read_description(root / kDescription, inventory.findings);
  inventory.info.format = "folder";
  inventory.info.name = description.name.empty()
                            ? std::filesystem::canonical(root).filename().string()
                            : description.name;
  inventory.info.classes = description.classes;
  inventory.info.palette = description.palette;
  inventory.info.mirror_pairs = description.mirror_pairs;
  inventory.info.groups = description.groups;
  inventory.info.label_kind = description.label_kind;
  inventory.classes_from_labels = description.classes.empty();
  inventory.coding = inventory.classes_from_labels
                         ? LabelCoding::identity(LabelMap::kIgnore, LabelMap::kIgnore)
                         : LabelCoding::identity(description.classes.size(), description.ignore_id);

  const bool other_task =
      !inventory.findings.empty() && inventory.findings.back().kind == FindingKind::kNoLabelMaps;
  if (other_task) return inventory;  // one clear finding beats a missing label per picture

  const Partners partners{FileIndex(root / "images"), FileIndex(root / "labels")};
  fill_splits(partners, root, inventory);
  return inventory;
}

}  // namespace parsimony::data
