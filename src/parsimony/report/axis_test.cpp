// SPDX-License-Identifier: Apache-2.0
#include "parsimony/report/axis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace parsimony::report {
namespace {

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> texts;
  for (const Tick& tick : axis.ticks) texts.push_back(tick.label);
  return texts;
}

TEST(Axis, TicksAreRoundAndCoverTheRange) {
  const Axis axis = make_axis({0.31, 0.78}, {});
  EXPECT_THAT(labels(axis), testing::ElementsAre("0.3", "0.4", "0.5", "0.6", "0.7", "0.8"));
  EXPECT_GT(axis.place(0.31), 0);
  EXPECT_LT(axis.place(0.78), 1);
}

TEST(Axis, WideRangesOfCountsAreLogarithmic) {
  const Axis axis = make_axis({40e3, 2.2e6}, {.counts = true, .may_be_log = true});
  EXPECT_TRUE(axis.logarithmic);
  EXPECT_EQ(axis.prefix, "M");
  EXPECT_THAT(labels(axis), testing::ElementsAre("0.05", "0.1", "0.2", "0.5", "1", "2"));
  EXPECT_NEAR(axis.place(std::sqrt(axis.low * axis.high)), 0.5, 1e-9);
  EXPECT_FALSE(make_axis({1e6, 2e6}, {.counts = true, .may_be_log = true}).logarithmic);
  EXPECT_FALSE(make_axis({0, 2e6}, {.counts = true, .may_be_log = true}).logarithmic);
}

TEST(Axis, SharesAreLabelledInPercent) {
  const Axis axis = make_axis({0.24, 0.3}, {.percent = true});
  EXPECT_EQ(axis.prefix, "%");
  EXPECT_THAT(labels(axis), testing::ElementsAre("24", "26", "28", "30"));
}

TEST(Axis, WholeNumbersHaveWholeTicks) {
  EXPECT_THAT(labels(make_axis({1, 3}, {.whole = true})), testing::ElementsAre("1", "2", "3"));
}

TEST(Axis, EveryInputGivesAUsableAxis) {
  const std::vector<std::vector<double>> inputs = {
      {}, {0}, {5}, {-3}, {1e-9}, {7e9, 7e9}, {-1, 1}, {1e-30, 1e30}};
  for (const auto& values : inputs) {
    for (const AxisOptions& options : {AxisOptions{},
                                       AxisOptions{.counts = true, .may_be_log = true},
                                       AxisOptions{.whole = true, .from_zero = true}}) {
      const Axis axis = make_axis(values, options);
      EXPECT_LT(axis.low, axis.high);
      EXPECT_LE(axis.ticks.size(), 12u);
      for (const double value : values) {
        EXPECT_GE(axis.place(value), 0);
        EXPECT_LE(axis.place(value), 1);
      }
    }
  }
}

}  // namespace
}  // namespace parsimony::report
