// SPDX-License-Identifier: Apache-2.0
// CelebAMask-HQ: CelebA-HQ-img/N.jpg and, per face and part,
// CelebAMask-HQ-mask-anno/F/NNNNN_part.png (non-zero = part, no file = no such part; F, usually N
// div 2000, does not matter). Pictures of 1024 pixels are scaled to the size of their masks, 512.
// The root may be the folder above CelebAMask-HQ/.
//
// The split is CelebA's: CelebA-HQ-to-CelebA-mapping.txt (columns idx, orig_idx, orig_file) leads
// to the CelebA picture, list_eval_partition.txt ("000001.jpg 0"; 0 train, 1 val, 2 test) or,
// without it, the number of that picture to its split: the list is sorted by number. Without the
// mapping, train.txt, val.txt and test.txt in the root or the hash decide (split_lists.h).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
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

constexpr const char* kImages = "CelebA-HQ-img";
constexpr const char* kMasks = "CelebAMask-HQ-mask-anno";
constexpr const char* kMapping = "CelebA-HQ-to-CelebA-mapping.txt";
constexpr const char* kPartition = "list_eval_partition.txt";
constexpr std::size_t kDigits = 5;  // of NNNNN_part.png

// The first pictures of CelebA's validation and test splits.
constexpr std::int64_t kFirstVal = 162771;
constexpr std::int64_t kFirstTest = 182638;

std::optional<fs::path> find_base(const fs::path& root) {
  for (const fs::path& base : {root, root / "CelebAMask-HQ"}) {
    if (fs::is_directory(base / kImages) && fs::is_directory(base / kMasks)) return base;
  }
  return std::nullopt;
}

