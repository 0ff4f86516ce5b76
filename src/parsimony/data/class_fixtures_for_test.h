// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "parsimony/data/fixtures_for_test.h"

// Small classification sets: class folders of pictures of different sizes.
namespace parsimony::data::testing {

// Pictures NUMBER.jpg of one class; no two calls make the same picture.
inline void make_class_folder(const std::filesystem::path& folder, int pictures) {
  static std::uint64_t seed = 5000;
  for (int i = 0; i < pictures; ++i) {
    write_jpeg(folder / fmt::format("{}.jpg", i), make_image(kSide + i, kSide, ++seed), 95);
  }
}

inline void make_class_set(const std::filesystem::path& root) {
  for (const char* name : {"tree", "bird", "Cat"}) {
    make_class_folder(root / "train" / name, 4);
    make_class_folder(root / "val" / name, 2);
    make_class_folder(root / "test" / name, 1);
  }
}

inline void make_unsplit_class_set(const std::filesystem::path& root) {
  for (const char* name : {"tree", "bird", "Cat"}) make_class_folder(root / name, 10);
}

}  // namespace parsimony::data::testing
