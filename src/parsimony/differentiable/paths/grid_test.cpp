// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/grid.h"

#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/paths/testing.h"
#include "parsimony/space/grid_space.h"

namespace parsimony::differentiable {
namespace {

using testing::grid_of;
using testing::is_valid;
using testing::Paths;
using testing::to_patterns;

// The decoded example D1 (spec rspnet 4.10).
Paths example() {
  return {{{0, 0}, {0, 1}},
          {{0, 0}, {0, 1}, {1, 1}, {1, 2}},
          {{0, 0}, {0, 1}, {1, 1}, {1, 2}, {2, 2}, {2, 3}},
          {{0, 0}, {1, 0}, {1, 1}, {2, 1}, {2, 2}, {3, 2}}};
}

TEST(Patterns, ArePathsOfAGenotype) {
  const Grid grid = grid_of(4);
  const Patterns patterns = to_patterns(grid, example());
  EXPECT_EQ(patterns[0], 0b11U);
  EXPECT_EQ(to_paths(grid, patterns), example());
  EXPECT_THROW(to_paths(grid_of(3), patterns), core::Error);
}

// What the tests of all decoders rest on.
TEST(Patterns, AreValidWhereEveryNodeIsFedAndConsumed) {
  const Grid grid = grid_of(4);
  EXPECT_TRUE(is_valid(grid, to_patterns(grid, example())));
  Paths not_consumed = example();
  std::erase(not_consumed[3], space::GridEdge{3, 2});
  EXPECT_FALSE(is_valid(grid, to_patterns(grid, not_consumed)));
  Paths not_fed = example();
  std::erase(not_fed[2], space::GridEdge{2, 3});
  EXPECT_FALSE(is_valid(grid, to_patterns(grid, not_fed)));
  Patterns empty = to_patterns(grid, example());
  empty[1] = 0;
  EXPECT_FALSE(is_valid(grid, empty));
  EXPECT_FALSE(is_valid(grid, {3}));
  const Grid multires = grid_of(1, testing::kMultires);
  EXPECT_TRUE(is_valid(multires, to_patterns(multires, {{{1, 1}}})));
}

TEST(Patterns, AreAsManyAsTheSpaceCounts) {
  for (const auto& [layers, rules] :
       std::vector<std::pair<int, space::GridRules>>{{1, {}},
                                                     {3, {}},
                                                     {2, testing::kFull},
                                                     {1, testing::kFullMultires},
                                                     {2, testing::kMultires}}) {
    const Grid grid = grid_of(layers, rules);
    const std::vector<Patterns> networks = testing::all_valid(grid);
    EXPECT_EQ(space::count_path_patterns(layers, rules), static_cast<double>(networks.size()));
    for (const Patterns& network : networks) ASSERT_TRUE(is_valid(grid, network));
  }
}

TEST(Paths, StartAtScaleZeroOrWhereTheStemFeedsThem) {
  EXPECT_EQ(start_set(grid_of(1)), 0b0001U);
  EXPECT_EQ(start_set(grid_of(4, testing::kFull)), 0b0001U);
  EXPECT_EQ(start_set(grid_of(1, testing::kMultires)), 0b1111U);
}

TEST(Gates, MustFitTheGridAndBeProbabilities) {
  const Grid grid = grid_of(2);
  EXPECT_NO_THROW(require_gates(grid, filled(grid, 1)));
  EXPECT_THROW(require_gates(grid, filled(grid, 1.1)), core::Error);
  EXPECT_THROW(require_gates(grid, filled(grid, std::nan(""))), core::Error);
  EXPECT_THROW(require_gates(grid, filled(grid_of(3), 0.5)), core::Error);
  EXPECT_THROW(require_gates(grid, {{0.5}, {0.5}}), core::Error);
  EXPECT_NO_THROW(require_values(grid, filled(grid, 1.1)));
  EXPECT_THROW(require_values(grid, {{0.5}, {0.5}}), core::Error);
}

}  // namespace
}  // namespace parsimony::differentiable
