// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/file_index.h"

#include <algorithm>
#include <array>
#include <set>

#include "parsimony/core/error.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

// Formats that cannot be read are listed as well: a BMP label is better reported than overlooked.
constexpr std::array<std::string_view, 9> kExtensions = {
    ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm"};

// Position in kExtensions, or its size: PNG wins over JPEG where an id has both.
std::size_t rank_of(const fs::path& file) {
  std::string extension = file.extension().string();
  std::ranges::transform(
      extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return static_cast<std::size_t>(std::ranges::find(kExtensions, extension) - kExtensions.begin());
}

std::vector<fs::path> picture_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code missing;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, missing)) {
    const fs::path& file = entry.path();
    if (file.filename().string().starts_with('.') || !is_picture_name(file)) continue;
    std::error_code unreadable;
    if (!entry.is_directory(unreadable)) files.push_back(file);
  }
  std::ranges::sort(files, [](const fs::path& a, const fs::path& b) {
    return std::pair(rank_of(a), a.string()) < std::pair(rank_of(b), b.string());
  });
  return files;
}

void report_missing(Inventory& inventory,
                    FindingKind kind,
                    const std::string& file,
                    const std::string& id,
                    const std::string& list,
                    std::string_view what) {
  const bool listed = !list.empty();
  inventory.findings.push_back(
      {kind,
       listed ? Severity::kError : Severity::kWarning,
       file,
       listed ? fmt::format("{} names '{}', which has no {}", list, id, what)
              : fmt::format("'{}' has no {}, so the sample is left out", id, what),
       listed ? fmt::format("add the file, or take '{}' out of {}", id, list)
              : fmt::format("add the {} under the same name, or delete the file", what)});
}

}  // namespace

bool is_picture_name(const fs::path& file) {
  return rank_of(file) < kExtensions.size();
}

FileIndex::FileIndex(const fs::path& folder, std::string_view suffix) {
  for (const fs::path& file : picture_files(folder)) {
    std::string id = file.stem().string();
    if (!id.ends_with(suffix) || id.size() == suffix.size()) continue;
    id.resize(id.size() - suffix.size());
    if (!files_.emplace(id, file).second) shadowed_.push_back(file);
  }
}

void FileIndex::add(const std::string& id, const fs::path& file) {
  files_.emplace(id, file);
}

void FileIndex::fill_from(const FileIndex& other) {
  files_.insert(other.files_.begin(), other.files_.end());
}

const fs::path* FileIndex::find(const std::string& id) const {
  const auto found = files_.find(id);
  return found == files_.end() ? nullptr : &found->second;
}

std::vector<std::string> all_ids(const Partners& partners) {
  std::set<std::string> ids;
  for (const auto& [id, file] : partners.images.files()) ids.insert(id);
  for (const auto& [id, file] : partners.labels.files()) ids.insert(id);
  return {ids.begin(), ids.end()};
}

void pair_up(const std::vector<std::string>& ids,
             const Partners& partners,
             Split split,
             const std::string& list,
             Inventory& inventory) {
  for (const std::string& id : ids) {
    const fs::path* image = partners.images.find(id);
    const fs::path* labels = partners.labels.find(id);
    if (image != nullptr && labels != nullptr) {
      inventory.at(split).push_back({id, *image, *labels});
    } else if (image != nullptr) {
      report_missing(
          inventory, FindingKind::kMissingLabel, inventory.relative(*image), id, list, "label map");
    } else if (labels != nullptr) {
      report_missing(
          inventory, FindingKind::kMissingImage, inventory.relative(*labels), id, list, "picture");
    } else {
      report_missing(
          inventory, FindingKind::kListedButMissing, list, id, list, "picture and no label map");
    }
  }
}

void report_shadowed(const FileIndex& index, Inventory& inventory) {
  for (const fs::path& file : index.shadowed()) {
    inventory.findings.push_back(
        {FindingKind::kAmbiguousFile,
         Severity::kWarning,
         inventory.relative(file),
         "another file has the same name with another extension and is used instead",
         "keep one of the two"});
  }
}

void report_leftovers(const Partners& partners, bool listed, Inventory& inventory) {
  std::set<std::string> used;
  for (const std::vector<Entry>& entries : inventory.splits) {
    for (const Entry& entry : entries) used.insert(entry.id);
  }
  report_shadowed(partners.images, inventory);
  report_shadowed(partners.labels, inventory);
  if (!listed) return;
  for (const auto& [id, file] : partners.images.files()) {
    if (used.contains(id) || partners.labels.find(id) == nullptr) continue;
    inventory.findings.push_back(
        {FindingKind::kUnlistedFile,
         Severity::kNote,
         inventory.relative(file),
         fmt::format("no list names '{}', so the sample is not used", id),
         "add it to train.txt, val.txt or test.txt if it belongs to the set"});
  }
}

}  // namespace parsimony::data
