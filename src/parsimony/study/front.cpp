// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/study/summary.h"

namespace parsimony::study {
namespace {

using objective::Objective;
using objective::Point;

// Measures fronts in the unit box of a scale.
class Measure {
 public:
  explicit Measure(const Scale& scale) : scale_(scale) {
    core::require(scale.ideal.size() == scale.reference.size(),
                  "a scale from {} to {} objectives",
                  scale.ideal.size(),
                  scale.reference.size());
    for (std::size_t m = 0; m < scale.ideal.size(); ++m) {
      if (scale.ideal[m] < scale.reference[m]) used_.push_back(m);
    }
  }

  double operator()(const std::vector<Point>& points) const {
    if (used_.empty()) return 0;
    std::vector<Point> scaled;
    for (const Point& point : points) scaled.push_back(to_unit_box(point));
    return std::min(1.0, objective::hypervolume(scaled, Point(used_.size(), 1.0)));
  }

 private:
  Point to_unit_box(const Point& point) const {
    Point scaled;
    for (const std::size_t m : used_) {
      const double range = scale_.reference[m] - scale_.ideal[m];
      // Another study's ideal may be worse than what this one found.
      scaled.push_back(std::max(0.0, (point[m] - scale_.ideal[m]) / range));
    }
    return scaled;
  }

  Scale scale_;
  std::vector<std::size_t> used_;  // objectives with a range
};

void require_fits(const Scale& scale, const std::vector<Objective>& objectives) {
  core::require(scale.ideal.empty() || scale.ideal.size() == objectives.size(),
                "a scale of {} objectives for {}",
                scale.ideal.size(),
                objectives.size());
}

}  // namespace

Scale scale_of(const std::vector<Trial>& trials, const std::vector<Objective>& objectives) {
  Scale scale;
  for (const Trial& trial : trials) {
    const std::optional<Point> point = point_of(trial, objectives);
    if (!point) continue;
    if (scale.ideal.empty()) scale = {*point, *point};
    for (std::size_t m = 0; m < point->size(); ++m) {
      scale.ideal[m] = std::min(scale.ideal[m], (*point)[m]);
      scale.reference[m] = std::max(scale.reference[m], (*point)[m]);
    }
  }
  return scale;
}

Front front_of(const std::vector<Trial>& trials,
               const std::vector<FinalModel>& models,
               const std::vector<Objective>& objectives,
               const std::optional<Scale>& scale) {
  std::vector<Point> points;
  std::vector<const Trial*> owners;
  for (const Trial& trial : trials) {
    std::optional<Point> point = point_of(trial, objectives);
    if (!point) continue;
    points.push_back(std::move(*point));
    owners.push_back(&trial);
  }

  Front front{.objectives = objectives, .scale = scale ? *scale : scale_of(trials, objectives)};
  require_fits(front.scale, objectives);
  std::vector<Point> front_points;
  for (const std::size_t i : objective::pareto_front(points)) {
    front_points.push_back(points[i]);
    const Trial& trial = *owners[i];
    FrontTrial& member = front.trials.emplace_back();
    member.id = trial.id;
    member.genotype = trial.genotype;
    member.scores = *scores_of(*trial.outcome);
    member.costs = trial.costs;
    const auto model =
        std::find_if(models.begin(), models.end(), [&trial](const FinalModel& final) {
          return final.trial == trial.id;
        });
    if (model != models.end()) member.final_model = *model;
  }
  front.hypervolume = Measure(front.scale)(front_points);
  return front;
}

std::vector<double> hypervolume_over_time(const std::vector<Trial>& trials,
                                          const std::vector<Objective>& objectives,
                                          const std::optional<Scale>& scale) {
  const Scale used = scale ? *scale : scale_of(trials, objectives);
  require_fits(used, objectives);
  const Measure measure(used);
  std::vector<double> volumes;
  std::vector<Point> front;
  double volume = 0;
  for (const Trial& trial : trials) {
    if (trial.state != TrialState::kDone) continue;
    if (std::optional<Point> point = point_of(trial, objectives)) {
      const bool adds = std::none_of(front.begin(), front.end(), [&point](const Point& member) {
        return member == *point || objective::dominates(member, *point);
      });
      if (adds) {
        std::erase_if(
            front, [&point](const Point& member) { return objective::dominates(*point, member); });
        front.push_back(std::move(*point));
        // Rounding must not make a curve fall that cannot.
        volume = std::max(volume, measure(front));
      }
    }
    volumes.push_back(volume);
  }
  return volumes;
}

}  // namespace parsimony::study
