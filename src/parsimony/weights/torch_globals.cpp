// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/torch_globals.h"

#include <algorithm>
#include <array>

#include "parsimony/core/error.h"
#include "parsimony/weights/printable.h"

namespace parsimony::weights::pickle {
namespace {

constexpr std::size_t kMaxRank = 64;

struct FunctionRow {
  std::string_view name;
  Function function;
};

constexpr std::array<FunctionRow, 13> kFunctions{{
    {"collections.OrderedDict", Function::kOrderedDict},
    {"torch._utils._rebuild_tensor", Function::kRebuildTensor},
    {"torch._utils._rebuild_tensor_v2", Function::kRebuildTensor},
    {"torch._utils._rebuild_parameter", Function::kRebuildParameter},
    {"torch._utils._rebuild_parameter_with_state", Function::kRebuildParameter},
    // Harmless company of the tensors in training checkpoints (best score, device, shapes).
    {"torch.Size", Function::kOpaque},
    {"torch.device", Function::kOpaque},
    {"numpy.dtype", Function::kOpaque},
    {"numpy.core.multiarray.scalar", Function::kOpaque},
    {"numpy._core.multiarray.scalar", Function::kOpaque},
    {"_codecs.encode", Function::kOpaque},
    {"__builtin__.set", Function::kOpaque},
    {"builtins.set", Function::kOpaque},
}};

struct StorageRow {
  std::string_view name;
  DType type;
};

constexpr std::array<StorageRow, 10> kStorages{{{"DoubleStorage", DType::kF64},
                                                {"FloatStorage", DType::kF32},
                                                {"HalfStorage", DType::kF16},
                                                {"BFloat16Storage", DType::kBF16},
                                                {"LongStorage", DType::kI64},
                                                {"IntStorage", DType::kI32},
                                                {"ShortStorage", DType::kI16},
                                                {"CharStorage", DType::kI8},
                                                {"ByteStorage", DType::kU8},
                                                {"BoolStorage", DType::kBool}}};

[[noreturn]] void fail(const std::string& origin, std::string_view what, const Value& found) {
  core::throw_user_error("{}: {}, found {}; the file is damaged, write or download it again.",
                         origin,
                         what,
                         kind_of(found));
}

template <typename T>
const T& expect(const Value& value, std::string_view what, const std::string& origin) {
  const T* found = value.as<T>();
  if (found == nullptr) fail(origin, what, value);
  return *found;
}

void expect_count(std::span<Value* const> arguments,
                  std::size_t count,
                  std::string_view name,
                  const std::string& origin) {
  if (arguments.size() >= count) return;
  core::throw_user_error(
      "{}: expected at least {} arguments of {}, found {}; the file is damaged, get it again.",
      origin,
      count,
      name,
      arguments.size());
}

std::vector<std::int64_t> read_extents(const Value& value,
                                       std::string_view what,
                                       const std::string& origin) {
  const auto& items = expect<Sequence>(value, what, origin).items;
  if (items.size() > kMaxRank) {
    core::throw_user_error(
        "{}: a tensor of {} dimensions, expected at most {}; the file is damaged.",
        origin,
        items.size(),
        kMaxRank);
  }
  std::vector<std::int64_t> extents;
  for (const Value* item : items) {
    extents.push_back(expect<std::int64_t>(*item, what, origin));
    if (extents.back() < 0) {
      core::throw_user_error("{}: {}, found {}; the file is damaged, write or download it again.",
                             origin,
                             what,
                             extents.back());
    }
  }
  return extents;
}

// _rebuild_tensor_v2(storage, offset, size, stride, ...)
Tensor rebuild_tensor(std::span<Value* const> arguments, const std::string& origin) {
  expect_count(arguments, 4, "_rebuild_tensor_v2", origin);
  Tensor tensor;
  tensor.storage = &expect<Storage>(*arguments[0], "expected a tensor's storage", origin);
  tensor.offset = expect<std::int64_t>(*arguments[1], "expected a tensor's offset", origin);
  tensor.shape = read_extents(*arguments[2], "expected a tensor's size", origin);
  tensor.strides = read_extents(*arguments[3], "expected a tensor's strides", origin);
  if (tensor.shape.size() != tensor.strides.size()) {
    core::throw_user_error("{}: a tensor of {} dimensions with {} strides; the file is damaged.",
                           origin,
                           tensor.shape.size(),
                           tensor.strides.size());
  }
  return tensor;
}

// OrderedDict() or, from Python 2, OrderedDict([[key, value], ...])
Dict ordered_dict(std::span<Value* const> arguments, const std::string& origin) {
  Dict dict;
  if (arguments.empty()) return dict;
  constexpr std::string_view kWhat = "expected the pairs of an OrderedDict";
  for (const Value* item : expect<Sequence>(*arguments[0], kWhat, origin).items) {
    const auto& pair = expect<Sequence>(*item, kWhat, origin).items;
    if (pair.size() != 2) fail(origin, kWhat, *item);
    dict.items.emplace_back(pair[0], pair[1]);
  }
  return dict;
}

}  // namespace

Global find_global(std::string_view module, std::string_view name, const std::string& origin) {
  const std::string full = std::string(module) + "." + std::string(name);
  for (const FunctionRow& row : kFunctions) {
    if (row.name == full) return {row.function, full};
  }
  const bool storage_module = module == "torch" || module == "torch.cuda";
  for (const StorageRow& row : kStorages) {
    if (storage_module && row.name == name) return {row.type, full};
  }
  if (storage_module && name.ends_with("Storage")) {
    core::throw_user_error(
        "{}: holds tensors of class '{}', which is not supported; convert them to float32 in "
        "Python.",
        origin,
        printable(full));
  }
  core::throw_user_error(
      "{}: refers to '{}', expected only tensors, dictionaries, lists, numbers and texts. It was "
      "not "
      "run. In Python, save only the weights: torch.save(model.state_dict(), FILE).",
      origin,
      printable(full));
}

Value call(const Global& function, std::span<Value* const> arguments, const std::string& origin) {
  const auto* known = std::get_if<Function>(&function.meaning);
  if (known == nullptr) {
    core::throw_user_error("{}: calls the storage class '{}'; the file is damaged, get it again.",
                           origin,
                           function.name);
  }
  switch (*known) {
    case Function::kOrderedDict:
      return {ordered_dict(arguments, origin)};
    case Function::kRebuildTensor:
      return {rebuild_tensor(arguments, origin)};
    case Function::kRebuildParameter:
      expect_count(arguments, 1, "_rebuild_parameter", origin);
      return {expect<Tensor>(*arguments[0], "expected a parameter's tensor", origin)};
    case Function::kOpaque:
      return {Opaque{}};
  }
  core::throw_internal_error("function '{}' has no meaning", function.name);
}

Storage load_storage(const Value& persistent_id, const std::string& origin) {
  constexpr std::string_view kWhat = "expected the description of a storage";
  const auto& items = expect<Sequence>(persistent_id, kWhat, origin).items;
  expect_count(items, 5, "a storage", origin);
  if (expect<std::string>(*items[0], kWhat, origin) != "storage") {
    core::throw_user_error(
        "{}: holds a whole Python model, expected a state dict. In Python, save only the weights: "
        "torch.save(model.state_dict(), FILE).",
        origin);
  }
  const auto& type = expect<Global>(*items[1], kWhat, origin);
  if (!std::holds_alternative<DType>(type.meaning)) fail(origin, kWhat, *items[1]);

  Storage storage;
  storage.type = std::get<DType>(type.meaning);
  storage.key = expect<std::string>(*items[2], kWhat, origin);
  storage.count = expect<std::int64_t>(*items[4], kWhat, origin);
  storage.view_count = storage.count;
  if (items.size() > 5 && items[5]->as<None>() == nullptr) {
    // The legacy format describes a storage that is a part of another: (key, offset, count).
    const auto& view = expect<Sequence>(*items[5], kWhat, origin).items;
    expect_count(view, 3, "a view of a storage", origin);
    storage.view_offset = expect<std::int64_t>(*view[1], kWhat, origin);
    storage.view_count = expect<std::int64_t>(*view[2], kWhat, origin);
  }
  // Each is checked against what is left by the ones before it, so that no sum can overflow.
  if (storage.count < 0 || storage.view_offset < 0 || storage.view_offset > storage.count ||
      storage.view_count < 0 || storage.view_count > storage.count - storage.view_offset) {
    core::throw_user_error(
        "{}: storage '{}' of {} elements is viewed from {} for {}; the file is damaged, get it "
        "again.",
        origin,
        printable(storage.key),
        storage.count,
        storage.view_offset,
        storage.view_count);
  }
  return storage;
}

}  // namespace parsimony::weights::pickle
