// SPDX-License-Identifier: Apache-2.0
// HELEN with the labels of Smith et al. (2013): images/ID.jpg, labels/ID/ID_lblXX.png, XX = 00 to
// 10, each the probability of one class (8-bit gray, 255 = 1), of which the largest decides; and
// lists with lines "number , ID": exemplars.txt (train), tuning.txt (val), testing.txt (test).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/data/face_classes.h"
#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array kLists = {
    std::pair(Split::kTrain, "exemplars.txt"),
    std::pair(Split::kVal, "tuning.txt"),
    std::pair(Split::kTest, "testing.txt"),
};

// Lines "number , ID"; others are reported.
std::vector<std::string> read_numbered_list(const fs::path& file, Inventory& inventory) {
  std::vector<std::string> ids;
  std::size_t number = 0;
  for (const std::string& text : core::split(core::read_text_file(file), '\n')) {
    ++number;
    const std::string_view line = core::trim(text);
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t comma = line.find(',');
    const std::string_view id =
        comma == std::string_view::npos ? "" : core::trim(line.substr(comma + 1));
    if (!id.empty() && id.find('/') == std::string_view::npos) {
      ids.emplace_back(id);
      continue;
    }
    inventory.findings.push_back(
        {FindingKind::kMalformedList,
         Severity::kError,
         inventory.relative(file),
         fmt::format("line {}: '{}': expected 'number , ID'", number, line),
         "write a line like '1 , 100032540_1', or delete it"});
  }
  return ids;
}

std::string part_name(const std::string& id, std::size_t c) {
  return fmt::format("{}_lbl{:02}", id, c);
}

// The eleven maps of one picture; every one that is missing is reported, and files that are none of
// them, which would be a twelfth class or another picture's.
std::vector<LabelPart> find_parts(const std::string& id,
                                  const fs::path& folder,
                                  Inventory& inventory) {
  const FileIndex files(folder);
  std::vector<LabelPart> parts;
  const std::vector<std::string>& classes = inventory.info.classes;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const std::string name = part_name(id, c);
    if (const fs::path* file = files.find(name)) {
      parts.push_back({*file, static_cast<std::uint8_t>(c)});
      continue;
    }
    inventory.findings.push_back({FindingKind::kMissingLabel,
                                  Severity::kError,
                                  inventory.relative(folder / (name + ".png")),
                                  fmt::format("the map of class {} '{}' is missing", c, classes[c]),
                                  fmt::format("add the file, or take '{}' out of its list", id)});
  }
  for (const auto& [name, file] : files.files()) {
    const auto is_part = [&file = file](const LabelPart& part) { return part.file == file; };
    if (std::ranges::any_of(parts, is_part)) continue;
    inventory.findings.push_back({FindingKind::kUnknownPart,
                                  Severity::kError,
                                  inventory.relative(file),
                                  fmt::format("is none of the maps {} to {} of this picture",
                                              part_name(id, 0),
                                              part_name(id, classes.size() - 1)),
                                  "take the file out of the folder"});
  }
  return parts;
}

FileIndex label_folders(const fs::path& labels) {
  FileIndex folders;
  for (const fs::directory_entry& entry : fs::directory_iterator(labels)) {
    if (entry.is_directory()) folders.add(entry.path().filename().string(), entry.path());
  }
  return folders;
}

}  // namespace

std::string why_not_helen(const fs::path& root) {
  if (!fs::is_regular_file(root / kLists.front().second)) return "no list exemplars.txt";
  return fs::is_directory(root / "images") && fs::is_directory(root / "labels")
             ? ""
             : "no folders images/ and labels/";
}

Inventory scan_helen(const fs::path& root, const OpenOptions& options) {
  Inventory inventory;
  inventory.root = root;
  inventory.info = helen_info();
  inventory.composition = {LabelComposition::Rule::kMostProbable, options.least_probability};

  SplitIds splits;
  for (const auto& [split, name] : kLists) {
    const auto index = static_cast<std::size_t>(split);
    splits.lists[index] = name;
    splits.given[index] = fs::is_regular_file(root / name);
    if (splits.given[index]) splits.ids[index] = read_numbered_list(root / name, inventory);
  }
  drop_repeated_ids(splits, inventory);
  const Partners partners{FileIndex(root / "images"), label_folders(root / "labels")};
  for (const Split split : kSplits) {
    const auto index = static_cast<std::size_t>(split);
    pair_up(splits.ids[index], partners, split, splits.lists[index], inventory);
    std::vector<Entry>& entries = inventory.at(split);
    for (Entry& entry : entries) entry.parts = find_parts(entry.id, entry.labels, inventory);
    std::erase_if(entries, [&inventory](const Entry& entry) {
      return entry.parts.size() < inventory.info.classes.size();
    });
  }
  if (!splits.given[static_cast<std::size_t>(Split::kVal)]) hold_out_val(inventory);
  report_leftovers(partners, true, inventory);
  return inventory;
}

}  // namespace parsimony::data
