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

bool Partners::complete(const std::string& id) const {
  return images.find(id) != nullptr &&
         (!targets.contains(Target::kClasses) || labels.find(id) != nullptr) &&
         (!targets.contains(Target::kDepth) || depth.find(id) != nullptr) &&
         (!targets.contains(Target::kPose) || poses.contains(id));
}

std::vector<std::string> all_ids(const Partners& partners) {
  std::set<std::string> ids;
  for (const FileIndex* index : {&partners.images, &partners.labels, &partners.depth}) {
    for (const auto& [id, file] : index->files()) ids.insert(id);
  }
  for (const auto& [id, pose] : partners.poses) ids.insert(id);
  return {ids.begin(), ids.end()};
}

void pair_up(const std::vector<std::string>& ids,
             const Partners& partners,
             Split split,
             const std::string& list,
             Inventory& inventory) {
  const bool classes = partners.targets.contains(Target::kClasses);
  const bool depths = partners.targets.contains(Target::kDepth);
  const bool poses = partners.targets.contains(Target::kPose);
  for (const std::string& id : ids) {
    const fs::path* image = partners.images.find(id);
    const fs::path* labels = classes ? partners.labels.find(id) : nullptr;
    const fs::path* depth = depths ? partners.depth.find(id) : nullptr;
    const auto pose = partners.poses.find(id);
    const bool posed = poses && pose != partners.poses.end();
    const auto report = [&](FindingKind kind, const fs::path& file, std::string_view what) {
      report_missing(inventory, kind, inventory.relative(file), id, list, what);
    };
    if (partners.complete(id)) {
      Entry entry{.id = id, .image = *image};
      if (labels != nullptr) entry.labels = *labels;
      if (depth != nullptr) entry.depth = *depth;
      if (posed) entry.pose = pose->second;
      inventory.at(split).push_back(std::move(entry));
    } else if (image != nullptr) {
      if (classes && labels == nullptr) report(FindingKind::kMissingLabel, *image, "label map");
      if (depths && depth == nullptr) report(FindingKind::kMissingDepth, *image, "depth map");
      if (poses && !posed) report(FindingKind::kMissingPose, *image, "pose");
    } else if (labels != nullptr || depth != nullptr || posed) {
      const fs::path& file = labels != nullptr  ? *labels
                             : depth != nullptr ? *depth
                                                : partners.annotations;
      report(FindingKind::kMissingImage, file, "picture");
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
  report_shadowed(partners.depth, inventory);
  if (!listed) return;
  for (const auto& [id, file] : partners.images.files()) {
    if (used.contains(id) || !partners.complete(id)) continue;
    inventory.findings.push_back(
        {FindingKind::kUnlistedFile,
         Severity::kNote,
         inventory.relative(file),
         fmt::format("no list names '{}', so the sample is not used", id),
         "add it to train.txt, val.txt or test.txt if it belongs to the set"});
  }
}

}  // namespace parsimony::data
