// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"

namespace parsimony::core {

// A YAML document whose values can be overridden and read into options (core/fields.h).
//
//   Config config = Config::from_file("configs/camvid.yaml");
//   config.set("search.trials=200");
//   StudyOptions options;
//   config.read_into(options);     // unknown key, wrong type, out of range: an error with its line
//
// Every error names the file and line (or the `--set`), what was found, what was expected and, for
// unknown keys, the nearest valid name.
class Config {
 public:
  static Config from_file(const std::filesystem::path& file);
  static Config from_text(const std::string& text, const std::string& origin);
  ~Config();
  Config(Config&&) noexcept;
  Config& operator=(Config&&) noexcept;

  // "a.b.c=value"; the value is read as YAML, so lists work: "space.ops=[1,2]".
  void set(std::string_view assignment);

  template <typename Options>
  void read_into(Options& options) const {
    read([&options](FieldVisitor& v) { options.visit(v); });
  }

 private:
  struct Document;
  explicit Config(std::unique_ptr<Document> document);
  void read(const std::function<void(FieldVisitor&)>& visit) const;
  std::unique_ptr<Document> document_;
};

// One option as help, documentation and tests see it.
struct FieldInfo {
  std::string path;   // "train.stage0.epochs"
  std::string type;   // "integer", "number", "text", "true/false", "list of integers", "one of a|b"
  std::string value;  // current (default) value as YAML
  std::string help;
};

std::vector<FieldInfo> list_visited(const std::function<void(FieldVisitor&)>& visit);

// Options as YAML text that reads back to equal options, one comment per field when asked for.
std::string visited_to_yaml(const std::function<void(FieldVisitor&)>& visit, bool comments);

template <typename Options>
std::vector<FieldInfo> list_fields(const Options& options) {
  Options copy = options;
  return list_visited([&copy](FieldVisitor& v) { copy.visit(v); });
}

template <typename Options>
std::string to_yaml(const Options& options, bool comments = false) {
  Options copy = options;
  return visited_to_yaml([&copy](FieldVisitor& v) { copy.visit(v); }, comments);
}

}  // namespace parsimony::core
