// SPDX-License-Identifier: Apache-2.0
#include "parsimony/core/config.h"

#include <yaml-cpp/yaml.h>

#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"

namespace parsimony::core {

struct Config::Document {
  std::string origin;
  YAML::Node root;
  std::map<std::string, std::string> overrides;  // dotted path -> the assignment that set it
};

namespace {

constexpr std::string_view kTypeInteger = "an integer";
constexpr std::string_view kTypeNumber = "a number";

std::string describe(const YAML::Node& node) {
  if (node.IsMap()) return "a group of keys";
  if (node.IsSequence()) return "a list";
  if (node.IsNull()) return "nothing";
  return fmt::format("'{}'", node.Scalar());
}

// Reads options out of a YAML tree. Keeps the names that each open group knows, so that whatever
// is left over when the group closes is an unknown key.
class Reader final : public FieldVisitor {
 public:
  Reader(const YAML::Node& root,
         std::string origin,
         const std::map<std::string, std::string>& overrides)
      : origin_(std::move(origin)), overrides_(overrides) {
    levels_.push_back({"", root, {}});
    check_is_map(root, "");
  }

  void finish() { close_level(); }

  using FieldVisitor::field;
  void field(std::string_view name, bool& value, const FieldSpec&) override {
    if (auto node = find(name)) value = scalar<bool>(*node, name, "true or false");
  }
  void field(std::string_view name, std::int64_t& value, const FieldSpec& spec) override {
    if (auto node = find(name)) {
      value = scalar<std::int64_t>(*node, name, kTypeInteger);
      check_range(*node, name, static_cast<double>(value), spec);
    }
  }
  void field(std::string_view name, double& value, const FieldSpec& spec) override {
    if (auto node = find(name)) {
      value = scalar<double>(*node, name, kTypeNumber);
      if (!std::isfinite(value)) fail(*node, name, "a finite number", describe(*node));
      check_range(*node, name, value, spec);
    }
  }
  void field(std::string_view name, std::string& value, const FieldSpec&) override {
    if (auto node = find(name)) value = scalar<std::string>(*node, name, "text");
  }
  void field(std::string_view name,
             std::vector<std::int64_t>& value,
             const FieldSpec& spec) override {
    read_list(name, value, kTypeInteger, "a list of integers", spec);
  }
  void field(std::string_view name, std::vector<double>& value, const FieldSpec& spec) override {
    read_list(name, value, kTypeNumber, "a list of numbers", spec);
  }
  void field(std::string_view name,
             std::vector<std::string>& value,
             const FieldSpec& spec) override {
    read_list(name, value, "text", "a list of texts", spec);
  }

 protected:
  void field_choice(std::string_view name,
                    std::size_t& index,
                    std::span<const std::string_view> names,
                    const FieldSpec&) override {
    auto node = find(name);
    if (!node) return;
    const auto text = scalar<std::string>(*node, name, "one of " + join(names, ", "));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == text) {
        index = i;
        return;
      }
    }
    fail(*node,
         name,
         "one of " + join(names, ", "),
         fmt::format("'{}'{}", text, did_you_mean(text, names)));
  }

  bool enter(std::string_view name, std::string_view) override {
    auto node = find(name);
    if (!node) return false;
    check_is_map(*node, path_of(name));
    levels_.push_back({path_of(name), *node, {}});
    return true;
  }

  void leave() override { close_level(); }

 private:
  struct Level {
    std::string path;
    YAML::Node node;
    std::set<std::string, std::less<>> known;
  };

  std::string path_of(std::string_view name) const {
    const std::string& outer = levels_.back().path;
    return outer.empty() ? std::string(name) : fmt::format("{}.{}", outer, name);
  }

  std::optional<YAML::Node> find(std::string_view name) {
    Level& level = levels_.back();
    level.known.emplace(name);
    if (!level.node.IsMap()) return std::nullopt;
    const YAML::Node& node = level.node;
    const YAML::Node child = node[std::string(name)];
    if (!child.IsDefined() || child.IsNull()) return std::nullopt;
    return child;
  }

  std::string where(const YAML::Node& node, const std::string& path) const {
    for (const auto& [overridden, assignment] : overrides_) {
      if (path == overridden || path.starts_with(overridden + ".")) return "--set " + assignment;
    }
    return fmt::format("{}, line {}", origin_, node.Mark().line + 1);
  }

