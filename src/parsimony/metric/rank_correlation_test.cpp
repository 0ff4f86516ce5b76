// SPDX-License-Identifier: Apache-2.0
#include "parsimony/metric/rank_correlation.h"

#include <gtest/gtest.h>

#include <cmath>

namespace parsimony::metric {
namespace {

TEST(KendallTau, OfOrders) {
  EXPECT_DOUBLE_EQ(kendall_tau({1, 2, 3, 4}, {10, 20, 30, 40}), 1);
  EXPECT_DOUBLE_EQ(kendall_tau({1, 2, 3, 4}, {4, 3, 2, 1}), -1);
  // Five pairs alike, one swapped.
  EXPECT_DOUBLE_EQ(kendall_tau({1, 2, 3, 4}, {1, 2, 4, 3}), 4.0 / 6);
}

TEST(KendallTau, TiesCountOnNeitherSide) {
  // Of six pairs, a ties one and b another: four alike, five untied in each.
  EXPECT_DOUBLE_EQ(kendall_tau({1, 1, 2, 3}, {1, 2, 3, 3}), 4.0 / 5);
  EXPECT_DOUBLE_EQ(kendall_tau({1, 1, 1}, {1, 2, 3}), 0);
  EXPECT_DOUBLE_EQ(kendall_tau({}, {}), 0);
}

TEST(KendallTau, NeedsListsOfOneLength) {
  EXPECT_ANY_THROW(kendall_tau({1, 2}, {1}));
}

TEST(SpearmanRho, OfOrdersAndTies) {
  EXPECT_DOUBLE_EQ(spearman_rho({1, 2, 3, 4}, {10, 20, 300, 400}), 1);
  EXPECT_DOUBLE_EQ(spearman_rho({1, 2, 3, 4}, {4, 3, 2, 1}), -1);
  // Squared differences of ranks 0, 0, 1, 1: 1 - 6 x 2 / (4 x 15).
  EXPECT_DOUBLE_EQ(spearman_rho({1, 2, 3, 4}, {1, 2, 4, 3}), 0.8);
  // Ranks 1.5, 1.5, 3 against 1, 2, 3: covariance 1.5, variances 1.5 and 2.
  EXPECT_DOUBLE_EQ(spearman_rho({5, 5, 7}, {1, 2, 3}), 1.5 / std::sqrt(3.0));
  EXPECT_DOUBLE_EQ(spearman_rho({1, 1, 1}, {1, 2, 3}), 0);
  EXPECT_ANY_THROW(spearman_rho({1, 2}, {1}));
}

}  // namespace
}  // namespace parsimony::metric
