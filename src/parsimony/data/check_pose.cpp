// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "parsimony/core/text.h"
#include "parsimony/data/check_sample.h"

namespace parsimony::data {
namespace {

constexpr std::size_t kNamedJoints = 4;

// Pixels reach half a pixel around their centres.
bool is_inside(const Joint& joint, const ImageSize& size) {
  return joint.x >= -0.5F && joint.y >= -0.5F && joint.x <= static_cast<float>(size.width) - 0.5F &&
         joint.y <= static_cast<float>(size.height) - 0.5F;
}

// People are cut off at the border of a picture; of whom most joints lie outside, the coordinates
// are more likely those of another picture.
Finding joints_outside(const std::vector<std::string>& outside,
                       std::size_t labelled,
                       const ImageSize& size,
                       const std::string& file) {
  const bool most = 2 * outside.size() > labelled;
  std::vector<std::string> names(
      outside.begin(),
      outside.begin() + static_cast<std::ptrdiff_t>(std::min(outside.size(), kNamedJoints)));
  if (names.size() < outside.size()) names.emplace_back("...");
  return {FindingKind::kJointOutside,
          most ? Severity::kWarning : Severity::kNote,
          file,
          fmt::format("{} of {} labelled joints lie outside the {}x{} pixels: {}",
                      outside.size(),
                      labelled,
                      size.width,
                      size.height,
                      core::join(names, ", ")),
          most ? "compare with the source: coordinates may be of the picture before it was cut out "
                 "or scaled"
               : "nothing to do where people are cut off; such joints take no part in training"};
}

struct Vector {
  double x = 0, y = 0;
  double length() const { return std::hypot(x, y); }
};

// From one joint to another; nullopt where one is not named so or not labelled.
std::optional<Vector> between(const Pose& pose,
                              const Skeleton& skeleton,
                              std::string_view from,
                              std::string_view to) {
  const auto a = std::ranges::find(skeleton.joints, from) - skeleton.joints.begin();
  const auto b = std::ranges::find(skeleton.joints, to) - skeleton.joints.begin();
  const auto count = static_cast<std::ptrdiff_t>(pose.joints.size());
  if (a == count || b == count) return std::nullopt;
  const Joint& first = pose.joints[static_cast<std::size_t>(a)];
  const Joint& second = pose.joints[static_cast<std::size_t>(b)];
  if (first.visibility == Visibility::kAbsent || second.visibility == Visibility::kAbsent)
    return std::nullopt;
  return Vector{double{second.x} - double{first.x}, double{second.y} - double{first.y}};
}

// Hardly anybody turns shoulders against hips by more than a right angle. Where both are seen about
// from the front or from behind, which their widths tell, and point in opposite directions, the
// sides of one of them are most likely exchanged.
bool has_swapped_sides(const Pose& pose, const Skeleton& skeleton) {
  constexpr double kLeastWidth = 0.35;  // of the torso
  constexpr double kOpposite = -0.5;    // cosine of 120 degrees
  const auto shoulders = between(pose, skeleton, "right_shoulder", "left_shoulder");
  const auto hips = between(pose, skeleton, "right_hip", "left_hip");
  const auto torso = between(pose, skeleton, "left_shoulder", "right_hip");
  if (!shoulders || !hips || !torso) return false;
  const double least = kLeastWidth * torso->length();
  if (shoulders->length() < least || hips->length() < least) return false;
  const double dot = shoulders->x * hips->x + shoulders->y * hips->y;
  return dot < kOpposite * shoulders->length() * hips->length();
}

}  // namespace

void examine_pose(const Entry& entry, const Inventory& inventory, SampleFacts& facts) {
  if (!entry.pose || entry.pose->joints.empty()) return;  // was reported
  const std::string file = inventory.relative(entry.image);
  std::vector<std::string> outside;
  std::size_t labelled = 0;
  for (std::size_t i = 0; i < entry.pose->joints.size(); ++i) {
    const Joint& joint = entry.pose->joints[i];
    facts.joints.push_back(joint.visibility);
    if (joint.visibility == Visibility::kAbsent) continue;
    ++labelled;
    if (facts.image_size && !is_inside(joint, *facts.image_size))
      outside.push_back(fmt::format(
          "{} at ({:.1f}, {:.1f})", inventory.info.skeleton.joints[i], joint.x, joint.y));
  }
  if (labelled == 0) {
    facts.findings.push_back({FindingKind::kNoJoints,
                              Severity::kWarning,
                              file,
                              fmt::format("none of its {} joints is labelled", facts.joints.size()),
                              "label some, or take the sample out: nothing can be learnt from it"});
  }
  if (has_swapped_sides(*entry.pose, inventory.info.skeleton)) {
    facts.findings.push_back(
        {FindingKind::kSwappedSides,
         Severity::kNote,
         file,
         "shoulders and hips point in opposite directions",
         "look at the picture: left and right of one pair are likely exchanged. Correct the label, "
         "or leave it where scores must be comparable with others'"});
  }
  if (!outside.empty())
    facts.findings.push_back(joints_outside(outside, labelled, *facts.image_size, file));
}

}  // namespace parsimony::data