// A list or mapping, in the data set's folder or beside it.
std::optional<fs::path> find_list(const fs::path& root, const fs::path& base, const char* name) {
  for (const fs::path& folder : {base, root}) {
    if (fs::is_regular_file(folder / name)) return folder / name;
  }
  return std::nullopt;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// --- parts ------------------------------------------------------------------------------------

using Parts = std::map<std::string, std::vector<LabelPart>>;  // by picture id, unsorted

void report_unknown_part(const fs::path& file, const std::string& detail, Inventory& inventory) {
  inventory.findings.push_back(
      {FindingKind::kUnknownPart,
       Severity::kError,
       inventory.relative(file),
       detail,
       "rename the file to NNNNN_part.png with a part of CelebAMask-HQ, or take it out of the "
       "folder"});
}

void add_part(const std::string& stem, const fs::path& file, Inventory& inventory, Parts& parts) {
  const std::optional<std::int64_t> number =
      number_of(std::string_view(stem).substr(0, std::min(kDigits, stem.size())));
  if (!number || stem.size() < kDigits + 2 || stem[kDigits] != '_') {
    report_unknown_part(file, "is not named like 00012_skin.png", inventory);
    return;
  }
  const std::string name = stem.substr(kDigits + 1);
  const std::vector<std::string>& classes = inventory.info.classes;
  const auto found = std::ranges::find(classes, name);
  if (found == classes.end() || found == classes.begin()) {
    report_unknown_part(
        file,
        fmt::format("'{}' is no part of CelebAMask-HQ{} Its parts: {}",
                    name,
                    core::did_you_mean(name, classes),
                    core::join(std::vector(classes.begin() + 1, classes.end()), ", ")),
        inventory);
    return;
  }
  std::vector<LabelPart>& of_picture = parts[std::to_string(*number)];
  const auto id = static_cast<std::uint8_t>(found - classes.begin());
  const auto same = std::ranges::find(of_picture, id, &LabelPart::id);
  if (same == of_picture.end()) {
    of_picture.push_back({file, id});
    return;
  }
  inventory.findings.push_back(
      {FindingKind::kAmbiguousFile,
       Severity::kWarning,
       inventory.relative(file),
       fmt::format("the same part is in {}, which is used instead", inventory.relative(same->file)),
       "keep one of the two"});
}

void add_parts(const fs::path& folder, Inventory& inventory, Parts& parts) {
  const FileIndex files(folder);
  for (const auto& [stem, file] : files.files()) add_part(stem, file, inventory, parts);
}

Parts find_parts(const fs::path& folder, Inventory& inventory) {
  Parts parts;
  add_parts(folder, inventory, parts);
  std::vector<fs::path> folders;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  for (const fs::path& below : folders) add_parts(below, inventory, parts);
  return parts;
}

// --- split ------------------------------------------------------------------------------------

// The lines of a table of `columns` columns; what has another number of them is reported. A first
// line without any digit is a heading.
class Table {
 public:
  Table(const fs::path& file, std::size_t columns, const char* example, Inventory& inventory)
      : name_(inventory.relative(file)), example_(example), findings_(inventory.findings) {
    std::size_t number = 0;
    for (const std::string& text : core::split(core::read_text_file(file), '\n')) {
      Line line{++number, words_of(text)};
      const bool heading = number == 1 && text.find_first_of("0123456789") == std::string::npos;
      const bool empty = line.words.empty() || line.words.front().starts_with('#');
      if (empty || heading) continue;
      if (line.words.size() == columns) {
        lines_.push_back(std::move(line));
      } else {
        report(line, fmt::format("{} columns instead of {}", line.words.size(), columns));
      }
    }
  }

  struct Line {
    std::size_t number;
    std::vector<std::string> words;
  };
  const std::string& name() const { return name_; }
  const std::vector<Line>& lines() const { return lines_; }

  void report(const Line& line, const std::string& detail) const {
    findings_.push_back(
        {FindingKind::kMalformedList,
         Severity::kError,
         name_,
         fmt::format("line {}: '{}': {}", line.number, core::join(line.words, " "), detail),
         fmt::format("write a line like '{}', or fetch the file again", example_)});
  }

 private:
  static std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words(1);
    for (const char c : text) {
      if (c != ' ' && c != '\t' && c != '\r' && c != ',') {
        words.back() += c;
      } else if (!words.back().empty()) {
        words.emplace_back();
      }
    }
    if (words.back().empty()) words.pop_back();
    return words;
  }

  std::string name_;
  const char* example_;
  std::vector<Finding>& findings_;
  std::vector<Line> lines_;
};

using Partition = std::map<std::string, Split>;  // by CelebA file name

Partition read_partition(const fs::path& file, Inventory& inventory) {
  Partition partition;
  const Table table(file, 2, "000001.jpg 0", inventory);
  for (const Table::Line& line : table.lines()) {
    const std::optional<std::int64_t> split = number_of(line.words[1]);
    if (split && *split < 3) {
      partition[line.words[0]] = static_cast<Split>(*split);
    } else {
      table.report(line, "expected 0 (train), 1 (val) or 2 (test) in the second column");
    }
  }
  return partition;
}

// The split of a CelebA picture "119614.jpg".
std::optional<Split> split_of(const std::string& file, const std::optional<Partition>& partition) {
  if (partition) {
    const auto found = partition->find(file);
    return found == partition->end() ? std::nullopt : std::optional(found->second);
  }
  const std::optional<std::int64_t> number = number_of(fs::path(file).stem().string());
  if (!number) return std::nullopt;
  return *number < kFirstVal ? Split::kTrain : *number < kFirstTest ? Split::kVal : Split::kTest;
}

