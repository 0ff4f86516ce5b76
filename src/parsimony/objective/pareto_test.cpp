// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"
#include "parsimony/objective/objective.h"

namespace parsimony::objective {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The population of pagmo's and our specification's known answers (spec/fmas.md, 2.3).
const std::vector<Point> kEleven{
    {0, 7}, {1, 5}, {2, 3}, {4, 2}, {7, 1}, {10, 0}, {2, 6}, {4, 4}, {10, 2}, {6, 6}, {9, 5}};

// Coarse values, so that equal points and equal coordinates are common.
std::vector<Point> random_points(core::Rng& rng, int count, int objectives) {
  std::vector<Point> points;
  for (int i = 0; i < count; ++i) {
    Point& point = points.emplace_back();
    for (int m = 0; m < objectives; ++m) point.push_back(static_cast<double>(rng.below(6)));
  }
  return points;
}

TEST(DominanceTest, NeedsNowhereWorseAndSomewhereBetter) {
  EXPECT_TRUE(dominates({1, 2}, {1, 3}));
  EXPECT_TRUE(dominates({0, 0}, {1, 1}));
  EXPECT_FALSE(dominates({1, 2}, {1, 2}));
  EXPECT_FALSE(dominates({0, 3}, {1, 2}));
  EXPECT_FALSE(dominates({1, 3}, {1, 2}));
}

TEST(DominanceTest, ComparesExactly) {
  EXPECT_TRUE(dominates({1.0}, {std::nextafter(1.0, 2.0)}));
}

TEST(DominanceTest, PointsOfUnequalLengthAreABug) {
  EXPECT_THROW(dominates({1, 2}, {1}), core::Error);
}

TEST(RankTest, KnownAnswers) {
  EXPECT_THAT(non_dominated_ranks(kEleven), ElementsAre(0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2));
  EXPECT_THAT(non_dominated_ranks({{1, 2, 3}, {-2, 3, 7}, {-1, -2, -3}, {0, 0, 0}}),
              ElementsAre(2, 0, 0, 1));
  EXPECT_THAT(non_dominated_ranks({}), IsEmpty());
}

TEST(RankTest, KnownCountsOfDominators) {
  std::vector<int> counts;
  for (const Point& point : kEleven) {
    counts.push_back(
        static_cast<int>(std::count_if(kEleven.begin(), kEleven.end(), [&](const Point& other) {
          return dominates(other, point);
        })));
  }
  EXPECT_THAT(counts, ElementsAre(0, 0, 0, 0, 0, 0, 2, 2, 3, 5, 5));
}

TEST(RankTest, EveryRankIsExplainedByTheRankBefore) {
  core::Rng rng(1);
  for (int round = 0; round < 50; ++round) {
    const auto points = random_points(rng, 30, 2 + round % 3);
    const std::vector<int> ranks = non_dominated_ranks(points);
    for (std::size_t i = 0; i < points.size(); ++i) {
      int expected = 0;
      for (std::size_t j = 0; j < points.size(); ++j) {
        if (dominates(points[j], points[i])) expected = std::max(expected, ranks[j] + 1);
      }
      ASSERT_EQ(ranks[i], expected);
    }
  }
}

TEST(ParetoFrontTest, HoldsRankZeroAndOfEqualPointsTheFirst) {
  EXPECT_THAT(pareto_front(kEleven), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(pareto_front({{1, 1}, {0, 2}, {1, 1}, {2, 0}, {0, 2}}), ElementsAre(0, 1, 3));
  EXPECT_THAT(pareto_front({}), IsEmpty());

  core::Rng rng(2);
  for (int round = 0; round < 50; ++round) {
    const auto points = random_points(rng, 30, 1 + round % 4);
    const std::vector<int> ranks = non_dominated_ranks(points);
    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto first = std::find(points.begin(), points.end(), points[i]) - points.begin();
      if (ranks[i] == 0 && static_cast<std::size_t>(first) == i) expected.push_back(i);
    }
    ASSERT_EQ(pareto_front(points), expected);
  }
}

TEST(CrowdingTest, KnownAnswers) {
  EXPECT_THAT(crowding_distances({{0, 0}, {-1, 1}, {2, -2}}), ElementsAre(2, kInfinity, kInfinity));
  EXPECT_THAT(crowding_distances({{0, 0}, {1, -1}, {2, -2}, {4, -4}}),
              ElementsAre(kInfinity, 1, 1.5, kInfinity));
}

// The two answers of pymoo are divided by the number of objectives.
TEST(CrowdingTest, ObjectivesInWhichAFrontAgreesAddNothing) {
  EXPECT_THAT(crowding_distances({{1, 1.5, .5, 1}, {1, .5, 1.5, 1}, {1, 0, 2, 1.5}}),
              ElementsAre(kInfinity, 0.75 * 4, kInfinity));
}

TEST(CrowdingTest, CopiesGetNothing) {
  EXPECT_THAT(crowding_distances({{1, 1}, {1, 1}, {.5, 1.5}, {0, 2}}),
              ElementsAre(kInfinity, 0, 1 * 2, kInfinity));
}

TEST(CrowdingTest, SmallFrontsAreAllExtremes) {
  EXPECT_THAT(crowding_distances({}), IsEmpty());
  EXPECT_THAT(crowding_distances({{3, 4}}), ElementsAre(kInfinity));
  EXPECT_THAT(crowding_distances({{3, 4}, {4, 3}}), ElementsAre(kInfinity, kInfinity));
}

TEST(CrowdingTest, KnownOrderOfAWholePopulation) {
  const std::vector<int> ranks = non_dominated_ranks(kEleven);
  const std::vector<double> distances = crowding_distances(kEleven);
  std::vector<std::size_t> order(kEleven.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return ranks[a] != ranks[b] ? ranks[a] < ranks[b] : distances[a] > distances[b];
  });
  // pagmo's 0 5 4 3 1 2 6 8 7 9 10: each infinite pair may stand in either order.
  EXPECT_THAT(order, ElementsAre(0, 5, 4, 3, 1, 2, 6, 8, 7, 9, 10));
}

}  // namespace
}  // namespace parsimony::objective