  [[noreturn]] void fail(const YAML::Node& node,
                         std::string_view name,
                         std::string_view expected,
                         std::string_view found) const {
    const std::string path = path_of(name);
    throw_user_error("{}: '{}' must be {}, found {}", where(node, path), path, expected, found);
  }

  template <typename T>
  T scalar(const YAML::Node& node, std::string_view name, std::string_view expected) const {
    if (node.IsScalar()) {
      if constexpr (std::is_same_v<T, std::string>) {
        return node.Scalar();
      } else {
        T value{};
        if (YAML::convert<T>::decode(node, value)) return value;
      }
    }
    fail(node, name, expected, describe(node));
  }

  void check_range(const YAML::Node& node,
                   std::string_view name,
                   double value,
                   const FieldSpec& spec) const {
    if (value >= spec.min && value <= spec.max) return;
    const std::string range = std::isinf(spec.max) ? fmt::format("at least {}", spec.min)
                              : std::isinf(spec.min)
                                  ? fmt::format("at most {}", spec.max)
                                  : fmt::format("between {} and {}", spec.min, spec.max);
    fail(node, name, range, fmt::format("{}", value));
  }

  template <typename T>
  void read_list(std::string_view name,
                 std::vector<T>& value,
                 std::string_view item_type,
                 std::string_view list_type,
                 const FieldSpec& spec) {
    auto node = find(name);
    if (!node) return;
    if (!node->IsSequence()) fail(*node, name, list_type, describe(*node));
    value.clear();
    for (const YAML::Node& item : *node) {
      value.push_back(scalar<T>(item, name, fmt::format("{} of {}", list_type, item_type)));
      if constexpr (std::is_arithmetic_v<T>)
        check_range(item, name, static_cast<double>(value.back()), spec);
    }
  }

  void check_is_map(const YAML::Node& node, const std::string& path) const {
    if (node.IsMap() || node.IsNull()) return;
    throw_user_error("{}: {} must be a group of keys, found {}",
                     where(node, path),
                     path.empty() ? "the document" : "'" + path + "'",
                     describe(node));
  }

  void close_level() {
    const Level level = std::move(levels_.back());
    levels_.pop_back();
    if (!level.node.IsMap()) return;
    for (const auto& entry : level.node) {
      const auto key = entry.first.as<std::string>();
      if (level.known.contains(key)) continue;
      const std::string path = level.path.empty() ? key : level.path + "." + key;
      const std::vector<std::string> known(level.known.begin(), level.known.end());
      throw_user_error("{}: unknown key '{}'{} Known here: {}",
                       where(entry.first, path),
                       path,
                       did_you_mean(key, known),
                       join(known, ", "));
    }
  }

  std::string origin_;
  const std::map<std::string, std::string>& overrides_;
  std::vector<Level> levels_;
};

// Text that YAML reads back as the same string.
std::string quote(const std::string& text) {
  YAML::Emitter out;
  out << YAML::DoubleQuoted << text;
  return out.c_str();
}

std::string number(double value) {
  return fmt::format("{}", value);
}

// Walks options and hands out one (path, type, value, help) per field.
class Lister final : public FieldVisitor {
 public:
  std::vector<FieldInfo> fields;
  std::vector<std::pair<std::size_t, std::pair<std::string, std::string>>>
      groups;  // before field i

  using FieldVisitor::field;
  void field(std::string_view name, bool& value, const FieldSpec& spec) override {
    add(name, "true/false", value ? "true" : "false", spec);
  }
  void field(std::string_view name, std::int64_t& value, const FieldSpec& spec) override {
    add(name, "integer", fmt::format("{}", value), spec);
  }
  void field(std::string_view name, double& value, const FieldSpec& spec) override {
    add(name, "number", number(value), spec);
  }
  void field(std::string_view name, std::string& value, const FieldSpec& spec) override {
    add(name, "text", quote(value), spec);
  }
  void field(std::string_view name,
             std::vector<std::int64_t>& value,
             const FieldSpec& spec) override {
    add(name, "list of integers", fmt::format("[{}]", fmt::join(value, ", ")), spec);
  }
  void field(std::string_view name, std::vector<double>& value, const FieldSpec& spec) override {
    add(name, "list of numbers", fmt::format("[{}]", fmt::join(value, ", ")), spec);
  }
  void field(std::string_view name,
             std::vector<std::string>& value,
             const FieldSpec& spec) override {
    std::vector<std::string> quoted;
    for (const std::string& item : value) quoted.push_back(quote(item));
    add(name, "list of texts", fmt::format("[{}]", fmt::join(quoted, ", ")), spec);
  }

