// SPDX-License-Identifier: Apache-2.0
// NYU Depth V2 (Silberman et al., ECCV 2012), labelled pictures in the form in which they are
// usually passed on: official_splits/{train,test}/SCENE/rgb_NNNNN.jpg with sync_depth_NNNNN.png,
// gray of 16 bit in millimetres. val is held out of train.
#include <fmt/format.h>

#include <optional>

#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPicture = "rgb_", kDepth = "sync_depth_";
constexpr double kMillimetres = 1000;

std::optional<fs::path> find_splits(const fs::path& root) {
  for (const fs::path& base : {root / "official_splits", root}) {
    if (!fs::is_directory(base / "train")) continue;
    for (const fs::directory_entry& scene : fs::directory_iterator(base / "train")) {
      if (!scene.is_directory()) continue;
      for (const fs::directory_entry& file : fs::directory_iterator(scene.path())) {
        if (file.path().filename().string().starts_with(kDepth)) return base;
      }
    }
  }
  return std::nullopt;
}

Partners partners_in(const fs::path& folder) {
  Partners partners{.images = {}, .targets = {Target::kDepth}};
  for (const fs::directory_entry& scene : fs::directory_iterator(folder)) {
    if (!scene.is_directory()) continue;
    for (const fs::directory_entry& entry : fs::directory_iterator(scene.path())) {
      const fs::path& file = entry.path();
      if (!is_picture_name(file)) continue;
      const std::string stem = file.stem().string();
      const auto add = [&](std::string_view prefix, FileIndex& index) {
        if (stem.starts_with(prefix))
          index.add(
              fmt::format("{}__{}", scene.path().filename().string(), stem.substr(prefix.size())),
              file);
      };
      add(kPicture, partners.images);
      add(kDepth, partners.depth);
    }
  }
  return partners;
}

}  // namespace

std::string why_not_nyu_depth_v2(const fs::path& root) {
  return find_splits(root) ? "" : "no official_splits/train/SCENE/sync_depth_NNNNN.png";
}

Inventory scan_nyu_depth_v2(const fs::path& root, const OpenOptions&) {
  Inventory inventory;
  inventory.root = root;
  inventory.info = {.name = "nyu_depth_v2",
                    .format = "nyu_depth_v2",
                    .classes = {},
                    .palette = {},
                    .targets = {Target::kDepth},
                    .depth_scale = kMillimetres};
  inventory.depth.scale = kMillimetres;
  const fs::path base = *find_splits(root);
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const fs::path folder = base / name_of(split);
    if (!fs::is_directory(folder)) continue;
    const Partners partners = partners_in(folder);
    pair_up(all_ids(partners), partners, split, "", inventory);
  }
  hold_out_val(inventory);
  return inventory;
}

}  // namespace parsimony::data
