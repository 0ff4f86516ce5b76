// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/pruned_decoding.h"

#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/paths/testing.h"

namespace parsimony::differentiable {
namespace {

using testing::coarse_gates;
using testing::grid_of;
using testing::is_valid;
using testing::Paths;
using testing::to_patterns;

// Edges in order: layer 1 has 00, 01; layer 2 has 00, 01, 10, 11, 12.
EdgeValues gates() {
  return {{0.9, 0.6}, {0.8, 0.45, 0.3, 0.7, 0.2}};
}

TEST(StrongestPerNode, KeepsTheBestOfEachNode) {
  const Grid grid = grid_of(2);
  EXPECT_EQ(to_paths(grid, strongest_per_node(grid, gates(), 1)),
            (Paths{{{0, 0}, {0, 1}}, {{0, 0}, {1, 1}, {1, 2}}}));
  EXPECT_EQ(strongest_per_node(grid, gates(), 2), (Patterns{0b11, 0b11111}));
  // Of equal edges into a node, 00 and 10 as well as 01 and 11, the earlier; then nothing consumes
  // node 1 but 12.
  EXPECT_EQ(to_paths(grid, strongest_per_node(grid, filled(grid, 0.5), 1)),
            (Paths{{{0, 0}, {0, 1}}, {{0, 0}, {0, 1}, {1, 2}}}));
}

TEST(AboveThreshold, DropsEdgesThatLeadNowhere) {
  const Grid grid = grid_of(2);
  EXPECT_EQ(to_paths(grid, above_threshold(grid, gates(), 0.5)),
            (Paths{{{0, 0}, {0, 1}}, {{0, 0}, {1, 1}}}));
  // At 0.75 node 1 is neither entered nor left.
  EXPECT_EQ(to_paths(grid, above_threshold(grid, gates(), 0.75)), (Paths{{{0, 0}}, {{0, 0}}}));
  // Node 1 is entered but not left, and goes.
  EXPECT_EQ(to_paths(grid, above_threshold(grid, {{0.9, 0.9}, {0.9, 0, 0, 0, 0}}, 0.5)),
            (Paths{{{0, 0}}, {{0, 0}}}));
  // Node 1 is left but not entered, and goes.
  EXPECT_EQ(to_paths(grid, above_threshold(grid, {{0.9, 0}, {0.9, 0, 0, 0.9, 0}}, 0.5)),
            (Paths{{{0, 0}}, {{0, 0}}}));
}

TEST(AboveThreshold, RestoresTheBestFedEdgeOfAnEmptyLayer) {
  const Grid grid = grid_of(2);
  EXPECT_EQ(to_paths(grid, above_threshold(grid, gates(), 0.95)), (Paths{{{0, 0}}, {{0, 0}}}));
  // The best edge of layer 2 is 12, which layer 1 does not feed.
  EXPECT_EQ(to_paths(grid, above_threshold(grid, {{0.9, 0.1}, {0.1, 0.2, 0, 0, 0.9}}, 0.5)),
            (Paths{{{0, 0}}, {{0, 1}}}));
}

// What goes in the last layer takes edges with it through all layers before.
TEST(Connected, ReachesAFixedPoint) {
  const Grid grid = grid_of(3);
  const Paths dead_end = {{{0, 0}, {0, 1}}, {{0, 0}, {1, 2}}, {{0, 0}}};
  EXPECT_EQ(to_paths(grid, connected(grid, filled(grid, 0.5), to_patterns(grid, dead_end))),
            (Paths{{{0, 0}}, {{0, 0}}, {{0, 0}}}));
}

// Any valid network within the patterns stays, and what is left is valid.
TEST(Connected, KeepsAllThatIsFedAndConsumed) {
  core::Rng rng(1);
  const Grid grid = grid_of(3);
  const std::vector<Patterns> valid = testing::all_valid(grid);
  for (int round = 0; round < 100; ++round) {
    Patterns patterns;
    for (std::size_t l = 0; l < grid.size(); ++l)
      patterns.push_back(
          static_cast<space::GridPattern>(rng.below(static_cast<std::int64_t>(grid[l].size()))));
    const EdgeValues values = coarse_gates(grid, rng);
    const Patterns kept = connected(grid, values, patterns);
    ASSERT_TRUE(is_valid(grid, kept));
    Patterns united(grid.size(), 0);
    for (const Patterns& network : valid) {
      bool within = true;
      for (std::size_t l = 0; l < network.size(); ++l)
        within = within && (network[l] & ~patterns[l]) == 0;
      for (std::size_t l = 0; within && l < network.size(); ++l) united[l] |= network[l];
    }
    // Valid networks are closed under union: theirs is the largest one.
    if (united[0] != 0) {
      ASSERT_EQ(kept, united);
    }
  }
}

TEST(PrunedDecoding, IsAlwaysValid) {
  core::Rng rng(2);
  for (const Grid& grid :
       {grid_of(4), grid_of(12), grid_of(4, testing::kFull), grid_of(3, testing::kMultires)}) {
    for (int round = 0; round < 50; ++round) {
      const EdgeValues values = coarse_gates(grid, rng);
      for (const int k : {1, 2, 3})
        ASSERT_TRUE(is_valid(grid, strongest_per_node(grid, values, k)));
      for (const double threshold : {0.2, 0.5, 0.7, 0.9})
        ASSERT_TRUE(is_valid(grid, above_threshold(grid, values, threshold)));
    }
  }
  const Grid grid = grid_of(2);
  EXPECT_THROW(strongest_per_node(grid, gates(), 0), core::Error);
  EXPECT_THROW(above_threshold(grid_of(3), gates(), 0.5), core::Error);
}

}  // namespace
}  // namespace parsimony::differentiable
