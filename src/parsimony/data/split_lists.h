// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/data/file_index.h"
#include "parsimony/data/inventory.h"

namespace parsimony::data {

// Ids per split. A split without a list is empty in `ids` and false in `given`.
struct SplitIds {
  std::array<std::vector<std::string>, 3> ids;
  std::array<std::string, 3> lists;  // where the ids came from, as findings name it
  std::array<bool, 3> given{};

  std::vector<std::string>& at(Split split) { return ids[static_cast<std::size_t>(split)]; }
};

// One id a line. A line may also be a path or several columns (VOC lists of other tools): then the
// stem of the first column is the id. Blank lines and lines starting with '#' are skipped.
std::vector<std::string> read_list(const std::filesystem::path& file);

// Reads train.txt, val.txt and test.txt of `folder` as far as they exist; ids listed twice are
// reported and dropped. nullopt when there is no train.txt. With a `subset` the lists are
// train_SUBSET.txt and so on; one that is missing beside a list of the whole split is a user error
// that names the subsets that exist.
std::optional<SplitIds> read_split_lists(const std::filesystem::path& folder,
                                         Inventory& inventory,
                                         const std::string& subset = "");

// Reports ids that occur twice, in one split or in two, and keeps their first occurrence.
void drop_repeated_ids(SplitIds& splits, Inventory& inventory);

// Splits without lists, the same on every machine: ids in the order of the SHA-256 of their text,
// the first 10 % for val, the next 10 % for test, the rest for train (rounded; at least one each
// from three samples on).
SplitIds split_by_hash(const std::vector<std::string>& ids);

// Moves the first 10 % of train, by the same order, to val: for sets that come without a val split.
void hold_out_val(Inventory& inventory);

// What `folder` and `pairs` share: lists when there are any, else the split by hash; partners
// reported; val held out of train when the set has none.
void fill_splits(const Partners& partners,
                 const std::filesystem::path& lists,
                 Inventory& inventory,
                 const std::string& subset = "");

}  // namespace parsimony::data
