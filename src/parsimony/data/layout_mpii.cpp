// SPDX-License-Identifier: Apache-2.0
// MPII Human Pose (Andriluka et al., "2D Human Pose Estimation: New Benchmark and State of the Art
// Analysis", CVPR 2014) in the split of training people that is usual since Tompson et al.:
// images/, annot/train.json and annot/valid.json with centre, scale, joints and joints_vis of each
// person, all counted from 1; annot/gt_valid.mat with head boxes where it is there. The labels of
// the test pictures are withheld.
//
// A sample is one person, cut out of the picture: a square of 200 * scale pixels (scale is the
// person's height by 200), moved down by 15 * scale and enlarged by 1.25 so that feet and raised
// arms are in it, as Xiao et al. ("Simple Baselines", ECCV 2018) and later work do.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/matlab_file.h"
#include "parsimony/data/skeleton.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr double kPersonHeight = 200;  // pixels at scale 1
constexpr double kMargin = 1.25;
constexpr double kDown = 15;        // pixels at scale 1
constexpr double kHeadShare = 0.6;  // of the diagonal of the head's box; MPII's evaluation
constexpr std::array kFiles = {std::pair(Split::kTrain, "train"), std::pair(Split::kVal, "valid")};

struct PersonLabel {
  double x = 0, y = 0;  // centre, counted from 0
  double scale = 0;
  Pose pose;  // in the whole picture
};

std::optional<std::pair<double, double>> point_of(const Json& entry) {
  if (!entry.is_array() || entry.size() != 2 || !entry[0].is_number() || !entry[1].is_number())
    return std::nullopt;
  return std::pair(entry[0].get<double>() - 1, entry[1].get<double>() - 1);
}

// What is not labelled has joints_vis 0; the file's other spellings of it are texts and nothing.
bool is_set(const Json& value) {
  if (value.is_number()) return value.get<double>() > 0;
  if (value.is_boolean()) return value.get<bool>();
  return value.is_string() && value.get<std::string>() == "1";
}

// nullopt where the person has no joints, centre or scale.
std::optional<PersonLabel> person_of(const Json& entry, std::size_t joints) {
  const auto find = [&entry](const char* key) -> const Json& {
    static const Json kNothing;
    const auto found = entry.find(key);
    return found == entry.end() ? kNothing : *found;
  };
  const Json &places = find("joints"), &visible = find("joints_vis"), &scale = find("scale");
  const auto centre = point_of(find("center"));
  if (!centre || centre->first < 0 || !scale.is_number() || !(scale.get<double>() > 0))
    return std::nullopt;
  if (!places.is_array() || places.size() != joints || !visible.is_array() ||
      visible.size() != joints)
    return std::nullopt;
  PersonLabel person{centre->first, centre->second, scale.get<double>(), {}};
  for (std::size_t i = 0; i < joints; ++i) {
    const auto place = point_of(places[i]);
    Joint joint;
    if (place && is_set(visible[i])) {
      joint = {static_cast<float>(place->first),
               static_cast<float>(place->second),
               Visibility::kVisible};
    }
    person.pose.joints.push_back(joint);
  }
  return person;
}

// Cuts the person out; what lies left of the picture or above it cannot be in the crop.
Entry entry_of(PersonLabel person, const std::string& id, const fs::path& image) {
  const double side = kPersonHeight * kMargin * person.scale;
  const auto low = [side](double centre) { return std::llround(centre - side / 2); };
  const std::int64_t left = low(person.x), top = low(person.y + kDown * person.scale);
  const std::int64_t right = left + std::llround(side), bottom = top + std::llround(side);
  PixelBox box{.x = std::max<std::int64_t>(0, left), .y = std::max<std::int64_t>(0, top)};
  box.width = std::max<std::int64_t>(0, right - box.x);
  box.height = std::max<std::int64_t>(0, bottom - box.y);
  for (Joint& joint : person.pose.joints) {
    if (joint.visibility == Visibility::kAbsent) continue;
    joint.x -= static_cast<float>(box.x);
    joint.y -= static_cast<float>(box.y);
  }
  return {.id = id, .image = image, .pose = std::move(person.pose), .box = box};
}

class Scanner {
 public:
  explicit Scanner(Inventory& inventory) : inventory_(inventory) {}

