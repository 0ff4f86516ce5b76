// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>

#include "parsimony/core/error.h"
#include "parsimony/objective/objective.h"

namespace parsimony::objective {
namespace {

// Two objectives: a staircase, walked from left to right.
double staircase_area(std::vector<Point> points, const Point& reference) {
  std::sort(points.begin(), points.end());
  double area = 0;
  double height = reference[1];
  for (const Point& point : points) {
    if (point[1] >= height) continue;
    area += (reference[0] - point[0]) * (height - point[1]);
    height = point[1];
  }
  return area;
}

std::vector<Point> front_points(const std::vector<Point>& points) {
  std::vector<Point> front;
  for (const std::size_t i : pareto_front(points)) front.push_back(points[i]);
  return front;
}

// Volume of the first `dimensions` objectives; all points lie within the reference. WFG: each point
// adds the box it dominates, less what later points dominate of that box. With the points sorted by
// the last objective, worst first, those later points all reach through the whole depth of the box,
// so the question is one of an objective less.
double wfg_volume(const std::vector<Point>& points,
                  const Point& reference,
                  std::size_t dimensions) {
  if (points.empty()) return 0;
  if (dimensions == 1) return reference[0] - (*std::min_element(points.begin(), points.end()))[0];
  if (dimensions == 2) return staircase_area(points, reference);

  const std::size_t last = dimensions - 1;
  std::vector<Point> front = front_points(points);
  // Ties by the other objectives: sums then never depend on the order of the input.
  std::sort(front.begin(), front.end(), [last](const Point& a, const Point& b) {
    return a[last] != b[last] ? a[last] > b[last] : a < b;
  });
  double volume = 0;
  for (std::size_t i = 0; i < front.size(); ++i) {
    double base = 1;
    for (std::size_t m = 0; m < last; ++m) base *= reference[m] - front[i][m];
    std::vector<Point> limited;
    limited.reserve(front.size() - i - 1);
    for (std::size_t j = i + 1; j < front.size(); ++j) {
      Point& point = limited.emplace_back(last);
      for (std::size_t m = 0; m < last; ++m) point[m] = std::max(front[i][m], front[j][m]);
    }
    volume += (reference[last] - front[i][last]) * (base - wfg_volume(limited, reference, last));
  }
  return volume;
}

}  // namespace

double hypervolume(const std::vector<Point>& points, const Point& reference) {
  core::require(!reference.empty(), "hypervolume of no objectives");
  std::vector<Point> inside;
  for (const Point& point : points) {
    core::require(point.size() == reference.size(),
                  "a point of {} objectives, a reference of {}",
                  point.size(),
                  reference.size());
    if (std::equal(point.begin(), point.end(), reference.begin(), std::less<>())) {
      inside.push_back(point);
    }
  }
  return wfg_volume(inside, reference, reference.size());
}

}  // namespace parsimony::objective
