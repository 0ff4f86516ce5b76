// SPDX-License-Identifier: Apache-2.0
#include "parsimony/metric/depth.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace parsimony::metric {
namespace {

DepthErrors errors(const std::vector<float>& truth, const std::vector<float>& predicted) {
  DepthErrors sums;
  sums.add(truth.data(), predicted.data(), static_cast<std::int64_t>(truth.size()));
  return sums;
}

TEST(DepthErrors, OfKnownValues) {
  // Ratios 1, 1.2, 1.5, 2 fall below 1.25, 1.25, 1.5625, and beyond 1.953.
  const DepthQuality q = errors({2, 1, 2, 4}, {2, 1.2F, 3, 2}).quality().value();
  EXPECT_NEAR(q.rmse, std::sqrt((0 + 0.04 + 1 + 4) / 4), 1e-6);
  EXPECT_NEAR(q.absolute_relative, (0 + 0.2 + 0.5 + 0.5) / 4, 1e-6);
  EXPECT_NEAR(q.squared_relative, (0 + 0.04 + 0.5 + 1) / 4, 1e-6);
  const double logs[] = {std::log(1.2), std::log(1.5), std::log(2)};
  EXPECT_NEAR(
      q.rmse_log, std::sqrt((logs[0] * logs[0] + logs[1] * logs[1] + logs[2] * logs[2]) / 4), 1e-6);
  EXPECT_NEAR(q.log10, (logs[0] + logs[1] + logs[2]) / std::log(10) / 4, 1e-6);
  EXPECT_DOUBLE_EQ(q.delta1, 0.5);
  EXPECT_DOUBLE_EQ(q.delta2, 0.75);
  EXPECT_DOUBLE_EQ(q.delta3, 0.75);
}

TEST(DepthErrors, AreZeroForThePerfectPrediction) {
  const DepthQuality q = errors({0.5F, 3, 80}, {0.5F, 3, 80}).quality().value();
  EXPECT_EQ(q.rmse, 0);
  EXPECT_EQ(q.rmse_log, 0);
  EXPECT_EQ(q.delta1, 1);
}

TEST(DepthErrors, TheBoundOfARatioIsNotWithinIt) {
  EXPECT_EQ(errors({4}, {5}).quality().value().delta1, 0);
  EXPECT_EQ(errors({4}, {5}).quality().value().delta2, 1);
}

TEST(DepthErrors, LeaveInvalidPixelsOut) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const DepthErrors sums = errors({0, -1, nan, infinity, 2}, {9, 9, 9, 9, 3});
  EXPECT_EQ(sums.pixels(), 1);
  EXPECT_DOUBLE_EQ(sums.quality().value().rmse, 1);
}

TEST(DepthErrors, HaveNoFiguresWhereAllIsInvalid) {
  EXPECT_FALSE(errors({0, 0}, {1, 2}).quality());
  EXPECT_FALSE(DepthErrors().quality());
}

TEST(DepthErrors, TakeADepthBelowZeroAsTheLeast) {
  const DepthQuality q = errors({1}, {-5}).quality().value();
  EXPECT_NEAR(q.rmse, 1 - DepthErrors::kLeast, 1e-6);
  EXPECT_TRUE(std::isfinite(q.rmse_log));
}

TEST(DepthErrors, OfAPredictionThatIsNoNumberAreNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const DepthQuality q = errors({1, 1}, {nan, 1}).quality().value();
  EXPECT_TRUE(std::isnan(q.rmse));
  EXPECT_DOUBLE_EQ(q.delta3, 0.5);
}

TEST(DepthErrors, OfPartsAddUp) {
  DepthErrors parts = errors({2, 1}, {2, 1.2F});
  parts.add(errors({2, 4}, {3, 2}));
  const DepthErrors whole = errors({2, 1, 2, 4}, {2, 1.2F, 3, 2});
  EXPECT_DOUBLE_EQ(parts.quality().value().rmse, whole.quality().value().rmse);
  EXPECT_DOUBLE_EQ(parts.quality().value().delta1, whole.quality().value().delta1);
}

}  // namespace
}  // namespace parsimony::metric
