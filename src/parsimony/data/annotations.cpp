// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/annotations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "parsimony/core/files.h"
#include "parsimony/core/text.h"

namespace parsimony::data {
namespace {

using Json = nlohmann::json;

class Reader {
 public:
  Reader(const std::filesystem::path& file, Inventory& inventory)
      : file_(file), inventory_(inventory), name_(inventory.relative(file)) {}

  Annotations read() {
    Annotations annotations;
    if (!parse()) return annotations;
    const auto named = root_.find("keypoint_names");
    if (named != root_.end() && *named != Json(inventory_.info.skeleton.joints)) {
      report(FindingKind::kMalformedPose,
             "'keypoint_names' differ from those of dataset.json",
             "make them agree, or leave them out of this file");
    }
    binary_ = !uses_coco_numbers();
    SplitIds splits;
    bool all_split = true;
    for (const Json& entry : root_["annotations"]) {
      const std::optional<std::string> id = id_of(entry);
      if (!id) continue;
      if (!annotations.poses.emplace(*id, pose_of(entry, *id)).second) {
        report(FindingKind::kDuplicateId,
               fmt::format("'{}' has more than one annotation", *id),
               "keep one person a picture: cut out the others as pictures of their own");
        continue;
      }
      all_split = add_to_split(entry, *id, splits) && all_split;
    }
    if (all_split) annotations.splits = std::move(splits);
    return annotations;
  }

 private:
  void report(FindingKind kind, std::string detail, std::string remedy) {
    inventory_.findings.push_back(
        {kind, Severity::kError, name_, std::move(detail), std::move(remedy)});
  }

  bool parse() {
    if (!std::filesystem::is_regular_file(file_)) {
      report(FindingKind::kMissingPose,
             "there is no such file, but dataset.json names joints",
             "add the poses (docs/datasets.md shows the file), or take 'keypoint_names' out");
      return false;
    }
    const std::string text = core::read_text_file(file_);
    try {
      root_ = Json::parse(text);
    } catch (const Json::exception& error) {
      report(FindingKind::kMalformedPose,
             fmt::format("is not valid JSON: {}", error.what()),
             "correct the text there");
      return false;
    }
    if (root_.is_object() && root_.contains("annotations") && root_["annotations"].is_array())
      return true;
    report(FindingKind::kMalformedPose,
           "holds no list 'annotations'",
           "write {\"annotations\": [{\"id\": ..., \"keypoints\": [[x, y, v], ...]}, ...]}");
    return false;
  }

  bool uses_coco_numbers() const {
    if (const auto found = root_.find("visibility"); found != root_.end()) return *found == "coco";
    const auto is_two = [](const Json& value) { return value.is_number() && value == 2; };
    for (const Json& entry : root_["annotations"]) {
      const auto keypoints = entry.find("keypoints");
      if (keypoints == entry.end() || !keypoints->is_array()) continue;
      for (std::size_t i = 0; i < keypoints->size(); ++i) {
        const Json& joint = (*keypoints)[i];
        if (joint.is_array() ? joint.size() == 3 && is_two(joint[2]) : i % 3 == 2 && is_two(joint))
          return true;
      }
    }
    return false;
  }

  std::optional<std::string> id_of(const Json& entry) {
    if (entry.is_object()) {
      const auto id = entry.find("id");
      if (id != entry.end() && id->is_string()) return id->get<std::string>();
    }
    report(FindingKind::kMalformedPose,
           fmt::format("has the annotation {}, which has no 'id'", entry.dump().substr(0, 60)),
           "name the picture: its file name without extension");
    return std::nullopt;
  }

  Pose pose_of(const Json& entry, const std::string& id) {
    const std::size_t count = inventory_.info.skeleton.joints.size();
    const auto keypoints = entry.find("keypoints");
    std::vector<Json> joints;
    if (keypoints != entry.end() && keypoints->is_array()) joints = rows_of(*keypoints);
    if (joints.size() != count) {
      report(FindingKind::kWrongJointCount,
             fmt::format("'{}' has {} keypoints; expected {}, one for each of 'keypoint_names'",
                         id,
                         joints.size(),
                         count),
             "give joints that are not labelled as null or [0, 0, 0]");
      return {};
    }
    Pose pose;
    for (std::size_t i = 0; i < count; ++i) {
      const std::optional<Joint> joint = joint_of(joints[i]);
      const std::string& name = inventory_.info.skeleton.joints[i];
      if (!joint) {
        report(FindingKind::kMalformedPose,
               fmt::format("'{}' has {} for '{}'; expected [x, y, v] with v of 0, 1 or 2",
                           id,
                           joints[i].dump().substr(0, 60),
                           name),
               "write two coordinates in pixels and whether the joint is labelled, or null");
        return {};
      }
      if (joint->visibility != Visibility::kAbsent &&
          !(std::isfinite(joint->x) && std::isfinite(joint->y))) {
        report(FindingKind::kNonFiniteJoint,
               fmt::format("'{}' has '{}' at {}, which is no place", id, name, joints[i].dump()),
               "correct the coordinates, or write null for a joint that is not labelled");
        return {};
      }
      pose.joints.push_back(*joint);
    }
    pose.head_size = measure_of(entry, "head_size");
    pose.area = measure_of(entry, "area");
    return pose;
  }

