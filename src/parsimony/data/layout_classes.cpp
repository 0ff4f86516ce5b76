// SPDX-License-Identifier: Apache-2.0
// Classification sets as folders of pictures: train/CLASS/, val/CLASS/ and test/CLASS/, or CLASS/
// alone, which is then split by hash (split_lists.h). The classes are the folders in train/, or in
// the root, that directly hold pictures, in alphabetical order; every pixel of a picture has its
// class. Ids are paths below the root without extension, with "__" for '/': file names repeat from
// class to class and from split to split.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "parsimony/core/text.h"
#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/palette.h"
#include "parsimony/data/sides.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSeparator = "__";
constexpr std::size_t kMaxClasses = LabelMap::kIgnore;

// What pictures and label maps of other sets lie in, in lower case. Such a set may have been named
// or unpacked wrongly; it must not be taken for one with the classes "images" and "labels".
constexpr std::array<std::string_view, 40> kForeignFolders = {"image",
                                                              "images",
                                                              "img",
                                                              "imgs",
                                                              "label",
                                                              "labels",
                                                              "mask",
                                                              "masks",
                                                              "annot",
                                                              "annots",
                                                              "annotation",
                                                              "annotations",
                                                              "gt",
                                                              "gts",
                                                              "groundtruth",
                                                              "ground_truth",
                                                              "segmentation",
                                                              "segmentations",
                                                              "train",
                                                              "val",
                                                              "test",
                                                              "trainannot",
                                                              "valannot",
                                                              "testannot",
                                                              "jpegimages",
                                                              "segmentationclass",
                                                              "segmentationclassaug",
                                                              "segmentationobject",
                                                              "leftimg8bit",
                                                              "gtfine",
                                                              "train_images_fine",
                                                              "train_labels_fine",
                                                              "val_images_fine",
                                                              "val_labels_fine",
                                                              "701_stillsraw_full",
                                                              "labeledapproved_full",
                                                              "celeba-hq-img",
                                                              "images_data",
                                                              "images_data_crop",
                                                              "images_mask"};

// In the names of Cityscapes' files, which lie in train/CITY/.
constexpr std::array<std::string_view, 2> kForeignMarks = {"_leftImg8bit", "_gtFine_"};

bool is_foreign_folder(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::find(kForeignFolders, name) != kForeignFolders.end();
}

bool has_foreign_mark(std::string_view name) {
  return std::ranges::any_of(kForeignMarks, [name](std::string_view mark) {
    return name.find(mark) != std::string_view::npos;
  });
}

// Folders that are not hidden, by name.
std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code unreadable;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, unreadable)) {
    std::error_code lost;
    if (entry.is_directory(lost) && !entry.path().filename().string().starts_with('.'))
      folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  return folders;
}

// The name of a picture directly in `folder`; empty when it holds none.
std::string some_picture_in(const fs::path& folder) {
  std::error_code unreadable;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, unreadable)) {
    std::string name = entry.path().filename().string();
    std::error_code lost;
    if (is_picture_name(name) && !name.starts_with('.') && !entry.is_directory(lost)) return name;
  }
  return "";
}

bool is_split(const fs::path& root) {
  return fs::is_directory(root / "train");
}

// The folder whose folders are the classes.
fs::path class_base(const fs::path& root) {
  return is_split(root) ? root / "train" : root;
}

void report(Inventory& inventory,
            FindingKind kind,
            Severity severity,
            const fs::path& file,
            std::string detail,
            std::string remedy) {
  inventory.findings.push_back({kind,
                                severity,
                                file == inventory.root ? "" : inventory.relative(file),
                                std::move(detail),
                                std::move(remedy)});
}

void find_classes(const fs::path& base, Inventory& inventory) {
  std::vector<std::string>& classes = inventory.info.classes;
  // train/ holds classes only; in the root other folders are nothing unusual.
  const Severity severity = base == inventory.root ? Severity::kNote : Severity::kWarning;
  for (const fs::path& folder : folders_in(base)) {
    if (!some_picture_in(folder).empty()) {
      classes.push_back(folder.filename().string());
      continue;
    }
    report(inventory,
           FindingKind::kEmptyClass,
           severity,
           folder,
           "holds no pictures, so it is no class",
           "put the pictures of the class directly into the folder, or take it out of the set");
  }
  if (classes.size() <= kMaxClasses) return;
  report(inventory,
         FindingKind::kTooManyClasses,
         Severity::kError,
         base,
         fmt::format("{} class folders; expected at most {}", classes.size(), kMaxClasses),
         "take classes out, or put several into one folder: label maps are 8-bit and 255 means "
         "ignore");
}

std::string id_of(const fs::path& picture, const Inventory& inventory) {
  const fs::path path = picture.lexically_relative(inventory.root).replace_extension();
  std::vector<std::string> parts;
  for (const fs::path& part : path) parts.push_back(part.string());
  return core::join(parts, kSeparator);
}

