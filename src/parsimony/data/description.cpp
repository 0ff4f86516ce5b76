// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/data/description_text.h"
#include "parsimony/data/palette.h"
#include "parsimony/data/sides.h"

namespace parsimony::data {
namespace {

constexpr std::size_t kMaxClasses = 255;  // id 255 is kIgnore
constexpr const char* kSegmentation = "semantic_segmentation";
constexpr const char* kClassification = "classification";
constexpr const char* kDepthEstimation = "depth_estimation";
constexpr const char* kHumanPose = "human_pose";

// The key that says that a set has a target.
constexpr const char* key_of(Target target) {
  switch (target) {
    case Target::kClasses:
      return "classes";
    case Target::kDepth:
      return "depth";
    case Target::kPose:
      return "keypoint_names";
  }
  return "";
}

std::optional<Target> target_of_task(std::string_view task) {
  if (task == kSegmentation || task == kClassification) return Target::kClasses;
  if (task == kDepthEstimation) return Target::kDepth;
  if (task == kHumanPose) return Target::kPose;
  return std::nullopt;
}

std::size_t line_of(std::string_view text, std::size_t position) {
  const std::string_view before = text.substr(0, std::min(position, text.size()));
  return 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
}

class Reader {
 public:
  explicit Reader(DescriptionText& text) : text_(text) {}

  Description read() {
    Description description;
    if (!text_.parse()) return description;
    if (const Json* name = find("name"); name != nullptr && name->is_string()) {
      description.name = name->get<std::string>();
    }
    description.targets = {};
    for (const Target target : kTargets) {
      if (find(key_of(target)) != nullptr) description.targets.insert(target);
    }
    check_tasks(description);
    if (description.targets.contains(Target::kClasses)) {
      read_classes(description);
      read_ignore_id(description);
      read_palette(description);
      read_mirror_pairs(description);
      read_groups(description);
    }
    if (description.targets.contains(Target::kDepth))
      read_depth_description(text_, description.depth);
    if (description.targets.contains(Target::kPose)) read_skeleton(text_, description.skeleton);
    return description;
  }

 private:
  const Json* find(const char* key) const { return text_.find(key); }
  void report_key(std::string_view key, const std::string& detail, std::string remedy) {
    text_.report_key(key, detail, std::move(remedy));
  }

  // The tasks that the text names, with the key that names them.
  std::vector<std::pair<const char*, std::string>> tasks() const {
    std::vector<std::pair<const char*, std::string>> tasks;
    for (const char* key : {"task", "tasks"}) {
      const Json* entry = find(key);
      if (entry == nullptr) continue;
      for (const Json& task : entry->is_array() ? *entry : Json::array({*entry})) {
        if (task.is_string()) tasks.emplace_back(key, task.get<std::string>());
      }
    }
    return tasks;
  }

  // What the tasks need must be there. A set of none of our tasks ends with one finding.
  void check_tasks(Description& description) {
    const bool described = !description.targets.empty();
    bool reported = false;
    for (const auto& [key, task] : tasks()) {
      const std::optional<Target> target = target_of_task(task);
      if (task == kClassification) description.label_kind = LabelKind::kPicture;
      if (target ? description.targets.contains(*target) || reported : described || reported)
        continue;
      reported = true;
      if (!target) {
        text_.report(FindingKind::kNoLabelMaps,
                     text_.line_of_key(key),
                     fmt::format("the task is '{}' and there are no 'classes', 'depth' or "
                                 "'keypoint_names': this data set has no label maps, depths or "
                                 "poses",
                                 task),
                     fmt::format("use a data set of one of the tasks {}, {}, {} and {}",
                                 kSegmentation,
                                 kClassification,
                                 kDepthEstimation,
                                 kHumanPose));
      } else if (*target == Target::kClasses && !described) {
        report_missing_classes(description);
      } else {
        report_key(key,
                   fmt::format("names '{}', but '{}' is missing", task, key_of(*target)),
                   fmt::format("add \"{}\" (docs/datasets.md shows how), or take the task out",
                               key_of(*target)));
      }
    }
    if (!described && !reported) report_missing_classes(description);
  }

  // Nothing says what the set is labelled with: it is taken for one of label maps.
  void report_missing_classes(Description& description) {
    description.targets = {Target::kClasses};
    std::vector<std::string> keys;
    for (const auto& [key, value] : text_.root().items()) keys.push_back(key);
    text_.report(FindingKind::kMalformedDescription,
                 1,
                 "'classes' is missing" + core::did_you_mean("classes", keys),
                 "add \"classes\": a list of names, one per class id (or \"depth\" or "
                 "\"keypoint_names\" for a set of these)");
  }