  // Lists of three numbers, whether they come so or flat.
  static std::vector<Json> rows_of(const Json& keypoints) {
    const bool flat = !keypoints.empty() && std::ranges::all_of(keypoints, [](const Json& value) {
      return value.is_number();
    });
    if (!flat) return {keypoints.begin(), keypoints.end()};
    std::vector<Json> rows;
    for (std::size_t i = 0; i + 2 < keypoints.size(); i += 3)
      rows.push_back(Json::array({keypoints[i], keypoints[i + 1], keypoints[i + 2]}));
    return rows;
  }

  // Coordinates of null are not finite.
  std::optional<Joint> joint_of(const Json& entry) const {
    if (entry.is_null()) return Joint{};
    if (!entry.is_array() || entry.size() < 2 || entry.size() > 3) return std::nullopt;
    const auto coordinate = [](const Json& value) -> std::optional<float> {
      if (value.is_null()) return std::numeric_limits<float>::quiet_NaN();
      if (!value.is_number()) return std::nullopt;
      const double number = value.get<double>();
      if (std::abs(number) > std::numeric_limits<float>::max())
        return std::numeric_limits<float>::infinity();
      return static_cast<float>(number);
    };
    const std::optional<float> x = coordinate(entry[0]), y = coordinate(entry[1]);
    if (!x || !y) return std::nullopt;
    if (entry.size() == 2) return Joint{*x, *y, Visibility::kVisible};
    const Json& v = entry[2];
    if (v.is_boolean()) return Joint{*x, *y, visibility_of(v.get<bool>() ? 1 : 0)};
    if (!v.is_number() || (v != 0 && v != 1 && v != 2)) return std::nullopt;
    return Joint{*x, *y, visibility_of(v.get<int>())};
  }

  Visibility visibility_of(int number) const {
    if (number == 0) return Visibility::kAbsent;
    return number == 2 || binary_ ? Visibility::kVisible : Visibility::kHidden;
  }

  static double measure_of(const Json& entry, const char* key) {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_number()) return 0;
    const double measure = found->get<double>();
    return std::isfinite(measure) && measure > 0 ? measure : 0;
  }

  static bool add_to_split(const Json& entry, const std::string& id, SplitIds& splits) {
    const auto named = entry.find("split");
    if (named == entry.end() || !named->is_string()) return false;
    for (const Split split : kSplits) {
      if (named->get<std::string>() != name_of(split)) continue;
      splits.at(split).push_back(id);
      splits.given[static_cast<std::size_t>(split)] = true;
      return true;
    }
    return false;
  }

  std::filesystem::path file_;
  Inventory& inventory_;
  std::string name_;
  Json root_;
  bool binary_ = false;
};

}  // namespace

Annotations read_annotations(const std::filesystem::path& file, Inventory& inventory) {
  return Reader(file, inventory).read();
}

std::string annotations_text(const std::vector<NamedPose>& poses) {
  std::vector<std::string> lines;
  for (const NamedPose& named : poses) {
    std::vector<std::string> joints;
    for (const Joint& joint : named.pose.joints) {
      joints.push_back(
          fmt::format("[{}, {}, {}]", joint.x, joint.y, static_cast<int>(joint.visibility)));
    }
    std::string line = fmt::format(R"({{"id": {}, "split": "{}", "keypoints": [{}])",
                                   Json(named.id).dump(),
                                   named.split,
                                   core::join(joints, ", "));
    if (named.pose.head_size > 0) line += fmt::format(", \"head_size\": {}", named.pose.head_size);
    if (named.pose.area > 0) line += fmt::format(", \"area\": {}", named.pose.area);
    lines.push_back(line + "}");
  }
  return fmt::format("{{\"visibility\": \"coco\",\n\"annotations\": [\n{}\n]}}\n",
                     core::join(lines, ",\n"));
}

}  // namespace parsimony::data
