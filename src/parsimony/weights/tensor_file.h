// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parsimony::weights {

enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };

std::size_t size_of(DType type);
std::string_view name_of(DType type);  // "F32", as safetensors spells it
std::optional<DType> find_dtype(std::string_view name);

// Number of elements of `shape`; nothing when an extent is negative or the product leaves 63 bits.
std::optional<std::int64_t> count_elements(std::span<const std::int64_t> shape);

// A dense, row-major, little-endian array.
struct Array {
  DType type = DType::kF32;
  std::vector<std::int64_t> shape;  // empty: a scalar
  std::vector<std::uint8_t> bytes;  // size_of(type) * number of elements

  std::int64_t numel() const;
  // Elements converted to float (F16 and BF16 exactly; F64 and wide integers rounded).
  std::vector<float> to_floats() const;
  // An F32 array; `values` are as many as `shape` says.
  static Array from_floats(std::vector<std::int64_t> shape, std::span<const float> values);

  bool operator==(const Array&) const = default;
};

// Named arrays in name order, with free-form metadata.
struct ArrayMap {
  std::map<std::string, Array> arrays;
  std::map<std::string, std::string> metadata;

  bool operator==(const ArrayMap&) const = default;
};

}  // namespace parsimony::weights
