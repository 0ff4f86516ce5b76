// SPDX-License-Identifier: Apache-2.0
#include "parsimony/objective/indicators.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"

namespace parsimony::objective {
namespace {

using Points = std::vector<Point>;

// The two examples of moocore's documentation (spec/fmas.md, 2.3).
const Points kFour{{3.5, 5.5}, {3.6, 4.1}, {4.1, 3.2}, {5.5, 1.5}};
const Points kStraight{{1, 6}, {2, 5}, {3, 4}, {4, 3}, {5, 2}, {6, 1}};
const Points kThree{{4, 2}, {3, 3}, {2, 4}};
const Points kBent{{10, 0}, {6, 1}, {2, 2}, {1, 6}, {0, 10}};

Points random_points(core::Rng& rng, std::size_t count, std::size_t objectives) {
  Points points(count, Point(objectives));
  for (Point& point : points) {
    for (double& value : point) value = rng.uniform(0.1, 1);
  }
  return points;
}

TEST(IndicatorTest, KnownDistances) {
  EXPECT_DOUBLE_EQ(igd(kFour, kStraight), 1.0627908666722465);
  EXPECT_DOUBLE_EQ(igd_plus(kFour, kStraight), 0.9855036468106652);
  EXPECT_DOUBLE_EQ(igd(kThree, kBent), 3.707092031609239);
  EXPECT_DOUBLE_EQ(igd_plus(kThree, kBent), 1.482842712474619);
}

TEST(IndicatorTest, KnownEpsilons) {
  EXPECT_DOUBLE_EQ(additive_epsilon(kFour, kStraight), 2.5);
  EXPECT_DOUBLE_EQ(multiplicative_epsilon(kFour, kStraight), 3.5);
}

TEST(IndicatorTest, TheReferenceItselfIsPerfect) {
  EXPECT_EQ(igd(kFour, kFour), 0);
  EXPECT_EQ(igd_plus(kFour, kFour), 0);
  EXPECT_EQ(additive_epsilon(kFour, kFour), 0);
  EXPECT_EQ(multiplicative_epsilon(kFour, kFour), 1);
}

TEST(IndicatorTest, EpsilonsAreTheLeastThatMakesTheReferenceDominated) {
  core::Rng rng(3);
  for (std::size_t objectives = 1; objectives <= 4; ++objectives) {
    for (int round = 0; round < 20; ++round) {
      const Points points = random_points(rng, 6, objectives);
      const Points reference = random_points(rng, 5, objectives);
      const double sum = additive_epsilon(points, reference);
      const double factor = multiplicative_epsilon(points, reference);
      // Whether the points, improved by either, reach every reference.
      const auto reaches = [&](double less, double share) {
        return std::ranges::all_of(reference, [&](const Point& wanted) {
          return std::ranges::any_of(points, [&](const Point& point) {
            for (std::size_t m = 0; m < objectives; ++m) {
              if ((point[m] - less) / share > wanted[m]) return false;
            }
            return true;
          });
        });
      };
      EXPECT_TRUE(reaches(sum + 1e-9, 1));
      EXPECT_FALSE(reaches(sum - 1e-9, 1));
      EXPECT_TRUE(reaches(0, factor * (1 + 1e-9)));
      EXPECT_FALSE(reaches(0, factor * (1 - 1e-9)));
    }
  }
}

// What igd does not promise: a set that is nowhere worse is never the worse one.
TEST(IndicatorTest, IgdPlusIsWeaklyParetoCompliant) {
  core::Rng rng(4);
  for (int round = 0; round < 200; ++round) {
    const Points points = random_points(rng, 6, 3), reference = random_points(rng, 8, 3);
    Points better = points;
    for (Point& point : better) {
      for (double& value : point) value -= rng.chance(0.5) ? 0 : rng.uniform(0, 0.3);
    }
    EXPECT_LE(igd_plus(better, reference), igd_plus(points, reference));
    EXPECT_LE(igd_plus(points, reference), igd(points, reference));
  }
}

TEST(IndicatorTest, BrokenPromisesAreBugs) {
  EXPECT_THROW(igd({}, kFour), core::Error);
  EXPECT_THROW(igd_plus(kFour, {}), core::Error);
  EXPECT_THROW(additive_epsilon({{1, 2, 3}}, kFour), core::Error);
  EXPECT_THROW(igd({{1, 2}}, {{1, 2}, {1}}), core::Error);
  EXPECT_THROW(multiplicative_epsilon({{0, 1}}, {{1, 1}}), core::Error);
}

TEST(ComparableHypervolumeTest, ScalesByTheBestAndWorstOfAllFronts) {
  // Objectives from 10 to 20 and from 0 to 4; (30, 9) is dominated and must not stretch the scale.
  const std::vector<double> volumes =
      comparable_hypervolumes({{{10, 4}, {20, 0}, {30, 9}}, {{15, 2}}, {}});
  ASSERT_EQ(volumes.size(), 3u);
  EXPECT_NEAR(volumes[0], 1.1 * 0.1 + 0.1 * 1.0, 1e-12);
  EXPECT_NEAR(volumes[1], 0.6 * 0.6, 1e-12);
  EXPECT_EQ(volumes[2], 0);
}

TEST(ComparableHypervolumeTest, UnitsDoNotMatter) {
  core::Rng rng(5);
  std::vector<Points> sets{random_points(rng, 9, 3), random_points(rng, 9, 3)};
  const std::vector<double> before = comparable_hypervolumes(sets);
  for (Points& set : sets) {
    for (Point& point : set) point = {1e6 * point[0] - 7, point[1] / 64, point[2]};
  }
  const std::vector<double> after = comparable_hypervolumes(sets);
  for (std::size_t i = 0; i < sets.size(); ++i) EXPECT_NEAR(after[i], before[i], 1e-9);
}

TEST(ComparableHypervolumeTest, ObjectivesInWhichAllAgreeAreNeutral) {
  EXPECT_NEAR(comparable_hypervolumes({{{3, 1}}, {{3, 2}}})[0], 1.1 * 1.1, 1e-12);
  EXPECT_NEAR(comparable_hypervolumes({{{3, 1}}, {{3, 2}}})[1], 1.1 * 0.1, 1e-12);
  EXPECT_TRUE(comparable_hypervolumes({}).empty());
}

}  // namespace
}  // namespace parsimony::objective
