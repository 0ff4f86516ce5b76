// SPDX-License-Identifier: Apache-2.0
// Cityscapes: leftImg8bit/SPLIT/CITY/*_leftImg8bit.png with
// gtFine/SPLIT/CITY/*_gtFine_labelIds.png, or the flat copies train_images_fine/ with
// train_labels_fine/. The 34 label ids become the 19 classes of the benchmark; ready-made
// *_gtFine_labelTrainIds.png are preferred when every sample has one. The test split ships dummy
// labels only, so ours is empty and val is the official val.
#include <algorithm>
#include <array>
#include <optional>

#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

struct CityClass {
  std::uint8_t label_id;
  const char* name;
  Rgb colour;
};

// In the order of the train ids (cityscapesScripts, helpers/labels.py).
constexpr std::array<CityClass, 19> kClasses = {{{7, "road", {128, 64, 128}},
                                                 {8, "sidewalk", {244, 35, 232}},
                                                 {11, "building", {70, 70, 70}},
                                                 {12, "wall", {102, 102, 156}},
                                                 {13, "fence", {190, 153, 153}},
                                                 {17, "pole", {153, 153, 153}},
                                                 {19, "traffic light", {250, 170, 30}},
                                                 {20, "traffic sign", {220, 220, 0}},
                                                 {21, "vegetation", {107, 142, 35}},
                                                 {22, "terrain", {152, 251, 152}},
                                                 {23, "sky", {70, 130, 180}},
                                                 {24, "person", {220, 20, 60}},
                                                 {25, "rider", {255, 0, 0}},
                                                 {26, "car", {0, 0, 142}},
                                                 {27, "truck", {0, 0, 70}},
                                                 {28, "bus", {0, 60, 100}},
                                                 {31, "train", {0, 80, 100}},
                                                 {32, "motorcycle", {0, 0, 230}},
                                                 {33, "bicycle", {119, 11, 32}}}};
constexpr std::uint8_t kLastLabelId = 33;

constexpr std::string_view kImageSuffix = "_leftImg8bit";
constexpr std::string_view kTrainIdsSuffix = "_gtFine_labelTrainIds";
constexpr std::string_view kLabelIdsSuffix = "_gtFine_labelIds";

LabelCoding label_ids_coding() {
  LabelCoding coding = LabelCoding::identity(0, LabelMap::kIgnore);
  for (std::size_t id = 0; id <= kLastLabelId; ++id) coding.ids[id] = LabelMap::kIgnore;
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    coding.ids[kClasses[i].label_id] = static_cast<std::int16_t>(i);
  }
  return coding;
}

struct SplitFolders {
  fs::path images;
  fs::path labels;
};

std::optional<SplitFolders> find_split(const fs::path& root, Split split) {
  const std::string name(name_of(split));
  for (const SplitFolders& folders :
       {SplitFolders{root / "leftImg8bit" / name, root / "gtFine" / name},
        SplitFolders{root / (name + "_images_fine"), root / (name + "_labels_fine")}}) {
    if (fs::is_directory(folders.images) && fs::is_directory(folders.labels)) return folders;
  }
  return std::nullopt;
}

// The folder itself and the cities below it.
std::vector<fs::path> with_cities(const fs::path& folder) {
  std::vector<fs::path> folders = {folder};
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  return folders;
}

FileIndex index_cities(const fs::path& folder, std::string_view suffix) {
  FileIndex index;
  for (const fs::path& city : with_cities(folder)) index.fill_from(FileIndex(city, suffix));
  return index;
}

bool same_ids(const FileIndex& a, const FileIndex& b) {
  return std::ranges::equal(
      a.files(), b.files(), [](const auto& x, const auto& y) { return x.first == y.first; });
}

}  // namespace

std::string why_not_cityscapes(const fs::path& root) {
  return find_split(root, Split::kTrain) ? "" : "no folders leftImg8bit/train/ and gtFine/train/";
}

Inventory scan_cityscapes(const fs::path& root, const OpenOptions&) {
  Inventory inventory;
  inventory.root = root;
  inventory.info.name = "cityscapes";
  inventory.info.format = "cityscapes";
  for (const CityClass& city_class : kClasses) {
    inventory.info.classes.emplace_back(city_class.name);
    inventory.info.palette.push_back(city_class.colour);
  }

  struct SplitFiles {
    Split split;
    FileIndex images;
    FileIndex label_ids;
    FileIndex train_ids;
  };
  std::vector<SplitFiles> splits;
  for (const Split split : {Split::kTrain, Split::kVal}) {
    const std::optional<SplitFolders> folders = find_split(root, split);
    if (!folders) continue;
    splits.push_back({split,
                      index_cities(folders->images, kImageSuffix),
                      index_cities(folders->labels, kLabelIdsSuffix),
                      index_cities(folders->labels, kTrainIdsSuffix)});
  }
  // One coding for the whole set: mixing the two kinds of labels would be silent nonsense.
  const bool ready_made = std::ranges::all_of(
      splits, [](const SplitFiles& files) { return same_ids(files.images, files.train_ids); });
  inventory.coding =
      ready_made ? LabelCoding::identity(kClasses.size(), LabelMap::kIgnore) : label_ids_coding();
  inventory.coding.gray_as_rgb = true;  // copies with three equal channels exist

  for (const SplitFiles& files : splits) {
    const Partners partners{files.images, ready_made ? files.train_ids : files.label_ids};
    pair_up(all_ids(partners), partners, files.split, "", inventory);
  }
  if (splits.size() == 1) hold_out_val(inventory);
  return inventory;
}

}  // namespace parsimony::data
