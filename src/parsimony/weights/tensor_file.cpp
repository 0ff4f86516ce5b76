// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/tensor_file.h"

#include <array>
#include <bit>
#include <cstring>

#include "parsimony/core/error.h"
#include "parsimony/weights/half.h"

namespace parsimony::weights {
namespace {

static_assert(std::endian::native == std::endian::little,
              "Array holds little-endian elements and is read without swapping bytes");

struct DTypeRow {
  DType type;
  std::string_view name;
  std::size_t size;
};

constexpr std::array<DTypeRow, 10> kDTypes{{{DType::kF64, "F64", 8},
                                            {DType::kF32, "F32", 4},
                                            {DType::kF16, "F16", 2},
                                            {DType::kBF16, "BF16", 2},
                                            {DType::kI64, "I64", 8},
                                            {DType::kI32, "I32", 4},
                                            {DType::kI16, "I16", 2},
                                            {DType::kI8, "I8", 1},
                                            {DType::kU8, "U8", 1},
                                            {DType::kBool, "BOOL", 1}}};

const DTypeRow& row_of(DType type) {
  return kDTypes[static_cast<std::size_t>(type)];
}

template <typename Element, typename Convert>
std::vector<float> convert(const std::vector<std::uint8_t>& bytes, Convert to_float) {
  std::vector<float> out(bytes.size() / sizeof(Element));
  for (std::size_t i = 0; i < out.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
    out[i] = to_float(element);
  }
  return out;
}

template <typename Element>
std::vector<float> convert(const std::vector<std::uint8_t>& bytes) {
  return convert<Element>(bytes, [](Element element) { return static_cast<float>(element); });
}

}  // namespace

std::size_t size_of(DType type) {
  return row_of(type).size;
}

std::string_view name_of(DType type) {
  return row_of(type).name;
}

std::optional<DType> find_dtype(std::string_view name) {
  for (const DTypeRow& row : kDTypes) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

std::optional<std::int64_t> count_elements(std::span<const std::int64_t> shape) {
  // Looked at first, so that an empty array is empty however large its other extents are.
  bool empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    empty = empty || extent == 0;
  }
  if (empty) return 0;
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(count, extent, &count)) return std::nullopt;
  }
  return count;
}

std::int64_t Array::numel() const {
  const std::optional<std::int64_t> count = count_elements(shape);
  core::require(count.has_value(), "array with an impossible shape of rank {}", shape.size());
  return *count;
}

std::vector<float> Array::to_floats() const {
  core::require(bytes.size() == static_cast<std::size_t>(numel()) * size_of(type),
                "array of {} {} elements holds {} bytes",
                numel(),
                name_of(type),
                bytes.size());
  switch (type) {
    case DType::kF64:
      return convert<double>(bytes);
    case DType::kF32:
      return convert<float>(bytes);
    case DType::kF16:
      return convert<std::uint16_t>(bytes, half_to_float);
    case DType::kBF16:
      return convert<std::uint16_t>(bytes, bfloat16_to_float);
    case DType::kI64:
      return convert<std::int64_t>(bytes);
    case DType::kI32:
      return convert<std::int32_t>(bytes);
    case DType::kI16:
      return convert<std::int16_t>(bytes);
    case DType::kI8:
      return convert<std::int8_t>(bytes);
    case DType::kU8:
      return convert<std::uint8_t>(bytes);
    case DType::kBool:
      return convert<std::uint8_t>(bytes, [](std::uint8_t b) { return b == 0 ? 0.0F : 1.0F; });
  }
  core::throw_internal_error("array of unknown type {}", static_cast<int>(type));
}

Array Array::from_floats(std::vector<std::int64_t> shape, std::span<const float> values) {
  Array array{DType::kF32, std::move(shape), {}};
  core::require(static_cast<std::size_t>(array.numel()) == values.size(),
                "{} values given for an array of {} elements",
                values.size(),
                array.numel());
  array.bytes.resize(values.size_bytes());
  if (!values.empty()) std::memcpy(array.bytes.data(), values.data(), values.size_bytes());
  return array;
}

}  // namespace parsimony::weights
