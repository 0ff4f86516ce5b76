// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "parsimony/core/text.h"
#include "parsimony/data/description_text.h"
#include "parsimony/data/skeleton.h"

namespace parsimony::data {
namespace {

constexpr const char* kNames = "keypoint_names";
constexpr std::size_t kMaxJoints = 255;

class SkeletonReader {
 public:
  SkeletonReader(DescriptionText& text, Skeleton& skeleton) : text_(text), skeleton_(skeleton) {}

  void read() {
    if (!read_names()) return;
    skeleton_.bones = pairs_of("skeleton", false).value_or(JointPairs());
    read_sides();
    skeleton_.torso = pair_of("torso");
    skeleton_.head = pair_of("head");
    if (const Json* joints = text_.find("unscored"); joints != nullptr)
      skeleton_.unscored = joints_of("unscored", *joints).value_or(std::vector<int>());
    read_spreads();
    complete_by_names(skeleton_);
  }

 private:
  bool read_names() {
    const Json& names = *text_.find(kNames);
    const auto is_name = [](const Json& name) {
      return name.is_string() && !name.get<std::string>().empty();
    };
    if (!names.is_array() || names.empty() || names.size() > kMaxJoints ||
        !std::ranges::all_of(names, is_name)) {
      text_.report_key(
          kNames,
          fmt::format("is {}; expected a list of 1 to {} names", text_.start_of(names), kMaxJoints),
          "write one text per joint, for example [\"left_hip\", \"right_hip\"]");
      return false;
    }
    skeleton_.joints = names.get<std::vector<std::string>>();
    std::set<std::string> seen;
    for (const std::string& name : skeleton_.joints) {
      if (seen.insert(name).second) continue;
      text_.report_key(
          kNames, fmt::format("has '{}' twice", name), "give every joint a name of its own");
    }
    const Json* count = text_.find("num_keypoints");
    if (count != nullptr && *count != Json(skeleton_.joints.size())) {
      text_.report_key("num_keypoints",
                       fmt::format("is {}, but '{}' has {} names",
                                   text_.start_of(*count),
                                   kNames,
                                   skeleton_.joints.size()),
                       "make them agree");
    }
    return true;
  }

  // A joint may be given by its number, from 0, or by its name; reported when it is neither.
  std::optional<int> joint_of(const char* key, const Json& joint) {
    const auto count = skeleton_.joints.size();
    if (joint.is_number_integer() && joint >= 0 && joint < count) return joint.get<int>();
    if (joint.is_string()) {
      const auto found = std::ranges::find(skeleton_.joints, joint.get<std::string>());
      if (found != skeleton_.joints.end())
        return static_cast<int>(found - skeleton_.joints.begin());
    }
    text_.report_key(
        key,
        fmt::format("names {}, which is no joint{}",
                    text_.start_of(joint),
                    joint.is_string()
                        ? core::did_you_mean(joint.get<std::string>(), skeleton_.joints)
                        : fmt::format("; numbers go from 0 to {}", count - 1)),
        "use numbers of joints, from 0, or names from 'keypoint_names'");
    return std::nullopt;
  }

  std::optional<std::vector<int>> joints_of(const char* key, const Json& list) {
    if (!list.is_array()) {
      text_.report_key(key,
                       fmt::format("is {}; expected a list of joints", text_.start_of(list)),
                       "write it like [6, 7]");
      return std::nullopt;
    }
    std::vector<int> joints;
    for (const Json& entry : list) {
      const std::optional<int> joint = joint_of(key, entry);
      if (!joint) return std::nullopt;
      joints.push_back(*joint);
    }
    return joints;
  }

  std::optional<std::pair<int, int>> two_joints(const char* key, const Json& entry) {
    if (!entry.is_array() || entry.size() != 2) {
      text_.report_key(
          key,
          fmt::format("holds {}; expected two joints", text_.start_of(entry)),
          "write two numbers of joints, from 0, or two names, like [\"left_hip\", \"right_hip\"]");
      return std::nullopt;
    }
    const std::optional<int> first = joint_of(key, entry[0]);
    const std::optional<int> second = first ? joint_of(key, entry[1]) : std::nullopt;
    if (!second) return std::nullopt;
    if (*first == *second) {
      text_.report_key(key,
                       fmt::format("holds {}, twice the same joint", text_.start_of(entry)),
                       "name two joints");
      return std::nullopt;
    }
    return std::pair(*first, *second);
  }