  void read_classes(Description& description) {
    const Json* classes = find("classes");
    if (classes == nullptr) return;
    const bool named =
        classes->is_array() && !classes->empty() &&
        std::ranges::all_of(*classes, [](const Json& name) { return name.is_string(); });
    if (!named) {
      report_key("classes",
                 fmt::format("is {}; expected a list of names", classes->dump().substr(0, 60)),
                 "write one text per class id, for example [\"background\", \"portrait\"]");
      return;
    }
    if (classes->size() > kMaxClasses) {
      report_key("classes",
                 fmt::format("has {} names; expected at most {}", classes->size(), kMaxClasses),
                 "merge classes: label maps are 8-bit and 255 means ignore");
      return;
    }
    description.classes = classes->get<std::vector<std::string>>();
    const Json* count = find("num_classes");
    if (count != nullptr && *count != Json(description.classes.size())) {
      report_key(
          "num_classes",
          fmt::format(
              "is {}, but 'classes' has {} names", count->dump(), description.classes.size()),
          "make them agree; ids in the label maps run from 0 to the number of classes minus one");
    }
  }

  void read_ignore_id(Description& description) {
    const Json* ignore = find("ignore_id");
    if (ignore == nullptr) return;
    if (ignore->is_null()) {
      description.ignore_id = -1;
    } else if (ignore->is_number_integer() && *ignore >= 0 && *ignore <= 255) {
      description.ignore_id = ignore->get<int>();
    } else {
      report_key("ignore_id",
                 fmt::format("is {}; expected 0 to 255 or null", ignore->dump()),
                 "use 255, or null when every pixel counts");
    }
    if (description.ignore_id >= 0 &&
        static_cast<std::size_t>(description.ignore_id) < description.classes.size()) {
      report_key("ignore_id",
                 fmt::format("is {}, which is also the id of class '{}'",
                             description.ignore_id,
                             description.classes[static_cast<std::size_t>(description.ignore_id)]),
                 "use an id that is no class, such as 255, or take the class out of 'classes'");
    }
  }

  void read_palette(Description& description) {
    description.palette = voc_palette(description.classes.size());
    const Json* palette = find("palette");
    if (palette == nullptr) return;
    for (std::size_t id = 0; id < description.classes.size(); ++id) {
      const Json* entry = nullptr;
      if (palette->is_object() && palette->contains(std::to_string(id))) {
        entry = &palette->at(std::to_string(id));
      } else if (palette->is_array() && id < palette->size()) {
        entry = &palette->at(id);
      }
      const std::optional<Rgb> colour = entry == nullptr ? std::nullopt : colour_of(*entry);
      if (!colour) {
        report_key("palette",
                   fmt::format("has no colour [r, g, b] of 0 to 255 for class id {}", id),
                   "give one colour per class id, or leave the key out");
        return;
      }
      description.palette[id] = *colour;
    }
  }

  // The ids of a list of class names; reported and nullopt when it is none.
  std::optional<std::vector<int>> ids_of(const char* key,
                                         const Json& names,
                                         const std::vector<std::string>& classes) {
    std::vector<int> ids;
    for (const Json& name : names.is_array() ? names : Json::array({names})) {
      const auto found =
          name.is_string() ? std::ranges::find(classes, name.get<std::string>()) : classes.end();
      if (found == classes.end()) {
        report_key(key,
                   fmt::format("names {}, which is no class{}",
                               name.dump().substr(0, 60),
                               core::did_you_mean(name.is_string() ? name.get<std::string>() : "",
                                                  classes)),
                   "use names from 'classes'");
        return std::nullopt;
      }
      const auto id = static_cast<int>(found - classes.begin());
      if (std::ranges::find(ids, id) != ids.end()) {
        report_key(
            key, fmt::format("names {} twice in one list", name.dump()), "name every class once");
        return std::nullopt;
      }
      ids.push_back(id);
    }
    return ids;
  }

  void read_mirror_pairs(Description& description) {
    const Json* pairs = find("mirror_pairs");
    if (pairs == nullptr) {
      description.mirror_pairs = mirror_pairs_of(description.classes);
      return;
    }
    constexpr const char* kRemedy = "write it like [[\"left eye\", \"right eye\"]], or [] for none";
    if (!pairs->is_array()) {
      report_key("mirror_pairs",
                 fmt::format("is {}; expected a list of pairs of class names",
                             pairs->dump().substr(0, 60)),
                 kRemedy);
      return;
    }
    std::set<int> seen;
    for (const Json& pair : *pairs) {
      const auto ids = ids_of("mirror_pairs", pair, description.classes);
      if (!ids) return;
      if (!pair.is_array() || ids->size() != 2) {
        report_key("mirror_pairs",
                   fmt::format("holds {}; expected two class names", pair.dump().substr(0, 60)),
                   kRemedy);
        return;
      }
      if (!seen.insert(ids->front()).second || !seen.insert(ids->back()).second) {
        report_key("mirror_pairs",
                   fmt::format("names a class of {} in another pair as well", pair.dump()),
                   "a class changes places with one other class: keep one of the pairs");
        return;
      }
      description.mirror_pairs.emplace_back(static_cast<std::uint8_t>(ids->front()),
                                            static_cast<std::uint8_t>(ids->back()));
    }
  }

