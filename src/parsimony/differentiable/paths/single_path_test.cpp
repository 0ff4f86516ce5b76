// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/single_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/paths/testing.h"

namespace parsimony::differentiable {
namespace {

using ::testing::ElementsAre;
using testing::grid_of;
using testing::is_valid;
using testing::Paths;
using testing::to_patterns;

// Spec rspnet 7.
EdgeValues golden() {
  return {{0.4, 0.6}, {0.7, 0.3, 0.2, 0.5, 0.3}, {0.6, 0.4, 0.1, 0.3, 0.6, 0.5, 0.3, 0.2}};
}

TEST(BestWalk, MeetsTheGoldenValues) {
  const Grid grid = grid_of(3);
  const Walk best = best_walk(grid, golden());
  EXPECT_THAT(best.scales, ElementsAre(0, 1, 1, 2));
  EXPECT_NEAR(std::exp(best.log_probability), 0.18, 1e-12);
  std::vector<double> by_end;
  for (const Walk& walk : best_walks(grid, golden()))
    by_end.push_back(std::exp(walk.log_probability));
  ASSERT_EQ(by_end.size(), 4U);
  EXPECT_NEAR(by_end[0], 0.168, 1e-12);
  EXPECT_NEAR(by_end[1], 0.112, 1e-12);
  EXPECT_NEAR(by_end[2], 0.18, 1e-12);
  EXPECT_NEAR(by_end[3], 0.036, 1e-12);
  EXPECT_EQ(to_paths(best), (Paths{{{0, 1}}, {{1, 1}}, {{1, 2}}}));
}

// The largest product over all walks, by trying all.
double by_trying_all(const Grid& grid, const EdgeValues& leaving, std::size_t layer, int node) {
  if (layer == grid.size()) return 1;
  double best = 0;
  const space::GridLayer& edges = grid[layer].edges;
  for (std::size_t e = 0; e < edges.size(); ++e) {
    if (edges[e].from != node) continue;
    best = std::max(best, leaving[layer][e] * by_trying_all(grid, leaving, layer + 1, edges[e].to));
  }
  return best;
}

TEST(BestWalk, IsTheBestOfAllAndValid) {
  core::Rng rng(1);
  for (const Grid& grid : {grid_of(4), grid_of(7), grid_of(4, testing::kFull)}) {
    for (int round = 0; round < 20; ++round) {
      const EdgeValues leaving = softmax_of_leaving(grid, testing::random_gates(grid, rng), true);
      const Walk best = best_walk(grid, leaving);
      ASSERT_NEAR(std::exp(best.log_probability), by_trying_all(grid, leaving, 0, 0), 1e-12);
      ASSERT_TRUE(is_valid(grid, to_patterns(grid, to_paths(best))));
    }
  }
}

TEST(BestWalk, PrefersSmallerScalesWhereAllIsEqual) {
  EXPECT_THAT(best_walk(grid_of(3), filled(grid_of(3), 0.5)).scales, ElementsAre(0, 0, 0, 0));
}

TEST(BestWalk, StartsAnywhereInAMultiresGrid) {
  const Grid grid = grid_of(2, testing::kMultires);
  EdgeValues leaving = filled(grid, 0.1);
  leaving[0].back() = leaving[1].back() = 0.9;  // 3 -> 3
  EXPECT_THAT(best_walk(grid, leaving).scales, ElementsAre(3, 3, 3));
}

TEST(BestWalk, NeedsAnOpenWalk) {
  const Grid grid = grid_of(1);
  EXPECT_THROW(best_walk(grid, filled(grid, 0)), core::Error);
  EXPECT_EQ(best_walks(grid, {{0, 1}}).size(), 1U);
}

TEST(SoftmaxOfLeaving, SumsToOneOrIsCorrectedAtTheBorder) {
  const Grid grid = grid_of(4);
  const EdgeValues plain = softmax_of_leaving(grid, filled(grid, 1000), false);
  const EdgeValues corrected = softmax_of_leaving(grid, filled(grid, -1000), true);
  const space::GridLayer& edges = grid[3].edges;
  for (std::size_t e = 0; e < edges.size(); ++e) {
    const bool border = edges[e].from == 0 || edges[e].from == 3;
    EXPECT_DOUBLE_EQ(plain[3][e], border ? 1.0 / 2 : 1.0 / 3);
    EXPECT_DOUBLE_EQ(corrected[3][e], 1.0 / 3) << "an edge that leaves scale " << edges[e].from;
  }
  const EdgeValues skewed = softmax_of_leaving(grid_of(1), {{0, std::log(3.0)}}, false);
  EXPECT_DOUBLE_EQ(skewed[0][0], 0.25);
  EXPECT_DOUBLE_EQ(skewed[0][1], 0.75);
}

}  // namespace
}  // namespace parsimony::differentiable
