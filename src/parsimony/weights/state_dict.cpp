// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/state_dict.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "parsimony/core/error.h"
#include "parsimony/weights/printable.h"

namespace parsimony::weights::pickle {
namespace {

// Real checkpoints nest three or four deep; a circle of references would never end.
constexpr int kMaxDepth = 32;
// What a named value costs at most beside its name and elements.
constexpr std::uint64_t kVisitCost = 512;
constexpr std::size_t kLongestMetadata = 4096;
constexpr std::array<std::string_view, 4> kWrappers{
    "state_dict", "model_state", "model_state_dict", "model"};

std::optional<std::string> simple_text(const Value& value) {
  if (const auto* text = value.as<std::string>()) {
    return text->size() <= kLongestMetadata ? std::optional(*text) : std::nullopt;
  }
  if (const auto* truth = value.as<bool>()) return *truth ? "true" : "false";
  if (const auto* integer = value.as<std::int64_t>()) return std::to_string(*integer);
  if (const auto* number = value.as<double>()) return fmt::format("{}", *number);
  return std::nullopt;
}

std::optional<std::string> key_text(const Value& key) {
  if (const auto* text = key.as<std::string>()) return *text;
  if (const auto* integer = key.as<std::int64_t>()) return std::to_string(*integer);
  return std::nullopt;
}

const Value* find_item(const Dict& dict, std::string_view key) {
  for (const auto& [name, value] : dict.items) {
    const auto* text = name->as<std::string>();
    if (text != nullptr && *text == key) return value;
  }
  return nullptr;
}

bool holds_tensors(const Dict& dict) {
  return std::any_of(dict.items.begin(), dict.items.end(), [](const auto& item) {
    return item.second->template as<Tensor>() != nullptr;
  });
}

// The dictionary in which a checkpoint keeps its weights, if `dict` is such a checkpoint.
const Dict* find_wrapped(const Dict& dict) {
  if (holds_tensors(dict)) return nullptr;
  for (const std::string_view wrapper : kWrappers) {
    const Value* inner = find_item(dict, wrapper);
    if (inner != nullptr && inner->as<Dict>() != nullptr) return inner->as<Dict>();
  }
  return nullptr;
}

class Flattener {
 public:
  Flattener(const StorageLookup& find_storage, MemoryBudget& budget, const std::string& origin)
      : find_storage_(find_storage), budget_(budget), origin_(origin) {}

  ArrayMap flatten(const Value& root) {
    const auto* dict = root.as<Dict>();
    if (dict == nullptr) {
      core::throw_user_error(
          "{}: holds {}, expected a dictionary of named tensors; in Python, save "
          "model.state_dict().",
          origin_,
          kind_of(root));
    }
    for (int depth = 0; depth < kMaxDepth; ++depth) {
      const Dict* wrapped = find_wrapped(*dict);
      if (wrapped == nullptr) break;
      keep_simple_items(*dict);
      dict = wrapped;
    }
    visit_dict({}, *dict, 0);
    if (map_.arrays.empty()) {
      core::throw_user_error("{}: holds no tensors; in Python, save model.state_dict().", origin_);
    }
    return std::move(map_);
  }

 private:
  void keep_simple_items(const Dict& dict) {
    for (const auto& [key, value] : dict.items) {
      const std::optional<std::string> name = key_text(*key);
      if (name) keep_if_simple(*name, *value);
    }
  }

  void keep_if_simple(const std::string& name, const Value& value) {
    const std::optional<std::string> text = simple_text(value);
    if (!text) return;
    budget_.spend(name.size() + text->size());
    map_.metadata[name] = *text;
  }

  void visit(const std::string& name, const Value& value, int depth) {
    budget_.spend(name.size());
    if (const auto* tensor = value.as<Tensor>()) {
      add(name, *tensor);
    } else if (const auto* dict = value.as<Dict>()) {
      visit_dict(name, *dict, depth + 1);
    } else if (const auto* list = value.as<Sequence>()) {
      visit_list(name, *list, depth + 1);
    } else {
      keep_if_simple(name, value);
    }
  }

  void visit_dict(const std::string& prefix, const Dict& dict, int depth) {
    check_depth(prefix, depth);
    spend_on_visits(dict.items.size());
    for (const auto& [key, value] : dict.items) {
      const std::optional<std::string> name = key_text(*key);
      if (name) visit(join(prefix, *name), *value, depth);
    }
  }

  void visit_list(const std::string& prefix, const Sequence& list, int depth) {
    check_depth(prefix, depth);
    spend_on_visits(list.items.size());
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      visit(join(prefix, std::to_string(i)), *list.items[i], depth);
    }
  }