  void read_groups(Description& description) {
    const Json* groups = find("groups");
    if (groups == nullptr) return;
    if (!groups->is_object()) {
      report_key("groups",
                 fmt::format("is {}; expected an object", groups->dump().substr(0, 60)),
                 "write it like {\"eyes\": [\"left eye\", \"right eye\"]}, or leave the key out");
      return;
    }
    for (const auto& [name, classes] : groups->items()) {
      const auto ids = ids_of("groups", classes, description.classes);
      if (!ids) return;
      if (ids->empty()) {
        report_key("groups",
                   fmt::format("has no class in '{}'", name),
                   "name one class at least, or take the group out");
        return;
      }
      description.groups.push_back({name, *ids});
    }
  }

  static std::optional<Rgb> colour_of(const Json& entry) {
    const auto is_channel = [](const Json& v) {
      return v.is_number_integer() && v >= 0 && v <= 255;
    };
    if (!entry.is_array() || entry.size() != 3 || !std::ranges::all_of(entry, is_channel)) {
      return std::nullopt;
    }
    return Rgb{
        entry[0].get<std::uint8_t>(), entry[1].get<std::uint8_t>(), entry[2].get<std::uint8_t>()};
  }

  DescriptionText& text_;
};

void write_classes(const Description& description, Json& json) {
  json["num_classes"] = description.classes.size();
  json["classes"] = description.classes;
  if (description.ignore_id >= 0) {
    json["ignore_id"] = description.ignore_id;
  } else {
    json["ignore_id"] = nullptr;
  }
  for (std::size_t id = 0; id < description.palette.size(); ++id) {
    const Rgb& colour = description.palette[id];
    json["palette"][std::to_string(id)] = {colour.r, colour.g, colour.b};
  }
  const auto name_of_id = [&description](std::size_t id) { return description.classes.at(id); };
  if (!description.mirror_pairs.empty() || !mirror_pairs_of(description.classes).empty()) {
    json["mirror_pairs"] = Json::array();
    for (const auto& [left, right] : description.mirror_pairs)
      json["mirror_pairs"].push_back(Json::array({name_of_id(left), name_of_id(right)}));
  }
  for (const ClassGroup& group : description.groups) {
    Json& names = json["groups"][group.name] = Json::array();
    for (const int id : group.classes) names.push_back(name_of_id(static_cast<std::size_t>(id)));
  }
}

}  // namespace

DescriptionText::DescriptionText(const std::filesystem::path& file, std::vector<Finding>& findings)
    : name_(file.filename().string()), text_(core::read_text_file(file)), findings_(findings) {}

bool DescriptionText::parse() {
  try {
    root_ = Json::parse(text_);
  } catch (const Json::parse_error& error) {
    report(FindingKind::kMalformedDescription,
           line_of(text_, error.byte == 0 ? 0 : error.byte - 1),
           "is not valid JSON",
           "correct the text at this line (a missing comma, quote or bracket)");
    return false;
  }
  if (root_.is_object()) return true;
  report(FindingKind::kMalformedDescription,
         1,
         fmt::format("holds {}; expected an object", root_.type_name()),
         "write {...} around it");
  return false;
}

const Json* DescriptionText::find(const char* key) const {
  const auto found = root_.find(key);
  return found == root_.end() ? nullptr : &*found;
}

std::size_t DescriptionText::line_of_key(std::string_view key) const {
  const std::size_t position = text_.find(fmt::format("\"{}\"", key));
  return position == std::string::npos ? 1 : line_of(text_, position);
}

void DescriptionText::report(FindingKind kind,
                             std::size_t line,
                             const std::string& detail,
                             std::string remedy) {
  findings_.push_back(
      {kind, Severity::kError, name_, fmt::format("line {}: {}", line, detail), std::move(remedy)});
}

void DescriptionText::report_key(std::string_view key,
                                 const std::string& detail,
                                 std::string remedy) {
  report(FindingKind::kMalformedDescription,
         line_of_key(key),
         fmt::format("'{}' {}", key, detail),
         std::move(remedy));
}

Description read_description(const std::filesystem::path& file, std::vector<Finding>& findings) {
  DescriptionText text(file, findings);
  return Reader(text).read();
}

std::string to_json(const Description& description) {
  Json json;
  json["name"] = description.name;
  std::vector<std::string> tasks;
  if (description.targets.contains(Target::kClasses))
    tasks.emplace_back(description.label_kind == LabelKind::kPicture ? kClassification
                                                                     : kSegmentation);
  if (description.targets.contains(Target::kDepth)) tasks.emplace_back(kDepthEstimation);
  if (description.targets.contains(Target::kPose)) tasks.emplace_back(kHumanPose);
  if (tasks.size() == 1) {
    json["task"] = tasks.front();
  } else {
    json["tasks"] = tasks;
  }
  if (description.targets.contains(Target::kClasses)) write_classes(description, json);
  if (description.targets.contains(Target::kDepth))
    write_depth_description(description.depth, json);
  if (description.targets.contains(Target::kPose)) write_skeleton(description.skeleton, json);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace parsimony::data
