// SPDX-License-Identifier: Apache-2.0
// EG1800 (portraits) as its cleaned copies lie: Images/ID.png or .jpg, Labels/ID.png (0 =
// background, anything else = portrait), eg1800_train.txt and eg1800_test.txt. Some of its pictures
// cannot be had any more: listed ids without picture and label are left out and counted. val is
// held out of train.
#include <fmt/format.h>

#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/palette.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTrainList = "eg1800_train.txt";
constexpr const char* kTestList = "eg1800_test.txt";

// Takes ids without any file out of `ids`.
void leave_out_lost(std::vector<std::string>& ids,
                    const Partners& partners,
                    const std::string& list,
                    Inventory& inventory) {
  const std::size_t listed = ids.size();
  std::erase_if(ids, [&](const std::string& id) {
    return partners.images.find(id) == nullptr && partners.labels.find(id) == nullptr;
  });
  const std::size_t lost = listed - ids.size();
  if (lost == 0) return;
  inventory.findings.push_back(
      {FindingKind::kListedButMissing,
       Severity::kNote,
       list,
       fmt::format("{} of {} listed pictures are not here", lost, listed),
       "nothing to do: parts of EG1800 cannot be downloaded any more; results are for what is here"});
}

}  // namespace

std::string why_not_eg1800(const fs::path& root) {
  if (!fs::is_regular_file(root / kTrainList)) return "no list eg1800_train.txt";
  return fs::is_directory(root / "Images") && fs::is_directory(root / "Labels")
             ? ""
             : "no folders Images/ and Labels/";
}

Inventory scan_eg1800(const fs::path& root, const OpenOptions&) {
  Inventory inventory;
  inventory.root = root;
  inventory.info = {"eg1800", "eg1800", {"background", "portrait"}, voc_palette(2)};
  inventory.coding.ids.fill(1);
  inventory.coding.ids[0] = 0;
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
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const std::string& list = splits.lists[static_cast<std::size_t>(split)];
    leave_out_lost(splits.at(split), partners, list, inventory);
    pair_up(splits.at(split), partners, split, list, inventory);
  }
  hold_out_val(inventory);
  report_leftovers(partners, true, inventory);
  return inventory;
}

}  // namespace parsimony::data
