// SPDX-License-Identifier: Apache-2.0
// EG1800 (portraits; Shen et al., "Automatic Portrait Segmentation for Image Stylization", 2016) in
// its two forms.
//
// Cleaned copies: Images/ID.png or .jpg, Labels/ID.png (0 = background, anything else = portrait),
// eg1800_train.txt and eg1800_test.txt. Original: images_data_crop/NNNNN.jpg,
// images_mask/NNNNN_mask.mat (variable `mask`, 0 = background), trainlist.mat and testlist.mat
// (numbers of pictures in variables of the same names); the root may be the folder above data/.
//
// Some of the pictures cannot be had any more: what is listed and lost is left out and counted. val
// is held out of train.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/matlab_file.h"
#include "parsimony/data/palette.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTrainList = "eg1800_train.txt";
constexpr const char* kTestList = "eg1800_test.txt";

constexpr const char* kCrops = "images_data_crop";
constexpr const char* kMasks = "images_mask";
constexpr std::string_view kMaskSuffix = "_mask.mat";
constexpr std::array kMatlabLists = {
    std::pair(Split::kTrain, "trainlist"),
    std::pair(Split::kTest, "testlist"),
};
constexpr std::int64_t kLargestNumber = 99999;  // file names have five digits

Inventory empty_inventory(const fs::path& root) {
  Inventory inventory;
  inventory.root = root;
  inventory.info = {"eg1800", "eg1800", {"background", "portrait"}, voc_palette(2)};
  inventory.coding.ids.fill(1);
  inventory.coding.ids[0] = 0;
  return inventory;
}

// Takes ids that are lost out of `ids`; `what` of them is missing.
void leave_out_lost(std::vector<std::string>& ids,
                    const std::function<bool(const std::string&)>& is_lost,
                    std::string_view what,
                    const std::string& list,
                    Inventory& inventory) {
  const std::size_t listed = ids.size();
  const std::size_t lost = std::erase_if(ids, is_lost);
  if (lost == 0) return;
  inventory.findings.push_back(
      {FindingKind::kListedButMissing,
       Severity::kNote,
       list,
       fmt::format("{} of {} listed {} are not here", lost, listed, what),
       "nothing to do: parts of EG1800 cannot be downloaded any more; results are for what is here"});
}

std::optional<fs::path> find_original(const fs::path& root) {
  for (const fs::path& base : {root, root / "data"}) {
    if (fs::is_regular_file(base / "trainlist.mat") && fs::is_directory(base / kCrops) &&
        fs::is_directory(base / kMasks))
      return base;
  }
  return std::nullopt;
}

// The ids of a list of picture numbers; what is wrong with it is reported.
std::vector<std::string> read_matlab_list(const fs::path& file,
                                          const char* variable,
                                          Inventory& inventory) {
  std::vector<std::string> ids;
  const auto report = [&](std::string detail, std::string remedy) {
    inventory.findings.push_back({FindingKind::kMalformedList,
                                  Severity::kError,
                                  inventory.relative(file),
                                  std::move(detail),
                                  std::move(remedy)});
  };
  try {
    const MatlabMatrix list = read_matlab_matrix(file, variable);
    if (list.rows != 1 && list.columns != 1) {
      report(fmt::format("'{}' is a {}x{} matrix; expected one row of numbers",
                         variable,
                         list.rows,
                         list.columns),
             "take the list that comes with the data set");
      return ids;
    }
    for (const std::int64_t number : list.values) {
      if (number >= 1 && number <= kLargestNumber) {
        ids.push_back(fmt::format("{:05}", number));
        continue;
      }
      report(fmt::format("'{}' holds {}; expected numbers of pictures, 1 to {}",
                         variable,
                         number,
                         kLargestNumber),
             "take the list that comes with the data set");
    }
  } catch (const core::Error& error) {
    report(error.what(), "take the list that comes with the data set");
  }
  return ids;
}

