// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/split_lists.h"

#include <algorithm>
#include <map>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

std::size_t tenth_of(std::size_t count) {
  return count < 3 ? 0 : std::max<std::size_t>(1, (count + 5) / 10);
}

std::vector<std::string> in_hash_order(std::vector<std::string> ids) {
  std::map<std::string, std::string> by_hash;
  for (std::string& id : ids) {
    std::string hash = core::sha256(std::string_view(id));
    by_hash.emplace(std::move(hash), std::move(id));
  }
  ids.clear();
  for (auto& [hash, id] : by_hash) ids.push_back(std::move(id));
  return ids;
}

// Columns are parted by tabs, or by blanks between file names; other blanks belong to the id.
std::string_view first_column(std::string_view line) {
  line = line.substr(0, line.find('\t'));
  const std::string_view word = line.substr(0, line.find(' '));
  return is_picture_name(word) ? word : line;
}

fs::path list_of(const fs::path& folder, Split split, const std::string& subset) {
  return folder / fmt::format("{}{}.txt", name_of(split), subset.empty() ? "" : "_" + subset);
}

// The names for which train_NAME.txt exists.
std::vector<std::string> subsets_in(const fs::path& folder) {
  constexpr std::string_view kPrefix = "train_", kSuffix = ".txt";
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    if (file.starts_with(kPrefix) && file.ends_with(kSuffix) &&
        file.size() > kPrefix.size() + kSuffix.size()) {
      names.push_back(file.substr(kPrefix.size(), file.size() - kPrefix.size() - kSuffix.size()));
    }
  }
  std::ranges::sort(names);
  return names;
}

void require_subset(const fs::path& folder, const std::string& subset) {
  for (const Split split : kSplits) {
    const fs::path list = list_of(folder, split, subset);
    const bool needed = split == Split::kTrain || fs::is_regular_file(list_of(folder, split, ""));
    if (!needed || fs::is_regular_file(list)) continue;
    const std::vector<std::string> names = subsets_in(folder);
    core::throw_user_error("{}: no such list; expected one for the subset '{}'. {}",
                           list.string(),
                           subset,
                           names.empty()
                               ? "The set has no subsets: leave the option out, or write the list."
                               : "Subsets of this set: " + core::join(names, ", ") + ".");
  }
}

}  // namespace

std::vector<std::string> read_list(const fs::path& file) {
  const std::string text = core::read_text_file(file);
  std::string_view content = text;
  if (content.starts_with("\xef\xbb\xbf")) content.remove_prefix(3);  // byte order mark of Windows
  std::vector<std::string> ids;
  for (const std::string& line : core::split(content, '\n')) {
    const std::string_view trimmed = core::trim(line);
    if (trimmed.empty() || trimmed.starts_with('#')) continue;
    const fs::path name(first_column(trimmed));
    // Only a known extension is cut off: ids may contain dots.
    ids.push_back(is_picture_name(name) ? name.stem().string() : name.filename().string());
  }
  return ids;
}

void drop_repeated_ids(SplitIds& splits, Inventory& inventory) {
  std::map<std::string, Split> seen;
  for (const Split split : kSplits) {
    const std::string& list = splits.lists[static_cast<std::size_t>(split)];
    std::vector<std::string> kept;
    for (std::string& id : splits.at(split)) {
      const auto [first, is_new] = seen.emplace(id, split);
      if (is_new) {
        kept.push_back(std::move(id));
        continue;
      }
      const bool leak = first->second != split;
      inventory.findings.push_back(
          {FindingKind::kDuplicateId,
           leak ? Severity::kError : Severity::kWarning,
           list,
           leak ? fmt::format("'{}' is in {} as well as in {}: scores on {} would be too good",
                              id,
                              name_of(first->second),
                              name_of(split),
                              name_of(split))
                : fmt::format("'{}' is listed more than once", id),
           fmt::format("delete the line '{}' from {}", id, list)});
    }
    splits.at(split) = std::move(kept);
  }
}

std::optional<SplitIds> read_split_lists(const fs::path& folder,
                                         Inventory& inventory,
                                         const std::string& subset) {
  if (!subset.empty()) require_subset(folder, subset);
  SplitIds splits;
  for (const Split split : kSplits) {
    const auto index = static_cast<std::size_t>(split);
    const fs::path file = list_of(folder, split, subset);
    if (!fs::is_regular_file(file)) continue;
    splits.given[index] = true;
    splits.lists[index] = inventory.relative(file);
    splits.ids[index] = read_list(file);
  }
  if (!splits.given[static_cast<std::size_t>(Split::kTrain)]) return std::nullopt;
  drop_repeated_ids(splits, inventory);
  return splits;
}

SplitIds split_by_hash(const std::vector<std::string>& ids) {
  const std::vector<std::string> ordered = in_hash_order(ids);
  const std::size_t part = tenth_of(ordered.size());
  SplitIds splits;
  splits.given.fill(true);
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    splits.at(i < part       ? Split::kVal
              : i < 2 * part ? Split::kTest
                             : Split::kTrain)
        .push_back(ordered[i]);
  }
  for (std::vector<std::string>& split : splits.ids) std::ranges::sort(split);
  return splits;
}

void hold_out_val(Inventory& inventory) {
  std::vector<std::string> ids;
  for (const Entry& entry : inventory.at(Split::kTrain)) ids.push_back(entry.id);
  ids = in_hash_order(std::move(ids));
  const std::set<std::string> held(ids.begin(),
                                   ids.begin() + static_cast<std::ptrdiff_t>(tenth_of(ids.size())));
  std::vector<Entry>& train = inventory.at(Split::kTrain);
  const auto moved = std::ranges::stable_partition(
      train, [&held](const Entry& entry) { return !held.contains(entry.id); });
  inventory.at(Split::kVal).assign(moved.begin(), moved.end());
  train.erase(moved.begin(), moved.end());
}

void fill_splits(const Partners& partners,
                 const fs::path& lists,
                 Inventory& inventory,
                 const std::string& subset) {
  std::optional<SplitIds> listed = read_split_lists(lists, inventory, subset);
  if (listed) {
    for (const Split split : kSplits) {
      const auto index = static_cast<std::size_t>(split);
      pair_up(listed->ids[index], partners, split, listed->lists[index], inventory);
    }
    if (!listed->given[static_cast<std::size_t>(Split::kVal)]) hold_out_val(inventory);
  } else {
    std::vector<std::string> complete;
    std::vector<std::string> lonely;
    for (const std::string& id : all_ids(partners)) {
      (partners.complete(id) ? complete : lonely).push_back(id);
    }
    SplitIds splits = split_by_hash(complete);
    for (const Split split : kSplits) pair_up(splits.at(split), partners, split, "", inventory);
    pair_up(lonely, partners, Split::kTrain, "", inventory);
  }
  report_leftovers(partners, listed.has_value() && subset.empty(), inventory);
}

}  // namespace parsimony::data
