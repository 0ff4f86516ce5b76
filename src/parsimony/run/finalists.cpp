// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/finalists.h"

#include <algorithm>
#include <limits>
#include <map>

#include "parsimony/objective/indicators.h"
#include "parsimony/objective/objective.h"
#include "parsimony/study/summary.h"

namespace parsimony::run {
namespace {

using objective::Objective;
using objective::Point;

double reward_of(const study::Trial& trial) {
  return std::get<study::Scored>(*trial.outcome).scores.at("reward");
}

std::vector<const study::Trial*> front_of(const std::vector<study::Trial>& trials,
                                          const std::vector<Objective>& objectives) {
  std::vector<const study::Trial*> front;
  for (const study::FrontTrial& point : study::front_of(trials, {}, objectives).trials)
    front.push_back(&*std::ranges::find(trials, point.id, &study::Trial::id));
  return front;
}

std::vector<study::Trial> spread(const std::vector<study::Trial>& trials,
                                 const std::vector<Objective>& objectives,
                                 std::size_t count) {
  const study::Trial* best = nullptr;
  for (const study::Trial& trial : trials) {
    if (!trial.outcome || !std::holds_alternative<study::Scored>(*trial.outcome)) continue;
    // Of a network that is only compared with others, nothing may be known before its training.
    if (!study::value_of(trial, "reward")) continue;
    if (best == nullptr || reward_of(trial) > reward_of(*best)) best = &trial;
  }
  if (best == nullptr) return {};

  std::vector<study::Trial> chosen = {*best};
  std::vector<const study::Trial*> front = front_of(trials, objectives);
  std::erase_if(
      front, [&](const study::Trial* trial) { return trial->canonical_id == best->canonical_id; });
  std::ranges::sort(front, [](const study::Trial* a, const study::Trial* b) {
    return reward_of(*a) > reward_of(*b);
  });
  // Evenly spread positions on the front, its cheap end included.
  const std::size_t places = std::min(front.size(), count - 1);
  for (std::size_t i = 1; i <= places; ++i) chosen.push_back(*front[i * front.size() / places - 1]);
  return chosen;
}

// Each objective runs from 0, its best value among the points, to 1, its worst; those in which all
// agree are 0.
std::vector<Point> scaled(std::vector<Point> points) {
  for (std::size_t m = 0; !points.empty() && m < points[0].size(); ++m) {
    double best = std::numeric_limits<double>::infinity(), worst = -best;
    for (const Point& point : points) {
      best = std::min(best, point[m]);
      worst = std::max(worst, point[m]);
    }
    for (Point& point : points) point[m] = worst > best ? (point[m] - best) / (worst - best) : 0;
  }
  return points;
}

// Of points on one scale, the one nearest to the best values of all.
std::size_t knee_of(const std::vector<Point>& points) {
  std::vector<double> distances;
  for (const Point& point : points) {
    double square = 0;
    for (const double value : point) square += value * value;
    distances.push_back(square);
  }
  return static_cast<std::size_t>(std::ranges::min_element(distances) - distances.begin());
}

// The point whose addition makes the hypervolume of the chosen largest; of equal ones the first.
std::size_t largest_contributor(const std::vector<Point>& points,
                                const std::vector<std::size_t>& chosen) {
  const Point reference(points[0].size(), 1.1);  // as objective::comparable_hypervolumes
  std::vector<Point> together;
  for (const std::size_t i : chosen) together.push_back(points[i]);
  std::size_t best = 0;
  double largest = -1;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::ranges::find(chosen, i) != chosen.end()) continue;
    together.push_back(points[i]);
    const double volume = objective::hypervolume(together, reference);
    together.pop_back();
    if (volume <= largest) continue;
    largest = volume;
    best = i;
  }
  return best;
}

std::vector<study::Trial> by_hypervolume(const std::vector<study::Trial>& trials,
                                         const std::vector<Objective>& objectives,
                                         std::size_t count) {
  const std::vector<const study::Trial*> front = front_of(trials, objectives);
  if (front.empty()) return {};
  std::vector<Point> points;
  for (const study::Trial* trial : front) points.push_back(*study::point_of(*trial, objectives));
  points = scaled(std::move(points));

  std::vector<std::size_t> chosen;
  const auto choose = [&](std::size_t i) {
    if (chosen.size() < count && std::ranges::find(chosen, i) == chosen.end()) chosen.push_back(i);
  };
  choose(knee_of(points));
  for (std::size_t m = 0; m < objectives.size(); ++m) {
    const auto best = std::ranges::min_element(points, {}, [m](const Point& p) { return p[m]; });
    choose(static_cast<std::size_t>(best - points.begin()));
  }
  while (chosen.size() < std::min(count, points.size()))
    choose(largest_contributor(points, chosen));

  std::vector<study::Trial> finalists;
  for (const std::size_t i : chosen) finalists.push_back(*front[i]);
  return finalists;
}

}  // namespace

std::vector<study::Trial> choose_finalists(const std::vector<study::Trial>& trials,
                                           const std::vector<std::string>& objectives,
                                           int count,
                                           FinalistRule rule) {
  if (count <= 0) return {};
  const std::vector<Objective> wanted = objective::objectives_by_name(objectives);
  const auto most = static_cast<std::size_t>(count);
  return rule == FinalistRule::kSpread ? spread(trials, wanted, most)
                                       : by_hypervolume(trials, wanted, most);
}

}  // namespace parsimony::run
