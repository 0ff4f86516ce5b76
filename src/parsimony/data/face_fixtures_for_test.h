// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "parsimony/data/fixtures_for_test.h"

// Small trees in the layouts of the face-parsing sets. A face is a column of blocks, each four rows
// high; blocks of two sides part at the middle column.
namespace parsimony::data::testing {

// The rectangle of a part in a mask of kSide x kSide pixels: columns [x0, x1), rows [y0, y1).
struct Block {
  std::int64_t x0, x1, y0, y1;
};

inline LabelMap block_mask(const Block& block, std::uint8_t value = 255) {
  LabelMap mask(kSide, kSide, 0);
  for (std::int64_t y = block.y0; y < block.y1; ++y) {
    for (std::int64_t x = block.x0; x < block.x1; ++x) mask.at(x, y) = value;
  }
  return mask;
}

inline constexpr std::int64_t kMiddle = kSide / 2;

// Skin lies under everything; hair covers the upper lip's right half.
inline std::map<std::string, Block> celebamask_hq_blocks() {
  return {{"skin", {2, 22, 2, 22}},
          {"l_brow", {4, kMiddle, 4, 6}},
          {"r_brow", {kMiddle, 20, 4, 6}},
          {"l_eye", {4, kMiddle, 6, 10}},
          {"r_eye", {kMiddle, 20, 6, 10}},
          {"nose", {10, 14, 10, 14}},
          {"u_lip", {8, 16, 14, 16}},
          {"mouth", {8, 16, 16, 18}},
          {"l_lip", {8, 16, 18, 20}},
          {"hair", {kMiddle, 24, 14, 16}},
          {"ear_r", {0, 2, 8, 12}}};
}

inline std::string mask_name(int picture, const std::string& part) {
  return fmt::format("CelebAMask-HQ-mask-anno/{}/{:05}_{}.png", picture / 2000, picture, part);
}

// Pictures 0 to 8 and 2001, twice as large as their masks. Pictures 0 and 1 are CelebA's
// validation, 2 and 3 its test split. Odd pictures have masks of three channels.
inline void make_celebamask_hq_set(const std::filesystem::path& root) {
  std::string mapping = "idx         orig_idx    orig_file\n";
  std::string partition;
  for (const int i : {0, 1, 2, 3, 4, 5, 6, 7, 8, 2001}) {
    write_jpeg(root / fmt::format("CelebA-HQ-img/{}.jpg", i),
               make_image(2 * kSide, 2 * kSide, static_cast<std::uint64_t>(i + 1)),
               95);
    for (const auto& [part, block] : celebamask_hq_blocks()) {
      const std::filesystem::path file = root / mask_name(i, part);
      if (i % 2 == 0) {
        store_gray(file, block_mask(block));
      } else {
        store_rgb(file, block_mask(block, 1), {{0, 0, 0}, {255, 255, 255}});
      }
    }
    const int celeba = i < 2 ? 162771 + i : i < 4 ? 182638 + i : 10 + i;
    mapping += fmt::format("{:<12}{:<12}{:06}.jpg\n", i, celeba - 1, celeba);
    partition += fmt::format("{:06}.jpg {}\n", celeba, i < 2 ? 1 : i < 4 ? 2 : 0);
  }
  mapping += "29999 100 000101.jpg\n";  // a picture that is not here
  partition += "000101.jpg 0\n";
  store(root / "CelebA-HQ-to-CelebA-mapping.txt", mapping);
  store(root / "list_eval_partition.txt", partition);
}

inline std::string helen_map(const std::string& id, int c) {
  return fmt::format("labels/{}/{}_lbl{:02}.png", id, id, c);
}

// Probabilities of 0.8 in the blocks of `blocks` (class id to block) and of 0.3 for background.
inline void make_helen_sample(const std::filesystem::path& root,
                              const std::string& id,
                              const std::map<int, Block>& blocks,
                              std::uint64_t seed) {
  write_jpeg(root / "images" / (id + ".jpg"), make_image(kSide, kSide, seed), 95);
  for (int c = 0; c < 11; ++c) {
    LabelMap map(kSide, kSide, c == 0 ? 77 : 0);
    if (const auto found = blocks.find(c); found != blocks.end())
      map = block_mask(found->second, 204);
    store_gray(root / helen_map(id, c), map);
  }
}

inline void make_helen_set(const std::filesystem::path& root) {
  const std::map<int, Block> blocks = {{4, {4, kMiddle, 6, 10}}, {5, {kMiddle, 20, 6, 10}}};
  std::string lists[3];
  for (int i = 0; i < 6; ++i) {
    const std::string id = fmt::format("{}_1", 100032540 + i);
    make_helen_sample(root, id, blocks, static_cast<std::uint64_t>(i + 50));
    lists[i < 3 ? 0 : i < 5 ? 1 : 2] += fmt::format("{} , {}  \n", i + 1, id);
  }
  store(root / "exemplars.txt", lists[0]);
  store(root / "tuning.txt", lists[1]);
  store(root / "testing.txt", lists[2]);
}

}  // namespace parsimony::data::testing