// Appends the pictures in the class folders of `base` to a split.
void add_pictures(const fs::path& base, Split split, Inventory& inventory) {
  const std::vector<std::string>& classes = inventory.info.classes;
  for (const fs::path& folder : folders_in(base)) {
    const FileIndex pictures(folder);
    if (pictures.empty()) continue;
    const std::string name = folder.filename().string();
    const auto known = std::ranges::find(classes, name);
    if (known == classes.end()) {
      report(inventory,
             FindingKind::kUnknownClass,
             Severity::kError,
             folder,
             fmt::format("train/ has no class '{}'{}", name, core::did_you_mean(name, classes)),
             fmt::format("add training pictures in train/{}/, rename the folder, or take it out of "
                         "the set",
                         name));
      continue;
    }
    const auto id = static_cast<std::uint8_t>(known - classes.begin());
    for (const auto& [stem, file] : pictures.files())
      inventory.at(split).push_back({id_of(file, inventory), file, file, {}, id});
    report_shadowed(pictures, inventory);
  }
  const std::size_t loose = FileIndex(base).files().size();
  if (loose == 0) return;
  report(
      inventory,
      FindingKind::kUnlistedFile,
      Severity::kNote,
      base,
      fmt::format("{} pictures lie beside the class folders: they have no class and are not used",
                  loose),
      "put them into class folders if they belong to the set");
}

// A second splitting of the training pictures would be surprising where there is a folder for it.
void report_other_splits(Inventory& inventory) {
  for (const fs::path& folder : folders_in(inventory.root)) {
    const std::string name = folder.filename().string();
    if (std::ranges::find(kSplits, name, [](Split split) { return name_of(split); }) !=
        kSplits.end())
      continue;
    const std::vector<fs::path> inner = folders_in(folder);
    if (std::ranges::none_of(inner, [](const fs::path& f) { return !some_picture_in(f).empty(); }))
      continue;
    report(inventory,
           FindingKind::kUnlistedFile,
           Severity::kWarning,
           folder,
           "holds folders of pictures, but is none of train/, val/ and test/, so it is not used",
           "rename it, or take it out of the set");
  }
}

void report_repeated_ids(Inventory& inventory) {
  std::map<std::string_view, const fs::path*> seen;
  std::vector<std::pair<const Entry*, const fs::path*>> repeated;
  for (const std::vector<Entry>& entries : inventory.splits) {
    for (const Entry& entry : entries) {
      const auto [first, is_new] = seen.emplace(entry.id, &entry.image);
      if (!is_new) repeated.emplace_back(&entry, first->second);
    }
  }
  for (const auto& [entry, first] : repeated) {
    report(inventory,
           FindingKind::kDuplicateId,
           Severity::kError,
           entry->image,
           fmt::format("has the id '{}', as {} has", entry->id, inventory.relative(*first)),
           fmt::format("rename one of the two, without '{}'", kSeparator));
  }
}

// All pictures are in train; gives val and test their part.
void split_pictures_by_hash(Inventory& inventory) {
  std::map<std::string, Entry> by_id;
  std::vector<std::string> ids;
  for (Entry& entry : inventory.at(Split::kTrain)) {
    ids.push_back(entry.id);
    by_id.emplace(entry.id, std::move(entry));
  }
  inventory.at(Split::kTrain).clear();
  SplitIds splits = split_by_hash(ids);
  for (const Split split : kSplits) {
    for (const std::string& id : splits.at(split)) inventory.at(split).push_back(by_id.at(id));
  }
}

}  // namespace

std::string why_not_classes(const fs::path& root) {
  std::size_t classes = 0;
  for (const fs::path& folder : folders_in(class_base(root))) {
    const std::string picture = some_picture_in(folder);
    if (picture.empty()) continue;
    const std::string name = folder.filename().string();
    if (is_foreign_folder(name))
      return fmt::format("folder {}/ is named like a part of another layout, not like a class",
                         name);
    if (has_foreign_mark(picture)) return fmt::format("{}/{} is of Cityscapes", name, picture);
    ++classes;
  }
  if (classes >= 2) return "";
  return is_split(root) ? "fewer than two folders with pictures in train/"
                        : "no folder train/, and fewer than two folders with pictures";
}

Inventory scan_classes(const fs::path& root, const OpenOptions&) {
  Inventory inventory;
  inventory.root = root;
  inventory.info.name = fs::canonical(root).filename().string();
  inventory.info.format = "classes";
  inventory.info.label_kind = LabelKind::kPicture;
  find_classes(class_base(root), inventory);
  inventory.info.palette = voc_palette(inventory.info.classes.size());
  inventory.info.mirror_pairs = mirror_pairs_of(inventory.info.classes);
  if (inventory.info.classes.size() > kMaxClasses) return inventory;  // no ids for the others

  add_pictures(class_base(root), Split::kTrain, inventory);
  if (is_split(root)) {
    for (const Split split : {Split::kVal, Split::kTest}) {
      const fs::path base = root / name_of(split);
      if (fs::is_directory(base)) add_pictures(base, split, inventory);
    }
    report_other_splits(inventory);
  }
  report_repeated_ids(inventory);
  if (!is_split(root)) {
    split_pictures_by_hash(inventory);
  } else if (!fs::is_directory(root / "val")) {
    hold_out_val(inventory);
  }
  return inventory;
}

}  // namespace parsimony::data
