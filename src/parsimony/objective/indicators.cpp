// SPDX-License-Identifier: Apache-2.0
#include "parsimony/objective/indicators.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "parsimony/core/error.h"

namespace parsimony::objective {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kReferencePoint = 1.1;  // in every normalised objective

void check(const std::vector<Point>& points, const std::vector<Point>& reference) {
  core::require(!points.empty(), "an indicator of no points");
  core::require(!reference.empty(), "an indicator against no reference");
  for (const std::vector<Point>* set : {&points, &reference}) {
    for (const Point& point : *set) {
      core::require(point.size() == reference[0].size(),
                    "a point of {} objectives, a reference of {}",
                    point.size(),
                    reference[0].size());
    }
  }
}

// For each reference, the smallest `distance(point, reference)`.
template <typename Distance>
std::vector<double> to_nearest(const std::vector<Point>& points,
                               const std::vector<Point>& reference,
                               const Distance& distance) {
  check(points, reference);
  std::vector<double> nearest;
  for (const Point& wanted : reference) {
    double least = kInfinity;
    for (const Point& point : points) least = std::min(least, distance(point, wanted));
    nearest.push_back(least);
  }
  return nearest;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Root of the sum over the objectives of the squared `difference(point value, wanted value)`.
template <typename Difference>
double root_of_squares(const Point& point, const Point& wanted, const Difference& difference) {
  double squares = 0;
  for (std::size_t m = 0; m < point.size(); ++m) {
    const double d = difference(point[m], wanted[m]);
    squares += d * d;
  }
  return std::sqrt(squares);
}

// The least that every reference needs for the nearest point to reach it; `needed` is for one
// objective.
template <typename Needed>
double epsilon(const std::vector<Point>& points,
               const std::vector<Point>& reference,
               const Needed& needed) {
  const auto worst = [&needed](const Point& point, const Point& wanted) {
    double most = -kInfinity;
    for (std::size_t m = 0; m < point.size(); ++m)
      most = std::max(most, needed(point[m], wanted[m]));
    return most;
  };
  return std::ranges::max(to_nearest(points, reference, worst));
}

std::vector<Point> front_of(const std::vector<Point>& points) {
  std::vector<Point> front;
  for (const std::size_t i : pareto_front(points)) front.push_back(points[i]);
  return front;
}

}  // namespace

double igd(const std::vector<Point>& points, const std::vector<Point>& reference) {
  return mean(to_nearest(points, reference, [](const Point& point, const Point& wanted) {
    return root_of_squares(point, wanted, [](double a, double z) { return a - z; });
  }));
}

double igd_plus(const std::vector<Point>& points, const std::vector<Point>& reference) {
  return mean(to_nearest(points, reference, [](const Point& point, const Point& wanted) {
    return root_of_squares(point, wanted, [](double a, double z) { return std::max(a - z, 0.0); });
  }));
}

double additive_epsilon(const std::vector<Point>& points, const std::vector<Point>& reference) {
  return epsilon(points, reference, [](double a, double z) { return a - z; });
}

double multiplicative_epsilon(const std::vector<Point>& points,
                              const std::vector<Point>& reference) {
  return epsilon(points, reference, [](double a, double z) {
    core::require(a > 0 && z > 0, "a factor between {} and {}, both must be above 0", a, z);
    return a / z;
  });
}

std::vector<double> comparable_hypervolumes(const std::vector<std::vector<Point>>& sets) {
  std::vector<std::vector<Point>> fronts;
  Point ideal, nadir;
  for (const auto& set : sets) {
    for (const Point& point : fronts.emplace_back(front_of(set))) {
      if (ideal.empty()) ideal = nadir = point;
      core::require(point.size() == ideal.size(),
                    "points of {} and {} objectives",
                    point.size(),
                    ideal.size());
      for (std::size_t m = 0; m < point.size(); ++m) {
        ideal[m] = std::min(ideal[m], point[m]);
        nadir[m] = std::max(nadir[m], point[m]);
      }
    }
  }

  std::vector<double> volumes;
  for (auto& front : fronts) {
    for (Point& point : front) {
      for (std::size_t m = 0; m < point.size(); ++m) {
        const double range = nadir[m] - ideal[m];
        point[m] = range > 0 ? (point[m] - ideal[m]) / range : 0;
      }
    }
    volumes.push_back(front.empty() ? 0 : hypervolume(front, Point(ideal.size(), kReferencePoint)));
  }
  return volumes;
}

}  // namespace parsimony::objective
