// SPDX-License-Identifier: Apache-2.0
// Plain folders: images/ next to labels/, masks/ or annotations/, equal file names. Classes come
// from classes.txt (one name a line) or, without it, are numbered up to the largest id in the
// labels. Splits come from train.txt, val.txt, test.txt, or from sub-folders of these names on both
// sides (images/train/ or train/images/), or from the hash of the names (split_lists.h).
#include <array>
#include <optional>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/palette.h"
#include "parsimony/data/sides.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> kLabelFolders = {"labels", "masks", "annotations"};

struct PairFolders {
  fs::path images;
  fs::path labels;
};

// images/ and the first label folder in `base`, each with `below` appended.
std::optional<PairFolders> find_pair(const fs::path& base, const fs::path& below = {}) {
  for (const char* name : kLabelFolders) {
    PairFolders folders{base / "images" / below, base / name / below};
    if (fs::is_directory(folders.images) && fs::is_directory(folders.labels)) return folders;
  }
  return std::nullopt;
}

std::optional<PairFolders> find_split(const fs::path& root, Split split) {
  const std::string name(name_of(split));
  const std::optional<PairFolders> inner = find_pair(root, name);
  return inner ? inner : find_pair(root / name);
}

void read_class_names(const fs::path& file, Inventory& inventory) {
  std::vector<std::string>& classes = inventory.info.classes;
  for (const std::string& line : core::split(core::read_text_file(file), '\n')) {
    const std::string_view name = core::trim(line);
    if (!name.empty()) classes.emplace_back(name);
  }
  if (classes.empty() || classes.size() > LabelMap::kIgnore) {
    inventory.findings.push_back(
        {FindingKind::kMalformedDescription,
         Severity::kError,
         inventory.relative(file),
         fmt::format("holds {} class names; expected 1 to 255, one a line", classes.size()),
         "write the name of class id 0 in the first line, and so on; or delete the file"});
    classes.clear();
  }
}

void fill_from_subfolders(Inventory& inventory) {
  bool has_val = false;
  for (const Split split : kSplits) {
    const std::optional<PairFolders> folders = find_split(inventory.root, split);
    if (!folders) continue;
    has_val = has_val || split == Split::kVal;
    const Partners partners{FileIndex(folders->images), FileIndex(folders->labels)};
    pair_up(all_ids(partners), partners, split, "", inventory);
    report_leftovers(partners, false, inventory);
  }
  if (!has_val) hold_out_val(inventory);
}

}  // namespace

std::string why_not_pairs(const fs::path& root) {
  if (find_pair(root) || find_split(root, Split::kTrain)) return "";
  if (!fs::is_directory(root / "images")) return "no folder images/ (nor train/images/)";
  return "no folder labels/, masks/ or annotations/ beside images/";
}

Inventory scan_pairs(const fs::path& root, const OpenOptions&) {
  Inventory inventory;
  inventory.root = root;
  inventory.info.format = "pairs";
  inventory.info.name = fs::canonical(root).filename().string();
  if (fs::is_regular_file(root / "classes.txt")) read_class_names(root / "classes.txt", inventory);
  inventory.info.palette = voc_palette(inventory.info.classes.size());
  inventory.info.mirror_pairs = mirror_pairs_of(inventory.info.classes);
  inventory.classes_from_labels = inventory.info.classes.empty();
  const std::size_t classes =
      inventory.classes_from_labels ? LabelMap::kIgnore : inventory.info.classes.size();
  inventory.coding = LabelCoding::identity(classes, LabelMap::kIgnore);

  if (find_split(root, Split::kTrain)) {
    fill_from_subfolders(inventory);
  } else {
    const PairFolders folders = *find_pair(root);
    fill_splits({FileIndex(folders.images), FileIndex(folders.labels)}, root, inventory);
  }
  return inventory;
}

}  // namespace parsimony::data
