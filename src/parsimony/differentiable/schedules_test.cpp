// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/schedules.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

using Golden = std::vector<std::pair<int, double>>;  // by epoch

constexpr Phase kForty{.begin = 0, .end = 40};

// Spec rspnet 10, test 4.
TEST(Cosine, MeetsTheGoldenValues) {
  for (const auto& [epoch, rate] :
       Golden{{0, 0.025}, {10, 0.021485}, {20, 0.013}, {30, 0.004515}, {39, 0.001037}})
    EXPECT_NEAR(cosine({.from = 0.025, .to = 0.001}, progress(kForty, epoch)), rate, 5e-7) << epoch;
}

TEST(SdartsEpsilon, MeetsTheGoldenValues) {
  for (const auto& [epoch, epsilon] : Golden{{0, 0.03}, {10, 0.0975}, {20, 0.165}, {39, 0.29325}})
    EXPECT_NEAR(linear({.from = 0.03, .to = 0.3}, progress(kForty, epoch)), epsilon, 1e-12)
        << epoch;
}

TEST(SkipDropout, MeetsTheGoldenValues) {
  for (const auto& [epoch, rate] : Golden{{10, 0.4}, {15, 0.1472}, {24, 0.0243}})
    EXPECT_NEAR(skip_dropout(0.4, 10, epoch), rate, 5e-5) << epoch;
  EXPECT_EQ(skip_dropout(0.4, 10, 3), 0.4);
}

// lambda, the auxiliary skip of DARTS- and the temperature: epochs 20 to 59 of the path search.
TEST(Ramp, RunsFromTheEndOfTheWarmUpToTheLastEpoch) {
  const Phase phase{.begin = 20, .end = 60};
  for (const auto& [epoch, lambda] :
       Golden{{0, 0}, {20, 0}, {21, 1 / 39.0}, {40, 20 / 39.0}, {59, 1}, {60, 1}}) {
    EXPECT_NEAR(linear({.from = 0, .to = 1}, ramp(phase, epoch)), lambda, 1e-12) << epoch;
    EXPECT_NEAR(linear({.from = 1, .to = 0}, ramp(phase, epoch)), 1 - lambda, 1e-12) << epoch;
    EXPECT_NEAR(linear({.from = 1, .to = 0.3}, ramp(phase, epoch)), 1 - 0.7 * lambda, 1e-12)
        << epoch;
  }
  EXPECT_EQ(ramp({.begin = 5, .end = 6}, 5), 1);
  EXPECT_EQ(ramp({.begin = 5, .end = 6}, 4), 0);
  EXPECT_THROW(ramp({.begin = 5, .end = 5}, 5), core::Error);
}

TEST(Progress, IsCompleteAfterTheLastEpoch) {
  EXPECT_EQ(progress({.begin = 10, .end = 20}, 5), 0);
  EXPECT_EQ(progress({.begin = 10, .end = 20}, 19), 0.9);
  EXPECT_EQ(progress({.begin = 10, .end = 20}, 25), 1);
}

// Spec rspnet 6: on after 40 % of the training, at full weight 2 % later.
TEST(BudgetRamp, RisesBehindItsBeginning) {
  EXPECT_EQ(budget_ramp(0.4, 0.02, 0.4), 0);
  EXPECT_NEAR(budget_ramp(0.4, 0.02, 0.405), 0.25, 1e-12);
  EXPECT_EQ(budget_ramp(0.4, 0.02, 0.5), 1);
  EXPECT_EQ(budget_ramp(0.4, 0, 0.41), 1);
}

}  // namespace
}  // namespace parsimony::differentiable