FileIndex index_masks(const fs::path& folder) {
  FileIndex masks;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    if (!name.ends_with(kMaskSuffix)) continue;
    name.resize(name.size() - kMaskSuffix.size());
    masks.add(name, entry.path());
  }
  return masks;
}

void note_unlisted(const Partners& partners,
                   const std::set<std::string>& listed,
                   const std::string& folder,
                   Inventory& inventory) {
  const auto unlisted = std::ranges::count_if(partners.images.files(), [&listed](const auto& file) {
    return !listed.contains(file.first);
  });
  if (unlisted == 0) return;
  inventory.findings.push_back(
      {FindingKind::kUnlistedFile,
       Severity::kNote,
       folder,
       fmt::format("{} of {} pictures are in neither list, so they are not used",
                   unlisted,
                   partners.images.files().size()),
       "nothing to do: the authors' lists leave some pictures out"});
}

}  // namespace

std::string why_not_eg1800(const fs::path& root) {
  if (!fs::is_regular_file(root / kTrainList)) return "no list eg1800_train.txt";
  return fs::is_directory(root / "Images") && fs::is_directory(root / "Labels")
             ? ""
             : "no folders Images/ and Labels/";
}

Inventory scan_eg1800(const fs::path& root, const OpenOptions&) {
  Inventory inventory = empty_inventory(root);
  inventory.coding.gray_as_rgb = true;

  SplitIds splits;
  for (const auto& [split, name] :
       {std::pair(Split::kTrain, kTrainList), std::pair(Split::kTest, kTestList)}) {
    const auto index = static_cast<std::size_t>(split);
    splits.given[index] = fs::is_regular_file(root / name);
    splits.lists[index] = name;
    if (splits.given[index]) splits.ids[index] = read_list(root / name);
  }
  drop_repeated_ids(splits, inventory);
  const Partners partners{FileIndex(root / "Images"), FileIndex(root / "Labels")};
  const auto has_no_file = [&partners](const std::string& id) {
    return partners.images.find(id) == nullptr && partners.labels.find(id) == nullptr;
  };
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const std::string& list = splits.lists[static_cast<std::size_t>(split)];
    leave_out_lost(splits.at(split), has_no_file, "pictures", list, inventory);
    pair_up(splits.at(split), partners, split, list, inventory);
  }
  hold_out_val(inventory);
  report_leftovers(partners, true, inventory);
  return inventory;
}

std::string why_not_eg1800_original(const fs::path& root) {
  return find_original(root)
             ? ""
             : "no trainlist.mat with images_data_crop/ and images_mask/ here or in data/";
}

Inventory scan_eg1800_original(const fs::path& root, const OpenOptions&) {
  const fs::path base = *find_original(root);
  Inventory inventory = empty_inventory(root);
  inventory.coding.matlab_variable = "mask";

  SplitIds splits;
  std::set<std::string> listed;
  for (const auto& [split, name] : kMatlabLists) {
    const auto index = static_cast<std::size_t>(split);
    const fs::path file = base / (std::string(name) + ".mat");
    splits.given[index] = fs::is_regular_file(file);
    splits.lists[index] = inventory.relative(file);
    if (splits.given[index]) splits.ids[index] = read_matlab_list(file, name, inventory);
    listed.insert(splits.ids[index].begin(), splits.ids[index].end());
  }
  drop_repeated_ids(splits, inventory);
  const Partners partners{FileIndex(base / kCrops), index_masks(base / kMasks)};
  // The masks were published, of the pictures addresses only: one without the other is normal.
  const auto is_incomplete = [&partners](const std::string& id) {
    return partners.images.find(id) == nullptr || partners.labels.find(id) == nullptr;
  };
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const std::string& list = splits.lists[static_cast<std::size_t>(split)];
    leave_out_lost(splits.at(split), is_incomplete, "pictures or their masks", list, inventory);
    pair_up(splits.at(split), partners, split, list, inventory);
  }
  hold_out_val(inventory);
  report_leftovers(partners, false, inventory);
  note_unlisted(partners, listed, inventory.relative(base / kCrops), inventory);
  return inventory;
}

}  // namespace parsimony::data
