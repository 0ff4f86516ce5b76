// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/tensor_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "parsimony/core/error.h"

namespace parsimony::weights {
namespace {

using testing::ElementsAre;
using Shape = std::vector<std::int64_t>;

template <typename Element>
Array array_of(DType type, const std::vector<Element>& elements) {
  Array array{type, {static_cast<std::int64_t>(elements.size())}, {}};
  array.bytes.resize(elements.size() * sizeof(Element));
  std::memcpy(array.bytes.data(), elements.data(), array.bytes.size());
  return array;
}

TEST(TensorFile, NamesOfTypesReadBack) {
  for (int i = 0; i <= static_cast<int>(DType::kBool); ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(find_dtype(name_of(type)), type);
  }
  EXPECT_EQ(name_of(DType::kBF16), "BF16");
  EXPECT_EQ(size_of(DType::kI64), 8U);
  EXPECT_EQ(find_dtype("U32"), std::nullopt);
}

TEST(TensorFile, CountsElements) {
  EXPECT_EQ(count_elements(Shape{}), 1);
  EXPECT_EQ(count_elements(Shape{2, 3, 4}), 24);
  EXPECT_EQ(count_elements(Shape{std::int64_t{1} << 40, std::int64_t{1} << 40, 0}), 0);
  EXPECT_EQ(count_elements(Shape{std::int64_t{1} << 40, std::int64_t{1} << 40}), std::nullopt);
  EXPECT_EQ(count_elements(Shape{2, -1}), std::nullopt);
  EXPECT_EQ(count_elements(Shape{0, -1}), std::nullopt);
}

TEST(TensorFile, ConvertsEveryTypeToFloats) {
  EXPECT_THAT(array_of<double>(DType::kF64, {1.5, -2}).to_floats(), ElementsAre(1.5F, -2.0F));
  EXPECT_THAT(array_of<float>(DType::kF32, {0.1F}).to_floats(), ElementsAre(0.1F));
  EXPECT_THAT(array_of<std::uint16_t>(DType::kF16, {0x3c00}).to_floats(), ElementsAre(1.0F));
  EXPECT_THAT(array_of<std::uint16_t>(DType::kBF16, {0x3f80}).to_floats(), ElementsAre(1.0F));
  EXPECT_THAT(array_of<std::int64_t>(DType::kI64, {-7}).to_floats(), ElementsAre(-7.0F));
  EXPECT_THAT(array_of<std::int32_t>(DType::kI32, {-7}).to_floats(), ElementsAre(-7.0F));
  EXPECT_THAT(array_of<std::int16_t>(DType::kI16, {-7}).to_floats(), ElementsAre(-7.0F));
  EXPECT_THAT(array_of<std::int8_t>(DType::kI8, {-7}).to_floats(), ElementsAre(-7.0F));
  EXPECT_THAT(array_of<std::uint8_t>(DType::kU8, {200}).to_floats(), ElementsAre(200.0F));
  EXPECT_THAT(array_of<std::uint8_t>(DType::kBool, {0, 1, 5}).to_floats(), ElementsAre(0, 1, 1));
}

TEST(TensorFile, FromFloatsChecksTheCount) {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const Array array = Array::from_floats({2, 3}, values);
  EXPECT_EQ(array.numel(), 6);
  EXPECT_EQ(array.to_floats(), values);
  EXPECT_EQ(Array::from_floats({0}, {}).numel(), 0);
  EXPECT_THROW(Array::from_floats({7}, values), core::Error);
}

TEST(TensorFile, ArrayWithTooFewBytesIsRefused) {
  Array array = Array::from_floats({1}, std::vector<float>{1});
  array.bytes.pop_back();
  EXPECT_THROW(array.to_floats(), core::Error);
}

}  // namespace
}  // namespace parsimony::weights
