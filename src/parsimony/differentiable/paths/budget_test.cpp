// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/budget.h"

#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/paths/testing.h"

namespace parsimony::differentiable {
namespace {

using testing::expect_gradient;
using testing::grid_of;
using testing::random_costs;
using testing::random_gates;
using testing::to_patterns;

// One layer: edges 0 -> 0 and 0 -> 1 of 1 and 2 units, nodes of 10 and 7.
GridCosts simple_costs() {
  return {.edges = {{1, 2}}, .nodes = {{10, 7, 0, 0}}};
}

TEST(Cost, CountsAnEnteredNodeOnce) {
  const Grid grid = grid_of(2);
  const GridCosts costs{.edges = {{1, 2}, {1, 1, 1, 1, 1}},
                        .nodes = {{10, 7, 0, 0}, {100, 200, 400, 0}}};
  EXPECT_EQ(cost_of(grid, costs, 0, 0b11), 20);
  const Patterns into_one_node = to_patterns(grid, {{{0, 0}, {0, 1}}, {{0, 0}, {1, 0}}});
  EXPECT_EQ(cost_of(grid, costs, into_one_node), 20 + 2 + 100);
}

TEST(AbsoluteBudget, ComparesExpectedWithFullCost) {
  const Grid grid = grid_of(1);
  EXPECT_NEAR(absolute_budget(grid, filled(grid, 1), simple_costs(), 0.6).value, 0.4, 1e-15);
  EXPECT_NEAR(absolute_budget(grid, filled(grid, 0), simple_costs(), 0.6).value, 0.6, 1e-15);
  EXPECT_NEAR(absolute_budget(grid, {{1, 0}}, simple_costs(), 0.6).value, 0.6 - 11.0 / 20, 1e-15);
}

TEST(AbsoluteBudget, DrawsToTheBudgetFromBothSides) {
  const Grid grid = grid_of(1);
  const EdgeValues above = absolute_budget(grid, filled(grid, 1), simple_costs(), 0.6).gradient;
  const EdgeValues below = absolute_budget(grid, filled(grid, 0.1), simple_costs(), 0.6).gradient;
  EXPECT_EQ(above, (EdgeValues{{11.0 / 20, 9.0 / 20}}));
  EXPECT_EQ(below, (EdgeValues{{-11.0 / 20, -9.0 / 20}}));
  EXPECT_EQ(absolute_budget(grid, filled(grid, 1), simple_costs(), 1).gradient,
            (EdgeValues{{0, 0}}));
}

TEST(AbsoluteBudget, HasItsGradient) {
  core::Rng rng(1);
  for (const Grid& grid : {grid_of(4), grid_of(3, testing::kFullMultires)}) {
    const GridCosts costs = random_costs(grid, rng);
    expect_gradient(random_gates(grid, rng), [&](const EdgeValues& gates) {
      return absolute_budget(grid, gates, costs, 0.2);
    });
  }
}

TEST(SquaredBudget, ComputesANodeWithItsLargestGate) {
  const Grid grid = grid_of(2);
  const GridCosts costs{.edges = {{1, 1}, {1, 1, 1, 1, 1}},
                        .nodes = {{10, 10, 0, 0}, {10, 10, 10, 0}}};
  // Edges of layer 2: 00, 01, 10, 11, 12.
  const EdgeValues gates = {{0.5, 0.25}, {0.2, 0.4, 0.8, 0.1, 0}};
  const double expected = (0.75 + 10 * 0.75 + 1.5 + 10 * (0.8 + 0.4 + 0)) / (2 + 20 + 5 + 30);
  EXPECT_NEAR(
      squared_budget(grid, gates, costs, 0.1).value, (expected - 0.1) * (expected - 0.1), 1e-15);
}

TEST(SquaredBudget, HasItsGradient) {
  core::Rng rng(2);
  for (const Grid& grid : {grid_of(4), grid_of(3, testing::kFullMultires)}) {
    const GridCosts costs = random_costs(grid, rng);
    expect_gradient(random_gates(grid, rng), [&](const EdgeValues& gates) {
      return squared_budget(grid, gates, costs, 0.1);
    });
  }
}

TEST(Costs, MustFitTheGrid) {
  const Grid grid = grid_of(1);
  EXPECT_NO_THROW(require_costs(grid, simple_costs()));
  EXPECT_THROW(require_costs(grid_of(2), simple_costs()), core::Error);
  GridCosts negative = simple_costs();
  negative.nodes[0][3] = -1;
  EXPECT_THROW(require_costs(grid, negative), core::Error);
  const GridCosts nothing{.edges = {{0, 0}}, .nodes = {{0, 0, 0, 0}}};
  EXPECT_THROW(absolute_budget(grid, filled(grid, 1), nothing, 0.5), core::Error);
}

}  // namespace
}  // namespace parsimony::differentiable
