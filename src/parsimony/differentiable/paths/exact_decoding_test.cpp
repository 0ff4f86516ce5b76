// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/exact_decoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numeric>
#include <tuple>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/paths/pattern_distribution.h"
#include "parsimony/differentiable/paths/testing.h"

namespace parsimony::differentiable {
namespace {

using testing::all_valid;
using testing::coarse_gates;
using testing::grid_of;
using ::testing::HasSubstr;
using testing::is_valid;
using testing::Paths;
using testing::random_costs;
using testing::random_gates;

// Spec rspnet 7. Edges of layer 2 in our order: 00, 01, 10, 11, 12.
EdgeValues golden_gates() {
  return {{0.9, 0.6}, {0.8, 0.45, 0.3, 0.7, 0.2}};
}

TEST(MostLikelyPaths, MeetsTheGoldenValue) {
  const Grid grid = grid_of(2);
  const Patterns best = most_likely_paths(grid, golden_gates());
  EXPECT_EQ(to_paths(grid, best), (Paths{{{0, 0}, {0, 1}}, {{0, 0}, {1, 1}}}));
  EXPECT_NEAR(to_nats(negative_log_likelihood(grid, golden_gates(), best)), 2.314185, 5e-7);
}

TEST(NegativeLogLikelihood, IsThatOfThePatterns) {
  core::Rng rng(1);
  const Grid grid = grid_of(2);
  const EdgeValues gates = random_gates(grid, rng);
  const PatternDistribution first(gates[0]), second(gates[1]);
  for (const Patterns& network : all_valid(grid)) {
    ASSERT_NEAR(
        to_nats(negative_log_likelihood(grid, gates, network)),
        -std::log(first.probabilities()[network[0]]) - std::log(second.probabilities()[network[1]]),
        1e-10);
  }
}

int edges_in(const Patterns& patterns) {
  return std::accumulate(patterns.begin(), patterns.end(), 0, [](int sum, space::GridPattern q) {
    return sum + std::popcount(q);
  });
}

// The first of all valid networks in the order that the header states.
Patterns by_trying_all(const Grid& grid, const EdgeValues& gates, const CostCap* cap) {
  using Key = std::tuple<std::int64_t, int, Patterns>;
  std::optional<Key> best;
  for (const Patterns& network : all_valid(grid)) {
    if (cap != nullptr && cost_of(grid, cap->costs, network) > cap->most) continue;
    Key key{negative_log_likelihood(grid, gates, network), edges_in(network), network};
    if (!best || key < *best) best = std::move(key);
  }
  return best ? std::get<Patterns>(*best) : Patterns{};
}

std::vector<Grid> small_grids() {
  return {grid_of(1),
          grid_of(2),
          grid_of(3),
          grid_of(2, testing::kFull),
          grid_of(1, testing::kMultires)};
}

TEST(MostLikelyPaths, IsTheBestOfAll) {
  core::Rng rng(2);
  for (const Grid& grid : small_grids()) {
    for (int round = 0; round < 20; ++round) {
      const EdgeValues gates = random_gates(grid, rng);
      ASSERT_EQ(most_likely_paths(grid, gates), by_trying_all(grid, gates, nullptr));
    }
  }
}

// Gates of 1/4, 1/2 and 3/4: many networks are equally likely.
TEST(MostLikelyPaths, BreaksTiesByEdgesThenByPatterns) {
  core::Rng rng(3);
  for (const Grid& grid : small_grids()) {
    for (int round = 0; round < 20; ++round) {
      const EdgeValues gates = coarse_gates(grid, rng);
      ASSERT_EQ(most_likely_paths(grid, gates), by_trying_all(grid, gates, nullptr));
    }
  }
  const Grid grid = grid_of(4);
  EXPECT_EQ(to_paths(grid, most_likely_paths(grid, filled(grid, 0.5))),
            (Paths{{{0, 0}}, {{0, 0}}, {{0, 0}}, {{0, 0}}}))
      << "of equally likely networks the one of fewest edges and smallest patterns";
}

TEST(MostLikelyPaths, KeepsToACostCap) {
  core::Rng rng(4);
  int changed = 0;
  for (const Grid& grid : small_grids()) {
    for (int round = 0; round < 40; ++round) {
      const EdgeValues gates = round % 2 == 0 ? random_gates(grid, rng) : coarse_gates(grid, rng);
      CostCap cap{.costs = random_costs(grid, rng), .most = 0};
      const Patterns without = most_likely_paths(grid, gates);
      cap.most = std::floor(cost_of(grid, cap.costs, without) * rng.uniform(0.3, 1.1));
      const Patterns expected = by_trying_all(grid, gates, &cap);
      if (expected.empty()) {
        EXPECT_THROW(most_likely_paths(grid, gates, cap), core::Error);
        continue;
      }
      ASSERT_EQ(most_likely_paths(grid, gates, cap), expected);
      changed += expected != without ? 1 : 0;
    }
  }
  EXPECT_GT(changed, 20) << "the caps hardly mattered";
}

TEST(MostLikelyPaths, SaysWhatTheCheapestNetworkCosts) {
  const Grid grid = grid_of(1);
  const CostCap cap{.costs = {.edges = {{1, 2}}, .nodes = {{10, 7, 0, 0}}}, .most = 8};
  try {
    most_likely_paths(grid, filled(grid, 0.5), cap);
    FAIL() << "a cap that no network keeps to was accepted";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    EXPECT_THAT(error.what(), HasSubstr("the cheapest costs 9"));
  }
}

// Deep grids, full grids, and gates that are sure of what does not fit together.
TEST(MostLikelyPaths, AreAlwaysValid) {
  core::Rng rng(5);
  for (const Grid& grid :
       {grid_of(4), grid_of(12), grid_of(4, testing::kFull), grid_of(6, testing::kMultires)}) {
    for (int round = 0; round < 5; ++round) {
      EdgeValues gates = random_gates(grid, rng);
      if (round % 2 == 1) {
        for (auto& layer : gates) {
          for (double& gate : layer) gate = gate > 0.5 ? 1 : 0;
        }
      }
      const Patterns best = most_likely_paths(grid, gates);
      ASSERT_TRUE(is_valid(grid, best));
      CostCap cap{.costs = random_costs(grid, rng), .most = 0};
      cap.most = 0.8 * cost_of(grid, cap.costs, best);
      const Patterns capped = most_likely_paths(grid, gates, cap);
      ASSERT_TRUE(is_valid(grid, capped));
      EXPECT_LE(cost_of(grid, cap.costs, capped), cap.most);
      EXPECT_GE(negative_log_likelihood(grid, gates, capped),
                negative_log_likelihood(grid, gates, best));
    }
  }
}

}  // namespace
}  // namespace parsimony::differentiable
