// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/paths/testing.h"

namespace parsimony::differentiable {
namespace {

using ::testing::ElementsAre;
using testing::grid_of;
using ::testing::HasSubstr;

std::vector<std::size_t> edge_counts(const Grid& grid) {
  std::vector<std::size_t> counts;
  for (std::size_t l = 0; l < grid.layers(); ++l) counts.push_back(grid.layer(l).edges.size());
  return counts;
}

TEST(Grid, HasThePublishedNumbersOfEdges) {
  EXPECT_THAT(edge_counts(grid_of(5)), ElementsAre(2, 5, 8, 10, 10));
  EXPECT_THAT(edge_counts(grid_of(2, Connectivity::kNeighbour, Start::kMultires)),
              ElementsAre(10, 10));
  EXPECT_THAT(edge_counts(grid_of(5, Connectivity::kFull)), ElementsAre(2, 6, 12, 16, 16));
  EXPECT_THAT(edge_counts(grid_of(1, Connectivity::kFull, Start::kMultires)), ElementsAre(16));
}

TEST(Grid, ListsEveryPattern) {
  const Grid neighbours = grid_of(4);
  std::vector<std::size_t> non_empty;
  for (std::size_t l = 0; l < 4; ++l) non_empty.push_back(neighbours.layer(l).patterns() - 1);
  EXPECT_THAT(non_empty, ElementsAre(3, 31, 255, 1023));
  EXPECT_EQ(grid_of(4, Connectivity::kFull).layer(3).patterns() - 1, 65535U);
}

TEST(Grid, PatternsKnowTheirNodes) {
  for (const Connectivity connectivity : {Connectivity::kNeighbour, Connectivity::kFull}) {
    const Grid grid = grid_of(4, connectivity);
    for (std::size_t l = 0; l < grid.layers(); ++l) {
      const GridLayer& layer = grid.layer(l);
      for (Pattern q = 0; q < layer.patterns(); ++q) {
        unsigned sources = 0, sinks = 0;
        for (std::size_t e = 0; e < layer.edges.size(); ++e) {
          if ((q >> e & 1U) == 0) continue;
          sources |= 1U << layer.edges[e].from;
          sinks |= 1U << layer.edges[e].to;
        }
        ASSERT_EQ(layer.sources[q], sources) << "pattern " << q << " of layer " << l;
        ASSERT_EQ(layer.sinks[q], sinks) << "pattern " << q << " of layer " << l;
      }
    }
  }
}

// The decoded example D1 of spec 4.10.
Paths example() {
  return {{{0, 0}, {0, 1}},
          {{0, 0}, {0, 1}, {1, 1}, {1, 2}},
          {{0, 0}, {0, 1}, {1, 1}, {1, 2}, {2, 2}, {2, 3}},
          {{0, 0}, {1, 0}, {1, 1}, {2, 1}, {2, 2}, {3, 2}}};
}

TEST(Paths, ConvertToPatternsAndBack) {
  const Grid grid = grid_of(4);
  const Patterns patterns = to_patterns(grid, example());
  EXPECT_EQ(to_paths(grid, patterns), example());
  EXPECT_EQ(patterns[0], 0b11U);
}

TEST(Paths, AreValidWhereEveryNodeIsFedAndConsumed) {
  const Grid grid = grid_of(4);
  EXPECT_TRUE(is_valid(grid, to_patterns(grid, example())));
  Paths not_consumed = example();
  std::erase(not_consumed[3], Edge{3, 2});
  EXPECT_FALSE(is_valid(grid, to_patterns(grid, not_consumed)));
  Paths not_fed = example();
  std::erase(not_fed[2], Edge{2, 3});
  EXPECT_FALSE(is_valid(grid, to_patterns(grid, not_fed)));
  Patterns empty = to_patterns(grid, example());
  empty[1] = 0;
  EXPECT_FALSE(is_valid(grid, empty));
  EXPECT_FALSE(is_valid(grid, {3}));
}

TEST(Paths, StartAtScaleZeroOrWhereTheStemFeedsThem) {
  const Paths from_scale_one = {{{1, 1}}};
  const Grid multires = grid_of(1, Connectivity::kNeighbour, Start::kMultires);
  EXPECT_TRUE(is_valid(multires, to_patterns(multires, from_scale_one)));
  EXPECT_THROW(to_patterns(grid_of(1), from_scale_one), core::Error);
  EXPECT_TRUE(grid_of(1).may_start(0b0001));
  EXPECT_FALSE(grid_of(1).may_start(0b0011));
  EXPECT_FALSE(multires.may_start(0));
}

TEST(Paths, RefuseEdgesThatTheGridDoesNotHave) {
  try {
    to_patterns(grid_of(2), {{{0, 0}}, {{0, 2}}});
    FAIL() << "an edge from scale 0 to scale 2 was accepted";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    EXPECT_THAT(error.what(), HasSubstr("layer 2 has no edge from scale 0 to scale 2"));
  }
  EXPECT_THROW(to_patterns(grid_of(2), {{{0, 0}}}), core::Error);
  EXPECT_THROW(Grid({.layers = 0}), core::Error);
}

TEST(Gates, MustFitTheGridAndBeProbabilities) {
  const Grid grid = grid_of(2);
  EXPECT_NO_THROW(require_gates(grid, filled(grid, 1)));
  EXPECT_THROW(require_gates(grid, filled(grid, 1.1)), core::Error);
  EXPECT_THROW(require_gates(grid, filled(grid, std::nan(""))), core::Error);
  EXPECT_THROW(require_gates(grid, filled(grid_of(3), 0.5)), core::Error);
  EXPECT_THROW(require_gates(grid, {{0.5}, {0.5}}), core::Error);
}

}  // namespace
}  // namespace parsimony::differentiable
