// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/path_regularizer.h"

#include <gtest/gtest.h>

#include "parsimony/differentiable/paths/path_losses.h"
#include "parsimony/differentiable/paths/sparse_mask.h"
#include "parsimony/differentiable/paths/testing.h"

namespace parsimony::differentiable {
namespace {

using testing::expect_gradient;
using testing::grid_of;

class PathRegularizerTest : public ::testing::Test {
 protected:
  double value(const PathRegularizerOptions& options, const Moment& moment) const {
    return path_regularizer(grid_, gates_, costs_, options, moment).value;
  }
  core::Rng rng_{1};
  Grid grid_ = grid_of(4);
  EdgeValues gates_ = testing::random_gates(grid_, rng_);
  GridCosts costs_ = testing::random_costs(grid_, rng_);
};

TEST_F(PathRegularizerTest, IsTheSumOfTheSpecWithEitherEntropy) {
  const double others = absolute_budget(grid_, gates_, costs_, 0.6).value +
                        0.001 * topology_disagreement(grid_, gates_).value;
  EXPECT_NEAR(value({.entropy_mean = EntropyMean::kPatterns}, {.lambda = 1, .share = 1}),
              pattern_entropy(grid_, gates_).value + others,
              1e-14);
  const double sum = layer_entropy(grid_, gates_).value + others;
  EXPECT_NEAR(value({}, {.lambda = 1, .share = 1}), sum, 1e-14);
  EXPECT_NEAR(value({}, {.lambda = 0.25, .share = 0.5}), 0.25 * sum, 1e-14);
  EXPECT_EQ(value({}, {.lambda = 0, .share = 0}), 0);
  expect_gradient(gates_, [this](const EdgeValues& gates) {
    return path_regularizer(grid_, gates, costs_, {}, {.lambda = 0.7, .share = 0.8});
  });
}

TEST_F(PathRegularizerTest, HasTheAlternativesAtTheirOwnWeights) {
  const PathRegularizerOptions sparse{.sparsifier = Sparsifier::kSparseMask,
                                      .budget = Budget::kNone};
  EXPECT_NEAR(value(sparse, {.lambda = 0.5, .share = 1}),
              0.5 * 0.01 * sparse_mask_of_nodes(grid_, gates_).value,
              1e-14);
  const PathRegularizerOptions squared{
      .sparsifier = Sparsifier::kNone, .budget = Budget::kSquared, .share = 0.1};
  const double full = 0.5 * squared_budget(grid_, gates_, costs_, 0.1).value;
  EXPECT_GT(full, 0);
  EXPECT_EQ(value(squared, {.lambda = 1, .share = 0.4}), 0);
  EXPECT_NEAR(value(squared, {.lambda = 1, .share = 0.41}), full / 2, 1e-12);
  EXPECT_NEAR(value(squared, {.lambda = 0, .share = 0.9}), full, 1e-14);
  const PathRegularizerOptions nothing{.sparsifier = Sparsifier::kNone, .budget = Budget::kNone};
  EXPECT_EQ(value(nothing, {.lambda = 1, .share = 1}), 0);
}

}  // namespace
}  // namespace parsimony::differentiable
