// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <matio.h>

#include <filesystem>
#include <string>
#include <vector>

#include "parsimony/data/fixtures_for_test.h"

// MATLAB files, and EG1800 as its authors published it.
namespace parsimony::data::testing {

template <typename Value>
constexpr std::pair<matio_classes, matio_types> matlab_type() {
  if constexpr (std::is_same_v<Value, double>) return {MAT_C_DOUBLE, MAT_T_DOUBLE};
  if constexpr (std::is_same_v<Value, float>) return {MAT_C_SINGLE, MAT_T_SINGLE};
  if constexpr (std::is_same_v<Value, std::int8_t>) return {MAT_C_INT8, MAT_T_INT8};
  if constexpr (std::is_same_v<Value, std::uint8_t>) return {MAT_C_UINT8, MAT_T_UINT8};
  if constexpr (std::is_same_v<Value, std::int16_t>) return {MAT_C_INT16, MAT_T_INT16};
  if constexpr (std::is_same_v<Value, std::uint16_t>) return {MAT_C_UINT16, MAT_T_UINT16};
  if constexpr (std::is_same_v<Value, std::int32_t>) return {MAT_C_INT32, MAT_T_INT32};
  if constexpr (std::is_same_v<Value, std::uint32_t>) return {MAT_C_UINT32, MAT_T_UINT32};
  if constexpr (std::is_same_v<Value, std::int64_t>) return {MAT_C_INT64, MAT_T_INT64};
  if constexpr (std::is_same_v<Value, std::uint64_t>) return {MAT_C_UINT64, MAT_T_UINT64};
}

struct MatlabSpec {
  std::vector<std::size_t> dims;
  matio_compression compression = MAT_COMPRESSION_NONE;
  mat_ft version = MAT_FT_MAT5;
  int flags = 0;  // MAT_F_LOGICAL
};

// A file with this variable only; `values` column by column.
template <typename Value>
void store_matlab(const std::filesystem::path& file,
                  const std::string& name,
                  std::vector<Value> values,
                  MatlabSpec spec) {
  std::filesystem::create_directories(file.parent_path());
  const auto [type, storage] = matlab_type<Value>();
  mat_t* out = Mat_CreateVer(file.c_str(), nullptr, spec.version);
  matvar_t* variable = Mat_VarCreate(name.c_str(),
                                     type,
                                     storage,
                                     static_cast<int>(spec.dims.size()),
                                     spec.dims.data(),
                                     values.data(),
                                     spec.flags);
  Mat_VarWrite(out, variable, spec.compression);
  Mat_VarFree(variable);
  Mat_Close(out);
}

// A label map as MATLAB keeps it.
inline void store_matlab_mask(const std::filesystem::path& file,
                              const LabelMap& labels,
                              const std::string& name = "mask") {
  std::vector<std::uint8_t> values;
  for (std::int64_t x = 0; x < labels.width; ++x) {
    for (std::int64_t y = 0; y < labels.height; ++y) values.push_back(labels.at(x, y));
  }
  store_matlab(
      file,
      name,
      std::move(values),
      {.dims = {static_cast<std::size_t>(labels.height), static_cast<std::size_t>(labels.width)},
       .compression = MAT_COMPRESSION_ZLIB});
}

inline void store_matlab_list(const std::filesystem::path& file,
                              const std::string& name,
                              const std::vector<std::uint16_t>& numbers) {
  store_matlab(file, name, numbers, {.dims = {1, numbers.size()}});
}

inline constexpr std::int64_t kPortraitWidth = 18;  // portraits are higher than wide: 600x800
inline constexpr std::int64_t kPortraitHeight = kSide;

// A portrait to the left of a diagonal, so that a turned or mirrored mask is another.
inline LabelMap portrait_mask() {
  LabelMap mask(kPortraitWidth, kPortraitHeight);
  for (std::int64_t y = 0; y < mask.height; ++y) {
    for (std::int64_t x = 0; x < mask.width; ++x) mask.at(x, y) = 2 * x < y ? 1 : 0;
  }
  return mask;
}

// Pictures 1 to 12, of which 1 to 8 are listed for training and 9 and 10 for testing; 777 has a
// mask only, 888 a picture only, 999 nothing.
inline void make_original_eg1800_set(const std::filesystem::path& root) {
  const auto picture = [&root](int number) {
    write_jpeg(root / fmt::format("images_data_crop/{:05}.jpg", number),
               make_image(kPortraitWidth, kPortraitHeight, static_cast<std::uint64_t>(number)),
               95);
  };
  const auto mask = [&root](int number) {
    store_matlab_mask(root / fmt::format("images_mask/{:05}_mask.mat", number), portrait_mask());
  };
  for (int number = 1; number <= 12; ++number) {
    picture(number);
    mask(number);
  }
  mask(777);
  picture(888);
  store_matlab_list(root / "trainlist.mat", "trainlist", {1, 2, 3, 4, 777, 5, 6, 7, 8, 999});
  store_matlab_list(root / "testlist.mat", "testlist", {9, 888, 10});
}

}  // namespace parsimony::data::testing
