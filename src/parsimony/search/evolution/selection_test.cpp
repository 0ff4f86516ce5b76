// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/evolution/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "parsimony/core/error.h"

namespace parsimony::search {
namespace {

using ::testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Fitness infeasible(double violation) {
  return {{}, violation};
}

// Coarse, so that equal points and equal violations are common.
std::vector<Fitness> random_population(core::Rng& rng, int size) {
  std::vector<Fitness> population;
  for (int i = 0; i < size; ++i) {
    if (rng.chance(0.3)) {
      population.push_back(rng.chance(0.2) ? failed()
                                           : infeasible(static_cast<double>(1 + rng.below(4))));
    } else {
      population.push_back(
          {{static_cast<double>(rng.below(6)), static_cast<double>(rng.below(6))}, 0});
    }
  }
  return population;
}

TEST(ConstrainedDomination, FeasibleThenLessViolationThenPareto) {
  const Fitness good{{1, 1}, 0}, other{{0, 3}, 0}, bad{{2, 2}, 0};
  EXPECT_TRUE(dominates(good, bad));
  EXPECT_FALSE(dominates(bad, good));
  EXPECT_FALSE(dominates(good, other));
  EXPECT_FALSE(dominates(good, good));
  EXPECT_TRUE(dominates(bad, infeasible(0.1)));
  EXPECT_FALSE(dominates(infeasible(0.1), bad));
  EXPECT_TRUE(dominates(infeasible(0.1), infeasible(0.2)));
  EXPECT_FALSE(dominates(infeasible(0.2), infeasible(0.2)));
  EXPECT_TRUE(dominates(infeasible(1e9), failed()));
  EXPECT_FALSE(dominates(failed(), failed()));
}

// The definition: a member's rank is one more than the largest among those that dominate it.
TEST(StandingTest, RanksFollowConstrainedDomination) {
  core::Rng rng(1);
  for (int round = 0; round < 50; ++round) {
    const auto population = random_population(rng, 30);
    const Standing standing = standing_of(population);
    for (std::size_t i = 0; i < population.size(); ++i) {
      int expected = 0;
      for (std::size_t j = 0; j < population.size(); ++j) {
        if (dominates(population[j], population[i]))
          expected = std::max(expected, standing.ranks[j] + 1);
      }
      ASSERT_EQ(standing.ranks[i], expected);
      if (population[i].feasible()) continue;
      ASSERT_EQ(standing.crowding[i], 0);
    }
  }
}

// The order of pagmo's documentation (spec/fmas.md, 2.3), with two infeasible ones between.
TEST(SurvivorsTest, KnownOrder) {
  std::vector<Fitness> pool;
  for (const auto& point : std::vector<objective::Point>{{0, 7},
                                                         {1, 5},
                                                         {2, 3},
                                                         {4, 2},
                                                         {7, 1},
                                                         {10, 0},
                                                         {2, 6},
                                                         {4, 4},
                                                         {10, 2},
                                                         {6, 6},
                                                         {9, 5}})
    pool.push_back({point, 0});
  EXPECT_THAT(survivors(pool, 11), ElementsAre(0, 5, 4, 3, 1, 2, 6, 8, 7, 9, 10));
  EXPECT_THAT(survivors(pool, 4), ElementsAre(0, 5, 4, 3));
  pool.insert(pool.begin(), {failed(), infeasible(0.5)});
  EXPECT_THAT(survivors(pool, 13), ElementsAre(2, 7, 6, 5, 3, 4, 8, 10, 9, 11, 12, 1, 0));
  EXPECT_THROW(survivors(pool, 14), core::Error);
}

TEST(SurvivorsTest, NobodyLeftOutDominatesASurvivor) {
  core::Rng rng(2);
  for (int round = 0; round < 50; ++round) {
    const auto pool = random_population(rng, 40);
    const auto kept = survivors(pool, 20);
    for (std::size_t i = 0; i < pool.size(); ++i) {
      if (std::ranges::find(kept, i) != kept.end()) continue;
      for (const std::size_t k : kept) ASSERT_FALSE(dominates(pool[i], pool[k]));
    }
  }
}

// Without ties the best of a population wins both of its tournaments and the worst none.
TEST(TournamentTest, EverybodyTakesPartTwice) {
  core::Rng rng(3);
  for (const int size : {2, 4, 6, 10, 40}) {
    Standing standing;
    for (int i = 0; i < size; ++i) {
      standing.ranks.push_back(i);
      standing.crowding.push_back(kInfinity);
    }
    for (int round = 0; round < 20; ++round) {
      const std::vector<Pair> pairs = tournaments(standing, rng);
      ASSERT_EQ(2 * std::ssize(pairs), size);
      std::map<std::size_t, int> wins;
      for (const Pair& pair : pairs) ++wins[pair.first], ++wins[pair.second];
      EXPECT_EQ(wins[0], 2);
      EXPECT_EQ(wins[static_cast<std::size_t>(size - 1)], 0);
    }
  }
}

TEST(TournamentTest, RankThenCrowdingThenACoin) {
  core::Rng rng(4);
  const auto wins_of_first = [&rng](const Standing& standing) {
    int wins = 0;
    for (int round = 0; round < 500; ++round) {
      for (const Pair& pair : tournaments(standing, rng))
        wins += (pair.first == 0) + (pair.second == 0);
    }
    return wins;  // of at most 1000
  };
  EXPECT_EQ(wins_of_first({{0, 1}, {0, kInfinity}}), 1000);
  EXPECT_EQ(wins_of_first({{1, 1}, {2, 1}}), 1000);
  EXPECT_EQ(wins_of_first({{1, 1}, {1, 2}}), 0);
  EXPECT_NEAR(wins_of_first({{1, 1}, {kInfinity, kInfinity}}), 500, 80);
  EXPECT_THROW(tournaments({{0, 1, 2}, {0, 0, 0}}, rng), core::Error);
}

}  // namespace
}  // namespace parsimony::search
