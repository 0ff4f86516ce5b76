// SPDX-License-Identifier: Apache-2.0
#include "parsimony/metric/pose.h"

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::metric {
namespace {

using data::Joint;
using data::Visibility;

bool is_labelled(const Joint& joint) {
  return joint.visibility != Visibility::kAbsent;
}

std::optional<double> if_positive(double value) {
  return value > 0 ? std::optional<double>(value) : std::nullopt;
}

std::optional<double> length(const data::Pose& pose,
                             const std::optional<std::pair<int, int>>& ends) {
  if (!ends) return std::nullopt;
  const Joint& a = pose.joints[static_cast<std::size_t>(ends->first)];
  const Joint& b = pose.joints[static_cast<std::size_t>(ends->second)];
  if (!is_labelled(a) || !is_labelled(b)) return std::nullopt;
  return if_positive(std::hypot(a.x - b.x, a.y - b.y));
}

double box_area(const data::Pose& pose) {
  float left = 0, right = 0, top = 0, bottom = 0;
  bool any = false;
  for (const Joint& joint : pose.joints) {
    if (!is_labelled(joint)) continue;
    left = any ? std::min(left, joint.x) : joint.x;
    right = any ? std::max(right, joint.x) : joint.x;
    top = any ? std::min(top, joint.y) : joint.y;
    bottom = any ? std::max(bottom, joint.y) : joint.y;
    any = true;
  }
  return static_cast<double>(right - left) * static_cast<double>(bottom - top);
}

// Mean over 101 recalls of the best precision at that recall or above. `hits` says, best-ranked
// first, which of the found people are right; each of them is somebody's only one.
double interpolated_precision(const std::vector<bool>& hits) {
  const std::size_t people = hits.size();
  std::vector<double> precision(people), recall(people);
  double right = 0;
  for (std::size_t i = 0; i < people; ++i) {
    right += hits[i] ? 1 : 0;
    precision[i] = right / static_cast<double>(i + 1);
    recall[i] = right / static_cast<double>(people);
  }
  for (std::size_t i = people - 1; i > 0; --i)
    precision[i - 1] = std::max(precision[i - 1], precision[i]);
  double sum = 0;
  constexpr int kSteps = 100;
  for (int step = 0; step <= kSteps; ++step) {
    const double wanted = static_cast<double>(step) / kSteps;
    const auto at = std::lower_bound(recall.begin(), recall.end(), wanted);
    if (at != recall.end()) sum += precision[static_cast<std::size_t>(at - recall.begin())];
  }
  return sum / (kSteps + 1);
}

}  // namespace

PoseErrors::PoseErrors(data::Skeleton skeleton) : skeleton_(std::move(skeleton)) {
  core::require(skeleton_.spreads.empty() || skeleton_.spreads.size() == skeleton_.joints.size(),
                "{} spreads for {} joints",
                skeleton_.spreads.size(),
                skeleton_.joints.size());
}

void PoseErrors::add(const data::Pose& truth, const std::vector<FoundJoint>& found) {
  const std::size_t joints = skeleton_.joints.size();
  core::require(truth.joints.size() == joints && found.size() == joints,
                "a skeleton of {} joints, {} labelled and {} found ones",
                joints,
                truth.joints.size(),
                found.size());
  Person person;
  for (std::size_t j = 0; j < joints; ++j) {
    const Joint& joint = truth.joints[j];
    person.distances.push_back(is_labelled(joint) ? std::optional<double>(std::hypot(
                                                        found[j].x - static_cast<double>(joint.x),
                                                        found[j].y - static_cast<double>(joint.y)))
                                                  : std::nullopt);
    person.confidence += found[j].confidence / static_cast<double>(joints);
  }
  person.torso = length(truth, skeleton_.torso);
  person.head = truth.head_size > 0 ? truth.head_size : length(truth, skeleton_.head);
  person.area = if_positive(truth.area > 0 ? truth.area : box_area(truth));
  people_.push_back(std::move(person));
}

PoseErrors::Share PoseErrors::share(int joint, double tolerance, PoseScale scale) const {
  Share share;
  for (const Person& person : people_) {
    const std::optional<double>& unit = scale == PoseScale::kTorso ? person.torso : person.head;
    const std::optional<double>& distance = person.distances.at(static_cast<std::size_t>(joint));
    if (!unit || !distance) continue;
    ++share.joints;
    if (*distance <= tolerance * *unit) ++share.correct;
  }
  return share;
}

std::optional<double> PoseErrors::pck(double tolerance, PoseScale scale) const {
  Share all;
  for (int joint = 0; joint < static_cast<int>(skeleton_.joints.size()); ++joint) {
    const auto& unscored = skeleton_.unscored;
    if (std::find(unscored.begin(), unscored.end(), joint) != unscored.end()) continue;
    const Share one = share(joint, tolerance, scale);
    all.correct += one.correct;
    all.joints += one.joints;
  }
  if (all.joints == 0) return std::nullopt;
  return static_cast<double>(all.correct) / static_cast<double>(all.joints);
}

std::optional<double> PoseErrors::pck(int joint, double tolerance, PoseScale scale) const {
  const Share one = share(joint, tolerance, scale);
  if (one.joints == 0) return std::nullopt;
  return static_cast<double>(one.correct) / static_cast<double>(one.joints);
}

std::optional<double> PoseErrors::similarity(std::int64_t index) const {
  const Person& person = people_.at(static_cast<std::size_t>(index));
  if (skeleton_.spreads.empty() || !person.area) return std::nullopt;
  double sum = 0;
  int labelled = 0;
  for (std::size_t j = 0; j < person.distances.size(); ++j) {
    if (!person.distances[j]) continue;
    const double spread = 2 * skeleton_.spreads[j];
    const double distance = *person.distances[j];
    sum += std::exp(-distance * distance / (2 * *person.area * spread * spread));
    ++labelled;
  }
  if (labelled == 0) return std::nullopt;
  return sum / labelled;
}

std::optional<double> PoseErrors::average_precision(double least_similarity) const {
  struct Ranked {
    double confidence;
    bool hit;
  };
  std::vector<Ranked> ranked;
  for (std::int64_t i = 0; i < people(); ++i) {
    if (const std::optional<double> found = similarity(i)) {
      ranked.push_back(
          {people_[static_cast<std::size_t>(i)].confidence, *found >= least_similarity});
    }
  }
  if (ranked.empty()) return std::nullopt;
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.confidence > b.confidence;
  });
  std::vector<bool> hits;
  for (const Ranked& person : ranked) hits.push_back(person.hit);
  return interpolated_precision(hits);
}

std::optional<double> PoseErrors::average_precision() const {
  constexpr int kLevels = 10;
  double sum = 0;
  for (int level = 0; level < kLevels; ++level) {
    const std::optional<double> one = average_precision(0.5 + 0.05 * level);
    if (!one) return std::nullopt;
    sum += *one;
  }
  return sum / kLevels;
}

}  // namespace parsimony::metric
