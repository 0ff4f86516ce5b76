// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/data/inventory.h"

namespace parsimony::data {

// Whether a name ends like a picture file (also of formats that cannot be read).
bool is_picture_name(const std::filesystem::path& file);

// The picture files of one folder by id. `suffix` ends the stem of every file ("_L") and is not
// part of the id; files without it, hidden files and other file types are left out.
class FileIndex {
 public:
  FileIndex() = default;
  // A folder that does not exist gives an empty index.
  explicit FileIndex(const std::filesystem::path& folder, std::string_view suffix = "");

  void add(const std::string& id, const std::filesystem::path& file);  // unless the id is known
  // Adds files of `other` whose ids are not yet known.
  void fill_from(const FileIndex& other);
  const std::filesystem::path* find(const std::string& id) const;  // null when unknown
  bool empty() const { return files_.empty(); }
  const std::map<std::string, std::filesystem::path>& files() const { return files_; }
  // Files that carry an id some other file has already.
  const std::vector<std::filesystem::path>& shadowed() const { return shadowed_; }

 private:
  std::map<std::string, std::filesystem::path> files_;
  std::vector<std::filesystem::path> shadowed_;
};

// The pictures of a data set or of one of its splits, and what labels them.
struct Partners {
  FileIndex images;
  FileIndex labels = {};
  TargetSet targets = {Target::kClasses};  // which of these a sample needs
  FileIndex depth = {};                    // Target::kDepth
  std::map<std::string, Pose> poses = {};  // Target::kPose, by id
  std::filesystem::path annotations = {};  // what findings on poses name

  // Whether an id has everything that a sample needs.
  bool complete(const std::string& id) const;
};

// Ids that have a picture or a label of some kind, in order.
std::vector<std::string> all_ids(const Partners& partners);

// Appends the samples of `ids` to a split and reports every partner that is missing. `list` names
// the list the ids came from; empty when they were found in the folders, which makes a missing
// partner a warning (the sample is left out) instead of an error.
void pair_up(const std::vector<std::string>& ids,
             const Partners& partners,
             Split split,
             const std::string& list,
             Inventory& inventory);

// Reports the shadowed files of an index.
void report_shadowed(const FileIndex& index, Inventory& inventory);

// Notes files that no list names and files that others shadow.
void report_leftovers(const Partners& partners, bool listed, Inventory& inventory);

}  // namespace parsimony::data
