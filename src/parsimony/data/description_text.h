// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/data/description.h"
#include "parsimony/data/finding.h"

// What the parts of description.cpp share. Private to this module.
namespace parsimony::data {

using Json = nlohmann::ordered_json;  // groups keep their order

// The text of a dataset.json, whose problems are reported with their lines.
class DescriptionText {
 public:
  DescriptionText(const std::filesystem::path& file, std::vector<Finding>& findings);

  bool parse();  // false, and reported, when the text holds no JSON object
  const Json& root() const { return root_; }
  const Json* find(const char* key) const;  // null when absent
  std::size_t line_of_key(std::string_view key) const;
  std::string start_of(const Json& value) const { return value.dump().substr(0, 60); }

  void report(FindingKind kind, std::size_t line, const std::string& detail, std::string remedy);
  // A malformed value: "'classes' is 3; expected ...".
  void report_key(std::string_view key, const std::string& detail, std::string remedy);

 private:
  std::string name_;
  std::string text_;
  std::vector<Finding>& findings_;
  Json root_;
};

// Joints, their relations and spreads (description_pose.cpp).
void read_skeleton(DescriptionText& text, Skeleton& skeleton);
void write_skeleton(const Skeleton& skeleton, Json& json);

// Folder and numbers of depth maps (description_depth.cpp).
void read_depth_description(DescriptionText& text, DepthDescription& depth);
void write_depth_description(const DepthDescription& depth, Json& json);

}  // namespace parsimony::data
