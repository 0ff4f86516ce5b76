// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/path_losses.h"

#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/paths/pattern_distribution.h"
#include "parsimony/differentiable/paths/testing.h"

namespace parsimony::differentiable {
namespace {

using testing::expect_gradient;
using testing::grid_of;
using testing::random_gates;

std::vector<Grid> small_grids() {
  return {grid_of(1), grid_of(4), grid_of(2, testing::kMultires), grid_of(3, testing::kFull)};
}

TEST(PatternEntropy, IsTheMeanOverThePatternsOfAllLayers) {
  core::Rng rng(1);
  const Grid grid = grid_of(3);
  const EdgeValues gates = random_gates(grid, rng);
  double sum = 0;
  for (const auto& layer : gates) {
    const PatternDistribution distribution(layer);
    for (const double p : distribution.probabilities().subspan(1)) sum -= p * std::log(p + 1e-5);
  }
  EXPECT_NEAR(pattern_entropy(grid, gates).value, sum / (3 + 31 + 255), 1e-14);
}

TEST(PatternEntropy, IsLargestWhereAllPatternsAreAlikeAndNothingWhereOneIsSure) {
  const Grid grid = grid_of(1);
  const double undecided = pattern_entropy(grid, filled(grid, 0.5)).value;
  EXPECT_NEAR(undecided, -std::log(1 / 3.0 + 1e-5) / 3, 1e-15);
  core::Rng rng(2);
  for (int i = 0; i < 20; ++i)
    EXPECT_LT(pattern_entropy(grid, random_gates(grid, rng)).value, undecided + 1e-15);
  EXPECT_NEAR(pattern_entropy(grid, {{1, 0}}).value, 0, 1e-5);
}

TEST(LayerEntropy, IsAShareOfTheLargestInEachLayer) {
  core::Rng rng(1);
  const Grid grid = grid_of(3);
  const EdgeValues gates = random_gates(grid, rng);
  double sum = 0;
  for (const auto& layer : gates) {
    const PatternDistribution distribution(layer);
    const auto patterns = distribution.probabilities().subspan(1);
    for (const double p : patterns)
      sum -= p * std::log(p + 1e-5) / std::log(static_cast<double>(patterns.size()));
  }
  EXPECT_NEAR(layer_entropy(grid, gates).value, sum / 3, 1e-14);
  // 1 but for the 1e-5 within the logarithm.
  EXPECT_NEAR(layer_entropy(grid, filled(grid, 0.5)).value, 1, 1e-3);
}

TEST(LayerEntropy, HasItsGradient) {
  core::Rng rng(3);
  for (const Grid& grid : small_grids()) {
    expect_gradient(random_gates(grid, rng),
                    [&](const EdgeValues& gates) { return layer_entropy(grid, gates); });
  }
}

TEST(PatternEntropy, HasItsGradient) {
  core::Rng rng(3);
  for (const Grid& grid : small_grids()) {
    expect_gradient(random_gates(grid, rng),
                    [&](const EdgeValues& gates) { return pattern_entropy(grid, gates); });
  }
}

// Straight from the definition, with sums over patterns for each set of nodes.
double disagreement_by_definition(const Grid& grid, const EdgeValues& gates) {
  double loss = 0;
  for (std::size_t l = 0; l + 1 < grid.size(); ++l) {
    const PatternDistribution here(gates[l]), next(gates[l + 1]);
    for (unsigned a = 1; a < 16; ++a) {
      double out = 0, in = 0;
      for (space::GridPattern q = 1; q < grid[l].size(); ++q)
        out += grid[l].sinks[q] == a ? here.probabilities()[q] : 0;
      for (space::GridPattern q = 1; q < grid[l + 1].size(); ++q)
        in += grid[l + 1].sources[q] == a ? next.probabilities()[q] : 0;
      loss -= out * std::log(in + 1e-5) + (1 - out) * std::log(1 - in + 1e-5);
    }
  }
  return loss;
}

TEST(TopologyDisagreement, FollowsItsDefinition) {
  core::Rng rng(4);
  for (const Grid& grid : small_grids()) {
    const EdgeValues gates = random_gates(grid, rng);
    EXPECT_NEAR(
        topology_disagreement(grid, gates).value, disagreement_by_definition(grid, gates), 1e-11);
  }
}

TEST(TopologyDisagreement, IsSmallWhereLayersAgreeOnLiveNodesAndLargeWhereNot) {
  const Grid grid = grid_of(2);
  // Layer 1 enters scale 1 only; edges of layer 2: 00, 01, 10, 11, 12.
  const EdgeValues agree = {{0, 1}, {0, 0, 0, 1, 1}};
  const EdgeValues disagree = {{0, 1}, {1, 1, 0, 0, 0}};
  EXPECT_NEAR(topology_disagreement(grid, agree).value, 0, 1e-3);
  EXPECT_NEAR(topology_disagreement(grid, disagree).value, -2 * std::log(1e-5), 1e-3);
}

TEST(TopologyDisagreement, HasItsGradient) {
  core::Rng rng(5);
  for (const Grid& grid : small_grids()) {
    expect_gradient(random_gates(grid, rng),
                    [&](const EdgeValues& gates) { return topology_disagreement(grid, gates); });
  }
}

// Sure gates have finite losses and gradients: a search that has decided goes on.
TEST(PathLosses, AreFiniteWhereGatesAreSure) {
  const Grid grid = grid_of(4);
  EdgeValues gates = filled(grid, 1);
  for (auto& layer : gates) layer[0] = 0;
  for (const GateLoss& loss : {pattern_entropy(grid, gates), topology_disagreement(grid, gates)}) {
    EXPECT_TRUE(std::isfinite(loss.value));
    for (const auto& layer : loss.gradient) {
      for (const double slope : layer) EXPECT_TRUE(std::isfinite(slope));
    }
  }
}

TEST(GateLoss, AddsWeightedLosses) {
  GateLoss sum{.value = 1, .gradient = {{1, 2}}};
  sum.add(0.5, {.value = 4, .gradient = {{2, 0}}});
  EXPECT_EQ(sum.value, 3);
  EXPECT_EQ(sum.gradient, (EdgeValues{{2, 2}}));
  EXPECT_THROW(sum.add(1, {.value = 0, .gradient = {{1}}}), core::Error);
}

}  // namespace
}  // namespace parsimony::differentiable
