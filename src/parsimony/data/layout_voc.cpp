// SPDX-License-Identifier: Apache-2.0
// PASCAL VOC 2012, with or without the SBD additions: JPEGImages/ID.jpg, SegmentationClass/ID.png
// (palette index = class, 255 = void) and ImageSets/Segmentation/{train,val}.txt. The root may be
// the folder that holds JPEGImages, VOCdevkit, or the parent of either. VOC's test labels are not
// public, so the test split is empty and val is the official val.
//
// With SegmentationClassAug/ and its list train_aug.txt (or trainaug.txt) that list is train; where
// both folders hold an id, the label of VOC itself wins.
#include <algorithm>
#include <array>
#include <optional>

#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/palette.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 21> kClasses = {
    "background", "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",
    "car",        "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",
    "motorbike",  "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};

constexpr const char* kLists = "ImageSets/Segmentation";

bool holds_voc(const fs::path& folder) {
  return fs::is_directory(folder / "JPEGImages") &&
         (fs::is_directory(folder / "SegmentationClass") ||
          fs::is_directory(folder / "SegmentationClassAug"));
}

std::optional<fs::path> find_base(const fs::path& root) {
  for (const fs::path& base : {root, root / "VOC2012", root / "VOCdevkit" / "VOC2012"}) {
    if (holds_voc(base)) return base;
  }
  return std::nullopt;
}

fs::path train_list(const fs::path& base) {
  if (fs::is_directory(base / "SegmentationClassAug")) {
    for (const char* name : {"train_aug.txt", "trainaug.txt"}) {
      if (fs::is_regular_file(base / kLists / name)) return base / kLists / name;
    }
  }
  return base / kLists / "train.txt";
}

}  // namespace

std::string why_not_voc(const fs::path& root) {
  const std::optional<fs::path> base = find_base(root);
  if (!base)
    return "no folders JPEGImages/ and SegmentationClass/ here, in VOC2012/ or in "
           "VOCdevkit/VOC2012/";
  if (!fs::is_regular_file(train_list(*base))) return "no list ImageSets/Segmentation/train.txt";
  return "";
}

Inventory scan_voc(const fs::path& root, const OpenOptions&) {
  const fs::path base = *find_base(root);
  Inventory inventory;
  inventory.root = root;
  inventory.info = {
      "voc2012", "voc", {kClasses.begin(), kClasses.end()}, voc_palette(kClasses.size())};
  inventory.coding = LabelCoding::identity(kClasses.size(), LabelMap::kIgnore);

  Partners partners{FileIndex(base / "JPEGImages"), FileIndex(base / "SegmentationClass")};
  partners.labels.fill_from(FileIndex(base / "SegmentationClassAug"));

  SplitIds splits;
  const fs::path val = base / kLists / "val.txt";
  for (const auto& [split, file] :
       {std::pair(Split::kTrain, train_list(base)), std::pair(Split::kVal, val)}) {
    const auto index = static_cast<std::size_t>(split);
    splits.lists[index] = inventory.relative(file);
    splits.given[index] = fs::is_regular_file(file);
    if (splits.given[index]) splits.ids[index] = read_list(file);
  }
  drop_repeated_ids(splits, inventory);
  for (const Split split : {Split::kTrain, Split::kVal}) {
    pair_up(splits.at(split),
            partners,
            split,
            splits.lists[static_cast<std::size_t>(split)],
            inventory);
  }
  if (!splits.given[static_cast<std::size_t>(Split::kVal)]) hold_out_val(inventory);
  return inventory;
}

}  // namespace parsimony::data
