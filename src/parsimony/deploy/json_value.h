// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parsimony/core/fields.h"

// JSON with errors that help: every reading step that does not find what it expects is a user error
// that names the file, the key, what was expected and what was found. Keys nobody asks for are left
// alone, so that files of later versions stay readable.
namespace parsimony::deploy {

// A place in a JSON document; the document must outlive it.
class JsonValue {
 public:
  JsonValue(const nlohmann::ordered_json& value, std::string origin, std::string path = {})
      : value_(&value), origin_(std::move(origin)), path_(std::move(path)) {}

  JsonValue at(std::string_view key) const;
  std::vector<JsonValue> items() const;                            // of a list
  std::vector<std::pair<std::string, JsonValue>> members() const;  // of a group
  bool is_text() const { return value_->is_string(); }

  bool truth() const;
  std::string text() const;
  std::int64_t integer(double min, double max) const;
  std::uint64_t natural() const;
  double number(double min = -std::numeric_limits<double>::infinity(),
                double max = std::numeric_limits<double>::infinity()) const;

  [[noreturn]] void fail(std::string_view expected) const;

 private:
  const nlohmann::ordered_json* value_;
  std::string origin_;
  std::string path_;  // "interface.mean[2]"; empty at the root
};

// Options with a field list (core/fields.h), both ways. Reading needs every field to be there.
class JsonFieldReader final : public core::FieldVisitor {
 public:
  explicit JsonFieldReader(JsonValue group) { groups_.push_back(std::move(group)); }
  using FieldVisitor::field;
  void field(std::string_view name, bool& value, const core::FieldSpec& spec) override;
  void field(std::string_view name, std::int64_t& value, const core::FieldSpec& spec) override;
  void field(std::string_view name, double& value, const core::FieldSpec& spec) override;
  void field(std::string_view name, std::string& value, const core::FieldSpec& spec) override;
  void field(std::string_view name,
             std::vector<std::int64_t>& value,
             const core::FieldSpec& spec) override;
  void field(std::string_view name,
             std::vector<double>& value,
             const core::FieldSpec& spec) override;
  void field(std::string_view name,
             std::vector<std::string>& value,
             const core::FieldSpec& spec) override;

 protected:
  void field_choice(std::string_view name,
                    std::size_t& index,
                    std::span<const std::string_view> names,
                    const core::FieldSpec& spec) override;
  bool enter(std::string_view name, std::string_view help) override;
  void leave() override { groups_.pop_back(); }

 private:
  JsonValue find(std::string_view name) const { return groups_.back().at(name); }
  std::vector<JsonValue> groups_;
};

class JsonFieldWriter final : public core::FieldVisitor {
 public:
  explicit JsonFieldWriter(nlohmann::ordered_json& group) { groups_.push_back(&group); }
  using FieldVisitor::field;
  void field(std::string_view name, bool& value, const core::FieldSpec&) override {
    put(name, value);
  }
  void field(std::string_view name, std::int64_t& value, const core::FieldSpec&) override {
    put(name, value);
  }
  void field(std::string_view name, double& value, const core::FieldSpec&) override {
    put(name, value);
  }
  void field(std::string_view name, std::string& value, const core::FieldSpec&) override {
    put(name, value);
  }
  void field(std::string_view name,
             std::vector<std::int64_t>& value,
             const core::FieldSpec&) override {
    put(name, value);
  }
  void field(std::string_view name, std::vector<double>& value, const core::FieldSpec&) override {
    put(name, value);
  }
  void field(std::string_view name,
             std::vector<std::string>& value,
             const core::FieldSpec&) override {
    put(name, value);
  }

 protected:
  void field_choice(std::string_view name,
                    std::size_t& index,
                    std::span<const std::string_view> names,
                    const core::FieldSpec&) override {
    put(name, names[index]);
  }
  bool enter(std::string_view name, std::string_view help) override;
  void leave() override { groups_.pop_back(); }

 private:
  template <typename Value>
  void put(std::string_view name, const Value& value) {
    (*groups_.back())[std::string(name)] = value;
  }
  std::vector<nlohmann::ordered_json*> groups_;
};

template <typename Options>
nlohmann::ordered_json write_fields(const Options& options) {
  nlohmann::ordered_json group = nlohmann::ordered_json::object();
  JsonFieldWriter writer(group);
  Options copy =
      options;  // a field list serves reading too, so it asks for something it may change
  copy.visit(writer);
  return group;
}

template <typename Options>
Options read_fields(const JsonValue& group) {
  Options options;
  JsonFieldReader reader(group);
  options.visit(reader);
  return options;
}

}  // namespace parsimony::deploy
