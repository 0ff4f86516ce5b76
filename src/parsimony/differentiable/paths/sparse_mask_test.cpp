// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/sparse_mask.h"

#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/paths/testing.h"

namespace parsimony::differentiable {
namespace {

using testing::expect_gradient;
using testing::grid_of;
using testing::random_gates;

// Spec rspnet 6.
TEST(SparseMask, MeetsTheGoldenValues) {
  EXPECT_NEAR(sparse_mask(std::vector<double>(6, 1.0), 1.0 / 3).value, 1.386294, 5e-7);
  EXPECT_NEAR(sparse_mask(std::vector<double>{2, 2, 0, 0, 0, 0}, 1.0 / 3).value, 0.636514, 5e-7);
}

TEST(SparseMask, KeepsTwoConnectionsOrHalfOfFew) {
  EXPECT_EQ(sparse_mask_share(1), 0.5);
  EXPECT_EQ(sparse_mask_share(4), 0.5);
  EXPECT_DOUBLE_EQ(sparse_mask_share(6), 1.0 / 3);
}

TEST(SparseMask, HasItsGradient) {
  const std::vector<double> weights{0.2, 1.9, 1, 0.7};
  const SparseMaskLoss loss = sparse_mask(weights, 0.4);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    std::vector<double> ahead = weights, behind = weights;
    ahead[k] += 1e-5;
    behind[k] -= 1e-5;
    const double slope = (sparse_mask(ahead, 0.4).value - sparse_mask(behind, 0.4).value) / 2e-5;
    EXPECT_NEAR(loss.gradient[k], slope, 1e-8) << "weight " << k;
  }
}

TEST(SparseMask, HasFiniteSlopesAtTheEnds) {
  for (const double end : {0.0, 2.0}) {
    const SparseMaskLoss loss = sparse_mask(std::vector<double>(3, end), 0.5);
    EXPECT_TRUE(std::isfinite(loss.value)) << "weights of " << end;
    for (const double slope : loss.gradient)
      EXPECT_TRUE(std::isfinite(slope)) << "weights of " << end;
  }
  EXPECT_THROW(sparse_mask(std::vector<double>{2.1}, 0.5), core::Error);
  EXPECT_THROW(sparse_mask(std::vector<double>{}, 0.5), core::Error);
}

TEST(SparseMask, OfAGridIsTheSumOverNodesWithAChoice) {
  core::Rng rng(1);
  const Grid grid = grid_of(2);
  const EdgeValues gates = random_gates(grid, rng);
  // Edges of layer 2: 00, 01, 10, 11, 12. Layer 1 and scale 2 have one entering edge per node.
  const std::vector<double> to_0{2 * gates[1][0], 2 * gates[1][2]};
  const std::vector<double> to_1{2 * gates[1][1], 2 * gates[1][3]};
  EXPECT_NEAR(sparse_mask_of_nodes(grid, gates).value,
              sparse_mask(to_0, 0.5).value + sparse_mask(to_1, 0.5).value,
              1e-14);
  for (const Grid& larger : {grid_of(4), grid_of(3, testing::kFull)}) {
    expect_gradient(random_gates(larger, rng),
                    [&](const EdgeValues& at) { return sparse_mask_of_nodes(larger, at); });
  }
}

}  // namespace
}  // namespace parsimony::differentiable
