// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/json_value.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::deploy {
namespace {

using core::FieldSpec;

constexpr std::size_t kLongestQuote = 60;

std::string within(std::string_view type, double min, double max) {
  if (std::isinf(min) && std::isinf(max)) return std::string(type);
  if (std::isinf(max)) return fmt::format("{} of at least {}", type, min);
  if (std::isinf(min)) return fmt::format("{} of at most {}", type, max);
  return fmt::format("{} from {} to {}", type, min, max);
}

}  // namespace

JsonValue JsonValue::at(std::string_view key) const {
  if (!value_->is_object()) fail("a group of keys");
  const auto found = value_->find(std::string(key));
  const std::string path = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  if (found == value_->end()) core::throw_user_error("{}: the key '{}' is missing", origin_, path);
  return {*found, origin_, path};
}

std::vector<JsonValue> JsonValue::items() const {
  if (!value_->is_array()) fail("a list");
  std::vector<JsonValue> items;
  for (const auto& item : *value_)
    items.emplace_back(item, origin_, fmt::format("{}[{}]", path_, items.size()));
  return items;
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::members() const {
  if (!value_->is_object()) fail("a group of keys");
  std::vector<std::pair<std::string, JsonValue>> members;
  for (const auto& [key, value] : value_->items()) members.emplace_back(key, at(key));
  return members;
}

bool JsonValue::truth() const {
  if (!value_->is_boolean()) fail("true or false");
  return value_->get<bool>();
}

std::string JsonValue::text() const {
  if (!value_->is_string()) fail("text");
  return value_->get<std::string>();
}

std::int64_t JsonValue::integer(double min, double max) const {
  const std::string expected = within("an integer", min, max);
  if (!value_->is_number_integer()) fail(expected);
  const bool too_large = value_->is_number_unsigned() &&
                         value_->get<std::uint64_t>() >
                             static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (too_large) fail(expected);
  const auto value = value_->get<std::int64_t>();
  if (static_cast<double>(value) < min || static_cast<double>(value) > max) fail(expected);
  return value;
}

std::uint64_t JsonValue::natural() const {
  if (!value_->is_number_unsigned()) fail("an integer of at least 0");
  return value_->get<std::uint64_t>();
}

double JsonValue::number(double min, double max) const {
  const std::string expected = within("a number", min, max);
  if (!value_->is_number()) fail(expected);
  const double value = value_->get<double>();
  if (value < min || value > max) fail(expected);
  return value;
}

void JsonValue::fail(std::string_view expected) const {
  std::string found = value_->dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
  if (found.size() > kLongestQuote) found = found.substr(0, kLongestQuote) + "...";
  if (path_.empty()) core::throw_user_error("{}: expected {}, found {}", origin_, expected, found);
  core::throw_user_error("{}: the key '{}' must be {}, found {}", origin_, path_, expected, found);
}

void JsonFieldReader::field(std::string_view name, bool& value, const FieldSpec&) {
  value = find(name).truth();
}

void JsonFieldReader::field(std::string_view name, std::int64_t& value, const FieldSpec& spec) {
  value = find(name).integer(spec.min, spec.max);
}

void JsonFieldReader::field(std::string_view name, double& value, const FieldSpec& spec) {
  value = find(name).number(spec.min, spec.max);
}

void JsonFieldReader::field(std::string_view name, std::string& value, const FieldSpec&) {
  value = find(name).text();
}

void JsonFieldReader::field(std::string_view name,
                            std::vector<std::int64_t>& value,
                            const FieldSpec& spec) {
  value.clear();
  for (const JsonValue& item : find(name).items())
    value.push_back(item.integer(spec.min, spec.max));
}

void JsonFieldReader::field(std::string_view name,
                            std::vector<double>& value,
                            const FieldSpec& spec) {
  value.clear();
  for (const JsonValue& item : find(name).items()) value.push_back(item.number(spec.min, spec.max));
}

void JsonFieldReader::field(std::string_view name,
                            std::vector<std::string>& value,
                            const FieldSpec&) {
  value.clear();
  for (const JsonValue& item : find(name).items()) value.push_back(item.text());
}

void JsonFieldReader::field_choice(std::string_view name,
                                   std::size_t& index,
                                   std::span<const std::string_view> names,
                                   const FieldSpec&) {
  const JsonValue value = find(name);
  const auto found = std::find(names.begin(), names.end(), value.text());
  if (found == names.end()) value.fail(fmt::format("one of {}", fmt::join(names, ", ")));
  index = static_cast<std::size_t>(found - names.begin());
}

bool JsonFieldReader::enter(std::string_view name, std::string_view) {
  groups_.push_back(find(name));
  return true;
}

bool JsonFieldWriter::enter(std::string_view name, std::string_view) {
  nlohmann::ordered_json& group = (*groups_.back())[std::string(name)];
  group = nlohmann::ordered_json::object();
  groups_.push_back(&group);
  return true;
}

}  // namespace parsimony::deploy