  void scan(Split split, const fs::path& file) {
    const std::string name = inventory_.relative(file);
    Json people;
    try {
      people = Json::parse(core::read_text_file(file));
    } catch (const Json::exception& error) {
      report(FindingKind::kMalformedPose,
             Severity::kError,
             name,
             fmt::format("is not valid JSON: {}", error.what()),
             "fetch the file again");
      return;
    }
    if (!people.is_array()) {
      report(FindingKind::kMalformedPose,
             Severity::kError,
             name,
             "holds no list of people",
             "take the file of the usual validation split");
      return;
    }
    const std::vector<double> heads =
        split == Split::kVal ? head_sizes(people.size()) : std::vector<double>();
    std::size_t incomplete = 0;
    for (std::size_t i = 0; i < people.size(); ++i) {
      const Json& entry = people[i];
      const auto image = entry.is_object() ? entry.find("image") : entry.end();
      std::optional<PersonLabel> person;
      if (entry.is_object() && image != entry.end() && image->is_string())
        person = person_of(entry, inventory_.info.skeleton.joints.size());
      if (!person) {
        ++incomplete;
        continue;
      }
      if (!heads.empty()) person->pose.head_size = heads[i];
      add(split, std::move(*person), image->get<std::string>(), name);
    }
    if (incomplete > 0) {
      report(FindingKind::kMalformedPose,
             Severity::kNote,
             name,
             fmt::format("{} of {} people have no centre, scale or 16 joints and are left out",
                         incomplete,
                         people.size()),
             "nothing to do: some people of MPII are not labelled");
    }
  }

 private:
  void report(FindingKind kind,
              Severity severity,
              const std::string& file,
              std::string detail,
              std::string remedy) {
    inventory_.findings.push_back({kind, severity, file, std::move(detail), std::move(remedy)});
  }

  void add(Split split, PersonLabel person, const std::string& image, const std::string& list) {
    const std::string picture = fs::path(image).filename().string();
    const fs::path file = inventory_.root / "images" / picture;
    // One name a person: the picture's, and which of its people it is.
    const std::string stem = fs::path(picture).stem().string();
    const std::string id = fmt::format("{}_{}", stem, people_in_[stem]++);
    if (!fs::is_regular_file(file)) {
      if (!missing_.insert(picture).second) return;
      report(FindingKind::kMissingImage,
             Severity::kError,
             "images/" + picture,
             fmt::format("{} names it, but there is no such picture", list),
             "unpack all pictures of MPII, or take its people out of the file");
      return;
    }
    inventory_.at(split).push_back(entry_of(std::move(person), id, file));
  }

  // Of the validation people, in their order; empty without the file.
  std::vector<double> head_sizes(std::size_t people) {
    const fs::path file = inventory_.root / "annot/gt_valid.mat";
    const std::string name = inventory_.relative(file);
    if (!fs::is_regular_file(file)) return {};
    try {
      const MatlabArray boxes = read_matlab_array(file, "headboxes_src");
      const std::vector<std::int64_t> expected = {2, 2, static_cast<std::int64_t>(people)};
      if (boxes.dims != expected) {
        report(FindingKind::kMalformedPose,
               Severity::kWarning,
               name,
               fmt::format("'headboxes_src' is of other people than the {} of valid.json", people),
               "take both files from one place; without it distances are measured by neck and head "
               "top");
        return {};
      }
      std::vector<double> sizes;
      for (std::size_t i = 0; i < people; ++i) {
        const double* box = &boxes.values[4 * i];  // corners by axes, column by column
        sizes.push_back(kHeadShare * std::hypot(box[1] - box[0], box[3] - box[2]));
      }
      return sizes;
    } catch (const core::Error& error) {
      report(FindingKind::kMalformedPose,
             Severity::kWarning,
             name,
             error.what(),
             "take the file from where valid.json is from, or delete it");
      return {};
    }
  }

  Inventory& inventory_;
  std::map<std::string, int> people_in_;
  std::set<std::string> missing_;
};

}  // namespace

std::string why_not_mpii(const fs::path& root) {
  if (!fs::is_regular_file(root / "annot/train.json")) return "no file annot/train.json";
  return fs::is_directory(root / "images") ? "" : "no folder images/";
}

Inventory scan_mpii(const fs::path& root, const OpenOptions&) {
  Inventory inventory;
  inventory.root = root;
  inventory.info = {.name = "mpii",
                    .format = "mpii",
                    .classes = {},
                    .palette = {},
                    .targets = {Target::kPose},
                    .skeleton = mpii_skeleton()};
  Scanner scanner(inventory);
  bool has_val = false;
  for (const auto& [split, name] : kFiles) {
    const fs::path file = root / "annot" / (std::string(name) + ".json");
    if (!fs::is_regular_file(file)) continue;
    scanner.scan(split, file);
    has_val = has_val || split == Split::kVal;
  }
  if (!has_val) hold_out_val(inventory);
  return inventory;
}

}  // namespace parsimony::data