  std::optional<std::pair<int, int>> pair_of(const char* key) {
    const Json* entry = text_.find(key);
    return entry == nullptr || entry->is_null() ? std::nullopt : two_joints(key, *entry);
  }

  // nullopt when absent or wrong. `apart`: no joint may be in two pairs.
  std::optional<JointPairs> pairs_of(const char* key, bool apart) {
    const Json* list = text_.find(key);
    if (list == nullptr) return std::nullopt;
    if (!list->is_array()) {
      text_.report_key(
          key,
          fmt::format("is {}; expected a list of pairs of joints", text_.start_of(*list)),
          "write it like [[0, 1], [1, 2]], with joints counted from 0, or [] for none");
      return std::nullopt;
    }
    JointPairs pairs;
    std::set<int> seen;
    for (const Json& entry : *list) {
      const auto pair = two_joints(key, entry);
      if (!pair) return std::nullopt;
      if (apart && (!seen.insert(pair->first).second || !seen.insert(pair->second).second)) {
        text_.report_key(
            key,
            fmt::format("names a joint of {} in another pair as well", text_.start_of(entry)),
            "a joint changes places with one other joint: keep one of the pairs");
        return std::nullopt;
      }
      pairs.push_back(*pair);
    }
    return pairs;
  }

  void read_sides() {
    const JointPairs named = joint_pairs_of(skeleton_.joints);
    if (text_.find("flip_pairs") == nullptr) {
      skeleton_.mirror_pairs = named;
      return;
    }
    const auto declared = pairs_of("flip_pairs", true);
    if (!declared) return;
    skeleton_.mirror_pairs = *declared;
    for (const auto& [left, right] : named) {
      const bool known = std::ranges::any_of(*declared, [&](const auto& pair) {
        return pair == std::pair(left, right) || pair == std::pair(right, left);
      });
      if (known) continue;
      text_.report(
          FindingKind::kUnpairedSides,
          text_.line_of_key("flip_pairs"),
          fmt::format("'flip_pairs' does not pair '{}' with '{}': a mirrored picture would have a "
                      "wrong label",
                      skeleton_.joints[static_cast<std::size_t>(left)],
                      skeleton_.joints[static_cast<std::size_t>(right)]),
          "add the pair, or leave 'flip_pairs' out: names of sides are understood");
    }
  }

  void read_spreads() {
    const Json* spreads = text_.find("spreads");
    if (spreads == nullptr || spreads->is_null()) return;
    const auto is_spread = [](const Json& value) {
      return value.is_number() && value.get<double>() > 0;
    };
    if (!spreads->is_array() || spreads->size() != skeleton_.joints.size() ||
        !std::ranges::all_of(*spreads, is_spread)) {
      text_.report_key("spreads",
                       fmt::format("is {}; expected a list of {} numbers above 0",
                                   text_.start_of(*spreads),
                                   skeleton_.joints.size()),
                       "write one spread per joint, COCO's sigmas, or leave the key out");
      return;
    }
    skeleton_.spreads = spreads->get<std::vector<double>>();
  }

  DescriptionText& text_;
  Skeleton& skeleton_;
};

}  // namespace

void read_skeleton(DescriptionText& text, Skeleton& skeleton) {
  SkeletonReader(text, skeleton).read();
}

void write_skeleton(const Skeleton& skeleton, Json& json) {
  const auto write_pairs = [&json](const char* key, const JointPairs& pairs) {
    json[key] = Json::array();
    for (const auto& [a, b] : pairs) json[key].push_back(Json::array({a, b}));
  };
  json["num_keypoints"] = skeleton.joints.size();
  json[kNames] = skeleton.joints;
  write_pairs("skeleton", skeleton.bones);
  write_pairs("flip_pairs", skeleton.mirror_pairs);
  if (skeleton.torso) json["torso"] = {skeleton.torso->first, skeleton.torso->second};
  if (skeleton.head) json["head"] = {skeleton.head->first, skeleton.head->second};
  if (!skeleton.unscored.empty()) json["unscored"] = skeleton.unscored;
  if (!skeleton.spreads.empty()) json["spreads"] = skeleton.spreads;
}

}  // namespace parsimony::data