 protected:
  void field_choice(std::string_view name,
                    std::size_t& index,
                    std::span<const std::string_view> names,
                    const FieldSpec& spec) override {
    require(index < names.size(), "option '{}' holds value {} of {}", name, index, names.size());
    add(name, "one of " + join(names, "|"), std::string(names[index]), spec);
  }
  bool enter(std::string_view name, std::string_view help) override {
    path_.emplace_back(name);
    groups.push_back({fields.size(), {join(path_, "."), std::string(help)}});
    return true;
  }
  void leave() override { path_.pop_back(); }

 private:
  void add(std::string_view name, std::string type, std::string value, const FieldSpec& spec) {
    std::string path = join(path_, ".");
    if (!path.empty()) path += ".";
    path += name;
    fields.push_back({path, std::move(type), std::move(value), std::string(spec.help)});
  }
  std::vector<std::string> path_;
};

}  // namespace

Config::Config(std::unique_ptr<Document> document) : document_(std::move(document)) {}
Config::~Config() = default;
Config::Config(Config&&) noexcept = default;
Config& Config::operator=(Config&&) noexcept = default;

Config Config::from_file(const std::filesystem::path& file) {
  return from_text(read_text_file(file), file.string());
}

Config Config::from_text(const std::string& text, const std::string& origin) {
  auto document = std::make_unique<Document>();
  document->origin = origin;
  try {
    document->root = YAML::Load(text);
  } catch (const YAML::Exception& error) {
    throw_user_error("{}, line {}: not valid YAML: {}", origin, error.mark.line + 1, error.msg);
  }
  return Config(std::move(document));
}

void Config::set(std::string_view assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw_user_error("--set {}: expected NAME=VALUE, for example --set search.trials=100",
                     assignment);
  }
  const std::string path(assignment.substr(0, equals));
  YAML::Node value;
  try {
    value = YAML::Load(std::string(assignment.substr(equals + 1)));
  } catch (const YAML::Exception& error) {
    throw_user_error("--set {}: the value is not valid YAML: {}", assignment, error.msg);
  }
  YAML::Node node = document_->root;
  const std::vector<std::string> keys = split(path, '.');
  for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
    YAML::Node child = node[keys[i]];
    if (child.IsDefined() && !child.IsNull() && !child.IsMap()) {
      throw_user_error("--set {}: '{}' is not a group of keys", assignment, keys[i]);
    }
    node.reset(child);
  }
  node[keys.back()] = value;
  document_->overrides[path] = std::string(assignment);
}

void Config::read(const std::function<void(FieldVisitor&)>& visit) const {
  Reader reader(document_->root, document_->origin, document_->overrides);
  visit(reader);
  reader.finish();
}

std::vector<FieldInfo> list_visited(const std::function<void(FieldVisitor&)>& visit) {
  Lister lister;
  visit(lister);
  return std::move(lister.fields);
}

std::string visited_to_yaml(const std::function<void(FieldVisitor&)>& visit, bool comments) {
  Lister lister;
  visit(lister);
  std::string out;
  std::size_t group = 0;
  const auto indent_of = [](const std::string& path) {
    return std::string(2 * static_cast<std::size_t>(std::count(path.begin(), path.end(), '.')),
                       ' ');
  };
  const auto name_of = [](const std::string& path) { return path.substr(path.rfind('.') + 1); };
  for (std::size_t i = 0; i < lister.fields.size(); ++i) {
    for (; group < lister.groups.size() && lister.groups[group].first == i; ++group) {
      const auto& [path, help] = lister.groups[group].second;
      if (comments && !help.empty()) out += fmt::format("{}# {}\n", indent_of(path), help);
      out += fmt::format("{}{}:\n", indent_of(path), name_of(path));
    }
    const FieldInfo& field = lister.fields[i];
    out += fmt::format("{}{}: {}", indent_of(field.path), name_of(field.path), field.value);
    if (comments && !field.help.empty()) out += "  # " + field.help;
    out += "\n";
  }
  return out;
}

}  // namespace parsimony::core
