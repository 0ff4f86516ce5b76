// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/pickle_value.h"

#include <array>

namespace parsimony::weights::pickle {

std::string_view kind_of(const Value& value) {
  // In the order of the variant's alternatives.
  constexpr std::array<std::string_view, std::variant_size_v<decltype(Value::data)>> kKinds{
      "nothing",
      "a truth value",
      "an integer",
      "a number",
      "a text",
      "a large integer",
      "an object",
      "a list",
      "a dictionary",
      "a storage",
      "a tensor",
      "a global name"};
  return kKinds[value.data.index()];
}

std::size_t footprint(const Value& value) {
  std::size_t bytes = sizeof(Value);
  if (const auto* text = value.as<std::string>()) bytes += text->size();
  if (const auto* number = value.as<BigInteger>()) bytes += number->bytes.size();
  if (const auto* list = value.as<Sequence>()) bytes += list->items.size() * sizeof(Value*);
  if (const auto* dict = value.as<Dict>()) bytes += dict->items.size() * 2 * sizeof(Value*);
  if (const auto* tensor = value.as<Tensor>())
    bytes += tensor->shape.size() * 2 * sizeof(std::int64_t);
  if (const auto* storage = value.as<Storage>()) bytes += storage->key.size();
  return bytes;
}

}  // namespace parsimony::weights::pickle