  void check_depth(const std::string& name, int depth) const {
    if (depth <= kMaxDepth) return;
    core::throw_user_error(
        "{}: '{}' is nested more than {} deep; in Python, save model.state_dict().",
        origin_,
        printable(name),
        kMaxDepth);
  }

  // Shared values are visited once for each way that leads to them, so a small file can ask for any
  // number of visits.
  void spend_on_visits(std::size_t items) { budget_.spend(items * kVisitCost); }

  static std::string join(const std::string& prefix, const std::string& name) {
    return prefix.empty() ? name : prefix + "." + name;
  }

  void add(const std::string& name, const Tensor& tensor) {
    if (!map_.arrays.emplace(name, densify(name, tensor)).second) {
      core::throw_user_error(
          "{}: names tensor '{}' twice; rename one of them in Python.", origin_, printable(name));
    }
  }

  Array densify(const std::string& name, const Tensor& tensor) {
    const Storage& storage = *tensor.storage;
    const std::size_t element = size_of(storage.type);
    const std::optional<std::int64_t> count = count_elements(tensor.shape);
    std::int64_t size = 0;
    if (!count || __builtin_mul_overflow(*count, static_cast<std::int64_t>(element), &size)) {
      fail(name, tensor, "is larger than any memory");
    }
    if (*count > 0 && !lies_within(tensor, storage.view_count)) {
      fail(name, tensor, "reaches outside its storage");
    }
    Array array{storage.type, tensor.shape, {}};
    if (*count == 0) return array;

    const std::span<const std::uint8_t> bytes = find_storage_(storage);
    if (bytes.size() / element < static_cast<std::uint64_t>(storage.count)) {
      fail(name, tensor, fmt::format("has a storage of only {} bytes", bytes.size()));
    }
    budget_.spend(static_cast<std::uint64_t>(size));
    array.bytes.resize(static_cast<std::size_t>(size));
    const auto first = static_cast<std::size_t>(storage.view_offset + tensor.offset);
    const std::uint8_t* source = bytes.data() + first * element;
    if (is_dense(tensor)) {
      std::memcpy(array.bytes.data(), source, array.bytes.size());
    } else {
      copy_strided(tensor, source, element, array.bytes);
    }
    return array;
  }

  // Whether the last element of a tensor that is not empty lies within `count` elements.
  static bool lies_within(const Tensor& tensor, std::int64_t count) {
    std::int64_t last = tensor.offset;
    if (last < 0) return false;
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      std::int64_t reach = 0;
      if (__builtin_mul_overflow(tensor.shape[i] - 1, tensor.strides[i], &reach) ||
          __builtin_add_overflow(last, reach, &last)) {
        return false;
      }
    }
    return last < count;
  }

  static bool is_dense(const Tensor& tensor) {
    std::int64_t expected = 1;
    for (std::size_t i = tensor.shape.size(); i-- > 0;) {
      if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
      expected *= tensor.shape[i];
    }
    return true;
  }

  static void copy_strided(const Tensor& tensor,
                           const std::uint8_t* source,
                           std::size_t element,
                           std::vector<std::uint8_t>& out) {
    // An extent of 1 is never stepped along, so its stride may be anything: it must not be added.
    std::vector<std::int64_t> strides = tensor.strides;
    for (std::size_t i = 0; i < strides.size(); ++i) {
      if (tensor.shape[i] == 1) strides[i] = 0;
    }
    std::vector<std::int64_t> index(tensor.shape.size(), 0);
    std::int64_t at = 0;
    for (std::size_t to = 0; to < out.size(); to += element) {
      std::memcpy(out.data() + to, source + static_cast<std::size_t>(at) * element, element);
      for (std::size_t i = index.size(); i-- > 0;) {
        at += strides[i];
        if (++index[i] < tensor.shape[i]) break;
        at -= strides[i] * tensor.shape[i];
        index[i] = 0;
      }
    }
  }

  [[noreturn]] void fail(const std::string& name,
                         const Tensor& tensor,
                         std::string_view problem) const {
    core::throw_user_error(
        "{}: tensor '{}' of shape [{}] {} ('{}', {} elements of {}); the file is damaged, get it "
        "again.",
        origin_,
        printable(name),
        fmt::join(tensor.shape, ", "),
        problem,
        printable(tensor.storage->key),
        tensor.storage->view_count,
        name_of(tensor.storage->type));
  }

  const StorageLookup& find_storage_;
  MemoryBudget& budget_;
  const std::string& origin_;
  ArrayMap map_;
};

}  // namespace

ArrayMap to_array_map(const Value& root,
                      const StorageLookup& find_storage,
                      MemoryBudget& budget,
                      const std::string& origin) {
  return Flattener(find_storage, budget, origin).flatten(root);
}

}  // namespace parsimony::weights::pickle
