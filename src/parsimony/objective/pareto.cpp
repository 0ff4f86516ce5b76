// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/objective/objective.h"

namespace parsimony::objective {
namespace {

using Indices = std::vector<std::size_t>;

std::vector<Indices> fronts_of(const std::vector<Point>& points) {
  std::vector<Indices> dominated(points.size());  // by point: those it dominates
  std::vector<int> dominators(points.size(), 0);  // by point: how many dominate it
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = 0; j < points.size(); ++j) {
      if (!dominates(points[i], points[j])) continue;
      dominated[i].push_back(j);
      ++dominators[j];
    }
  }

  Indices front;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (dominators[i] == 0) front.push_back(i);
  }
  std::vector<Indices> fronts;
  while (!front.empty()) {
    Indices next;
    for (const std::size_t i : front) {
      for (const std::size_t j : dominated[i]) {
        if (--dominators[j] == 0) next.push_back(j);
      }
    }
    // By index, so that later ties are broken by the input order alone.
    std::sort(next.begin(), next.end());
    fronts.push_back(std::move(front));
    front = std::move(next);
  }
  return fronts;
}

Indices first_of_equal(const Indices& front, const std::vector<Point>& points) {
  const auto less = [&points](std::size_t a, std::size_t b) { return points[a] < points[b]; };
  std::set<std::size_t, decltype(less)> seen(less);
  Indices unique;
  for (const std::size_t i : front) {
    if (seen.insert(i).second) unique.push_back(i);
  }
  return unique;
}

// Adds to `distances` what the members of one front, all different, have of them.
void measure_crowding(Indices front,
                      const std::vector<Point>& points,
                      std::vector<double>& distances) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (front.size() <= 2) {
    for (const std::size_t i : front) distances[i] = kInfinity;
    return;
  }
  const Indices by_index = front;
  for (std::size_t m = 0; m < points[front.front()].size(); ++m) {
    front = by_index;
    std::stable_sort(front.begin(), front.end(), [&points, m](std::size_t a, std::size_t b) {
      return points[a][m] < points[b][m];
    });
    const double range = points[front.back()][m] - points[front.front()][m];
    if (range == 0) continue;
    distances[front.front()] = kInfinity;
    distances[front.back()] = kInfinity;
    for (std::size_t i = 1; i + 1 < front.size(); ++i) {
      distances[front[i]] += (points[front[i + 1]][m] - points[front[i - 1]][m]) / range;
    }
  }
}

}  // namespace

bool dominates(const Point& a, const Point& b) {
  core::require(a.size() == b.size(), "points of {} and {} objectives", a.size(), b.size());
  bool better = false;
  for (std::size_t m = 0; m < a.size(); ++m) {
    if (a[m] > b[m]) return false;
    better = better || a[m] < b[m];
  }
  return better;
}

std::vector<std::size_t> pareto_front(const std::vector<Point>& points) {
  Indices front;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool shut_out = std::any_of(front.begin(), front.end(), [&](std::size_t member) {
      return points[member] == points[i] || dominates(points[member], points[i]);
    });
    if (shut_out) continue;
    std::erase_if(front, [&](std::size_t member) { return dominates(points[i], points[member]); });
    front.push_back(i);
  }
  return front;
}

std::vector<int> non_dominated_ranks(const std::vector<Point>& points) {
  std::vector<int> ranks(points.size(), 0);
  int rank = 0;
  for (const Indices& front : fronts_of(points)) {
    for (const std::size_t i : front) ranks[i] = rank;
    ++rank;
  }
  return ranks;
}

std::vector<double> crowding_distances(const std::vector<Point>& points) {
  std::vector<double> distances(points.size(), 0.0);
  for (const Indices& front : fronts_of(points)) {
    measure_crowding(first_of_equal(front, points), points, distances);
  }
  return distances;
}

}  // namespace parsimony::objective