SplitIds read_mapping(const fs::path& file,
                      const std::optional<Partition>& partition,
                      Inventory& inventory) {
  SplitIds splits;
  splits.given.fill(true);
  const Table table(file, 3, "0 119613 119614.jpg", inventory);
  splits.lists.fill(table.name());
  for (const Table::Line& line : table.lines()) {
    const std::optional<std::int64_t> id = number_of(line.words[0]);
    const std::optional<Split> split = split_of(line.words[2], partition);
    if (!id) {
      table.report(line, "expected the number of a picture in the first column");
    } else if (!split) {
      table.report(line,
                   partition ? fmt::format("'{}' is not in {}", line.words[2], kPartition)
                             : "expected a file name like 119614.jpg in the third column");
    } else {
      splits.at(*split).push_back(std::to_string(*id));
    }
  }
  drop_repeated_ids(splits, inventory);
  return splits;
}

// The mapping names all 30,000 pictures; a part of the set is a set, too.
void leave_out_absent(SplitIds& splits, const Partners& partners, Inventory& inventory) {
  std::size_t absent = 0;
  for (std::vector<std::string>& ids : splits.ids) {
    absent += std::erase_if(ids, [&partners](const std::string& id) {
      return partners.images.find(id) == nullptr && partners.labels.find(id) == nullptr;
    });
  }
  if (absent == 0) return;
  inventory.findings.push_back(
      {FindingKind::kListedButMissing,
       Severity::kNote,
       splits.lists.front(),
       fmt::format("{} of the listed pictures are not here", absent),
       "nothing to do if this is a part of the set on purpose; scores are for what is here"});
}

void split_as_celeba(const fs::path& mapping,
                     const std::optional<fs::path>& list,
                     const Partners& partners,
                     Inventory& inventory) {
  std::optional<Partition> partition;
  if (list) {
    partition = read_partition(*list, inventory);
  } else {
    inventory.findings.push_back(
        {FindingKind::kNoOfficialSplit,
         Severity::kNote,
         inventory.relative(mapping),
         fmt::format("there is no {}: the split is taken from the numbers of the CelebA pictures "
                     "(val from {}, test from {})",
                     kPartition,
                     kFirstVal,
                     kFirstTest),
         "nothing to do; or put CelebA's list_eval_partition.txt beside this file"});
  }
  SplitIds splits = read_mapping(mapping, partition, inventory);
  leave_out_absent(splits, partners, inventory);
  for (const Split split : kSplits)
    pair_up(splits.at(split), partners, split, splits.lists.front(), inventory);
  if (inventory.at(Split::kVal).empty()) hold_out_val(inventory);
  report_leftovers(partners, true, inventory);
}

}  // namespace

std::string why_not_celebamask_hq(const fs::path& root) {
  return find_base(root) ? "" : "no folders CelebA-HQ-img/ and CelebAMask-HQ-mask-anno/";
}

Inventory scan_celebamask_hq(const fs::path& root, const OpenOptions& options) {
  const fs::path base = *find_base(root);
  Inventory inventory;
  inventory.root = root;
  inventory.info = celebamask_hq_info(options.part_order);
  inventory.scales_pictures = true;

  Parts parts = find_parts(base / kMasks, inventory);
  Partners partners{FileIndex(base / kImages), {}};
  for (auto& [id, files] : parts) {
    std::ranges::sort(files, {}, &LabelPart::id);
    partners.labels.add(id, files.front().file);
  }
  if (const std::optional<fs::path> mapping = find_list(root, base, kMapping)) {
    split_as_celeba(*mapping, find_list(root, base, kPartition), partners, inventory);
  } else {
    fill_splits(partners, root, inventory);
    if (!fs::is_regular_file(root / "train.txt")) {
      inventory.findings.push_back(
          {FindingKind::kNoOfficialSplit,
           Severity::kWarning,
           kMapping,
           "is not here, so the split is by the hash of the ids: scores cannot be compared with "
           "others'",
           "put the file, which comes with the set, beside CelebA-HQ-img/, or write train.txt, "
           "val.txt and test.txt"});
    }
  }
  for (std::vector<Entry>& split : inventory.splits) {
    for (Entry& entry : split) entry.parts = std::move(parts[entry.id]);
  }
  return inventory;
}

}  // namespace parsimony::data
