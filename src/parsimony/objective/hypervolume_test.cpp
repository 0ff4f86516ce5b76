// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"
#include "parsimony/objective/objective.h"

namespace parsimony::objective {
namespace {

std::vector<Point> random_points(core::Rng& rng, std::size_t count, std::size_t objectives) {
  std::vector<Point> points(count, Point(objectives));
  for (Point& point : points) {
    // Some values on a grid, so that ties happen in every objective.
    for (double& value : point) {
      value = rng.chance(0.3) ? static_cast<double>(rng.below(5)) / 4 : rng.uniform();
    }
  }
  return points;
}

// Volume of the union of boxes, straight from its definition: 2^n terms.
double by_inclusion_exclusion(const std::vector<Point>& points, const Point& reference) {
  double volume = 0;
  for (std::uint32_t subset = 1; subset < (1U << points.size()); ++subset) {
    double box = 1;
    for (std::size_t m = 0; m < reference.size(); ++m) {
      double corner = -1e300;
      for (std::size_t i = 0; i < points.size(); ++i) {
        if (subset >> i & 1U) corner = std::max(corner, points[i][m]);
      }
      box *= std::max(0.0, reference[m] - corner);
    }
    volume += std::popcount(subset) % 2 == 1 ? box : -box;
  }
  return volume;
}

double by_sampling(const std::vector<Point>& points, std::size_t objectives, core::Rng& rng) {
  constexpr int kSamples = 20000;
  int hits = 0;
  for (int s = 0; s < kSamples; ++s) {
    Point sample(objectives);
    for (double& value : sample) value = rng.uniform();
    hits += std::any_of(points.begin(), points.end(), [&](const Point& point) {
      return std::equal(point.begin(), point.end(), sample.begin(), std::less_equal<>());
    });
  }
  return static_cast<double>(hits) / kSamples;
}

TEST(HypervolumeTest, KnownAnswers) {
  EXPECT_DOUBLE_EQ(hypervolume({{5, 5}, {4, 6}, {2, 7}, {7, 4}}, {10, 10}), 38);
  EXPECT_DOUBLE_EQ(hypervolume({{2.3, 4.5}, {3.4, 3.4}, {6, 1.2}}, {7, 7}), 17.91);
  EXPECT_DOUBLE_EQ(hypervolume({{2.3, 4.5, 3.2}, {3.4, 3.4, 3.4}, {6, 1.2, 3.6}}, {7, 7, 7}),
                   66.386);
  EXPECT_DOUBLE_EQ(hypervolume({{1, 1, 1, 1}, {1, 1, 1, 1}, {0, 0, 0, 0}}, {2, 2, 2, 2}), 16);
  EXPECT_DOUBLE_EQ(hypervolume({{3}, {1}, {2}}, {4}), 3);
}

TEST(HypervolumeTest, PointsNotBetterThanTheReferenceAddNothing) {
  EXPECT_EQ(hypervolume({}, {1, 1}), 0);
  EXPECT_EQ(hypervolume({{1, 0}, {0, 1}, {-5, 2}}, {1, 1}), 0);
  EXPECT_EQ(hypervolume({{0.5, 0.5}, {-5, 2}}, {1, 1}), 0.25);
}

TEST(HypervolumeTest, UnequalLengthsAreABug) {
  EXPECT_THROW(hypervolume({{1, 2, 3}}, {4, 4}), core::Error);
  EXPECT_THROW(hypervolume({}, {}), core::Error);
}

class HypervolumeOfObjectivesTest : public testing::TestWithParam<std::size_t> {
 protected:
  std::size_t objectives() const { return GetParam(); }
  core::Rng rng_ = core::Rng(7).split(GetParam());
  Point reference_ = Point(GetParam(), 1.0);
};

TEST_P(HypervolumeOfObjectivesTest, AgreesWithInclusionAndExclusion) {
  for (int round = 0; round < 60; ++round) {
    const auto points =
        random_points(rng_, static_cast<std::size_t>(1 + rng_.below(9)), objectives());
    ASSERT_NEAR(hypervolume(points, reference_), by_inclusion_exclusion(points, reference_), 1e-12);
  }
}

TEST_P(HypervolumeOfObjectivesTest, AgreesWithSampling) {
  for (int round = 0; round < 5; ++round) {
    const auto points = random_points(rng_, 30, objectives());
    ASSERT_NEAR(hypervolume(points, reference_), by_sampling(points, objectives(), rng_), 0.02);
  }
}

TEST_P(HypervolumeOfObjectivesTest, DominatedPointsChangeNothing) {
  for (int round = 0; round < 20; ++round) {
    auto points = random_points(rng_, 15, objectives());
    const double before = hypervolume(points, reference_);
    Point worse = points[static_cast<std::size_t>(rng_.below(15))];
    for (double& value : worse) value += rng_.chance(0.5) ? 0 : rng_.uniform(0, 0.1);
    points.push_back(worse);
    points.push_back(points.front());
    ASSERT_EQ(hypervolume(points, reference_), before);
  }
}

TEST_P(HypervolumeOfObjectivesTest, OrderDoesNotMatterToTheLastBit) {
  for (int round = 0; round < 20; ++round) {
    auto points = random_points(rng_, 15, objectives());
    const double before = hypervolume(points, reference_);
    rng_.shuffle(points);
    ASSERT_EQ(hypervolume(points, reference_), before);
  }
}

TEST_P(HypervolumeOfObjectivesTest, GrowsWithEveryPointAndStaysWithinTheBox) {
  std::vector<Point> points;
  double before = 0;
  for (const Point& point : random_points(rng_, 30, objectives())) {
    points.push_back(point);
    const double after = hypervolume(points, reference_);
    ASSERT_GE(after, before - 1e-12);
    ASSERT_LE(after, 1 + 1e-12);
    before = after;
  }
}

INSTANTIATE_TEST_SUITE_P(Objectives,
                         HypervolumeOfObjectivesTest,
                         testing::Range<std::size_t>(1, 6));

}  // namespace
}  // namespace parsimony::objective
