// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "parsimony/weights/tensor_file.h"

// What a restricted pickle can hold: the vocabulary of PyTorch state dicts, as plain data.
namespace parsimony::weights::pickle {

struct Value;

struct None {};

// An integer of more than 64 bits, as its little-endian two's complement.
struct BigInteger {
  std::string bytes;
};

// Something a state dict may contain beside its tensors and which is not looked into: raw bytes, a
// numpy scalar, a device.
struct Opaque {};

struct Sequence {
  std::vector<Value*> items;  // of a list, tuple or set
};

struct Dict {
  std::vector<std::pair<Value*, Value*>> items;
};

// A block of elements outside the pickle, of which [view_offset, view_offset + view_count) is
// meant.
struct Storage {
  DType type = DType::kF32;
  std::string key;
  std::int64_t count = 0;
  std::int64_t view_offset = 0;
  std::int64_t view_count = 0;
};

// A strided view of a storage; offset and strides in elements.
struct Tensor {
  const Storage* storage = nullptr;  // held by another value
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
};

enum class Function { kOrderedDict, kRebuildTensor, kRebuildParameter, kOpaque };

// A global name a pickle may refer to: one of the functions, or the class of a storage.
struct Global {
  std::variant<Function, DType> meaning;
  std::string name;  // "collections.OrderedDict"
};

struct Value {
  std::variant<None,
               bool,
               std::int64_t,
               double,
               std::string,
               BigInteger,
               Opaque,
               Sequence,
               Dict,
               Storage,
               Tensor,
               Global>
      data;

  template <typename T>
  T* as() {
    return std::get_if<T>(&data);
  }
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
};

// "a dictionary", for messages.
std::string_view kind_of(const Value& value);

// Bytes of memory the value takes, without the values it refers to.
std::size_t footprint(const Value& value);

}  // namespace parsimony::weights::pickle
