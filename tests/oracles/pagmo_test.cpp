// SPDX-License-Identifier: Apache-2.0
// Fronts, crowding, survival and hypervolumes against pagmo2's (Biscani and Izzo, JOSS 2020).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <pagmo/utils/hypervolume.hpp>
#include <pagmo/utils/multi_objective.hpp>

#include "parsimony/core/rng.h"
#include "parsimony/objective/objective.h"
#include "parsimony/search/evolution/selection.h"

namespace parsimony {
namespace {

using objective::Point;
using ::testing::UnorderedElementsAreArray;

// Anywhere in the unit cube: no two values are equal, so that no tie can be broken in two ways.
std::vector<Point> random_points(std::size_t count, std::size_t objectives, core::Rng rng) {
  std::vector<Point> points(count, Point(objectives));
  for (Point& point : points)
    for (double& value : point) value = rng.uniform();
  return points;
}

class Pagmo : public ::testing::TestWithParam<std::size_t> {
 protected:
  std::size_t objectives() const { return GetParam(); }
  std::vector<Point> points(std::size_t count, std::uint64_t seed) const {
    return random_points(count, objectives(), core::Rng(seed));
  }
};

TEST_P(Pagmo, RanksAreTheSame) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<Point> all = points(5 + 7 * seed, seed);
    const auto fronts = std::get<0>(pagmo::fast_non_dominated_sorting(all));
    const std::vector<int> ranks = objective::non_dominated_ranks(all);
    for (std::size_t rank = 0; rank < fronts.size(); ++rank) {
      for (const auto index : fronts[rank])
        EXPECT_EQ(ranks[index], static_cast<int>(rank)) << "seed " << seed;
    }
  }
}

TEST_P(Pagmo, CrowdingDistancesAreTheSameWithinAFront) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<Point> all = points(60, seed);
    std::vector<Point> front;
    for (const std::size_t index : objective::pareto_front(all)) front.push_back(all[index]);
    if (front.size() < 2) continue;  // pagmo wants two
    const std::vector<double> ours = objective::crowding_distances(front);
    const std::vector<double> theirs = pagmo::crowding_distance(front);
    for (std::size_t i = 0; i < front.size(); ++i)
      EXPECT_DOUBLE_EQ(ours[i], theirs[i]) << "seed " << seed;
  }
}

// Members that are equally crowded may stand for each other: both ends of a front are.
TEST_P(Pagmo, EquallyGoodMembersSurvive) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<Point> all = points(80, seed);
    std::vector<search::Fitness> pool;
    for (const Point& point : all) pool.push_back({.point = point});
    const search::Standing standing = search::standing_of(pool);
    const auto merits = [&](const auto& members) {
      std::vector<std::pair<int, double>> all_of_them;
      for (const std::size_t member : members)
        all_of_them.emplace_back(standing.ranks[member], standing.crowding[member]);
      return all_of_them;
    };
    for (const std::size_t count : {10U, 40U, 79U}) {
      EXPECT_THAT(merits(search::survivors(pool, count)),
                  UnorderedElementsAreArray(merits(pagmo::select_best_N_mo(all, count))))
          << "seed " << seed << ", " << count << " of 80";
    }
  }
}

TEST_P(Pagmo, HypervolumesAreTheSame) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<Point> all = points(40, seed);
    const Point reference(objectives(), 1.1);
    EXPECT_NEAR(
        objective::hypervolume(all, reference), pagmo::hypervolume(all).compute(reference), 1e-12)
        << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Objectives, Pagmo, ::testing::Values(2, 3, 4), [](const auto& test) {
  return std::to_string(test.param);
});

}  // namespace
}  // namespace parsimony
