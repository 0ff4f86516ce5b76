// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/decoding.h"

#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/cell.h"
#include "parsimony/differentiable/paths/testing.h"
#include "parsimony/space/grid_space.h"

namespace parsimony::differentiable {
namespace {

using testing::Paths;

class DecodingTest : public ::testing::Test {
 protected:
  Paths decoded(const DecodingOptions& options) const {
    return decode(grid_, gates_, costs_, options);
  }
  Grid grid_ = testing::grid_of(2);
  EdgeValues gates_ = {{0.9, 0.6}, {0.8, 0.45, 0.3, 0.7, 0.2}};
  GridCosts costs_ = {.edges = filled(grid_, 1),
                      .nodes = {{10, 10, 0, 0}, {10, 10, 10, 0}}};  // 57 in all
};

TEST_F(DecodingTest, FollowsTheRule) {
  EXPECT_EQ(decoded({}), (Paths{{{0, 0}, {0, 1}}, {{0, 0}, {1, 1}}}));
  EXPECT_EQ(decoded({.rule = DecodingRule::kTopK, .k = 1}),
            (Paths{{{0, 0}, {0, 1}}, {{0, 0}, {1, 1}, {1, 2}}}));
  EXPECT_EQ(decoded({.rule = DecodingRule::kThreshold, .threshold = 0.75}),
            (Paths{{{0, 0}}, {{0, 0}}}));
  EXPECT_EQ(decoded({.rule = DecodingRule::kViterbi}), (Paths{{{0, 0}}, {{0, 0}}}));
}

TEST_F(DecodingTest, CapsTheShareOfTheWholeGridsCost) {
  EXPECT_EQ(decoded({.cost_cap = 44.0 / 57}), decoded({}));  // of exactly that cost
  EXPECT_EQ(decoded({.cost_cap = 22.0 / 57}), (Paths{{{0, 0}}, {{0, 0}}}));
  EXPECT_THROW(decoded({.cost_cap = 21.0 / 57}), core::Error);
}

// Both searches together find a member of the space that a search by trials has: it has tokens.
TEST_F(DecodingTest, MakesAGenotypeWithADerivedCell) {
  const space::GridSpace space({.nodes = 2, .inputs = 1, .layers = 2});
  const CellCandidates candidates{.nodes = 2, .inputs = 1};
  core::Rng rng(1);
  for (int round = 0; round < 20; ++round) {
    Alphas alphas(mixed_edges(candidates).size(), std::vector<double>(candidates.ops.size()));
    for (auto& row : alphas) {
      for (double& alpha : row) alpha = rng.normal();
    }
    gates_ = testing::random_gates(grid_, rng);
    for (const DecodingRule rule : {DecodingRule::kDp,
                                    DecodingRule::kTopK,
                                    DecodingRule::kThreshold,
                                    DecodingRule::kViterbi}) {
      const space::GridGenotype found{
          .cell = derive_cell(candidates, operation_weights(alphas), {}),
          .layers = decoded({.rule = rule})};
      EXPECT_EQ(space.parse(space::to_text(found)), space.tokens(found));
      EXPECT_EQ(space.genotype(space.tokens(found)), found);
    }
  }
}

}  // namespace
}  // namespace parsimony::differentiable
