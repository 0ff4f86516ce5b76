// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/parity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "parsimony/core/error.h"

namespace parsimony::deploy {
namespace {

TEST(Parity, MeasuresDifferenceAndAgreement) {
  const std::vector<float> reference = {1, 2, 8, 4, 3, 2, 1, 0};  // two channels of four pixels
  const std::vector<float> actual = {1, 4, 8, 4, 3, 2, 9, 0};
  const Parity parity = compare(reference, actual, 2);
  EXPECT_EQ(parity.max_difference, 8);
  EXPECT_EQ(parity.max_reference, 8);
  EXPECT_EQ(parity.relative(), 1);
  EXPECT_EQ(parity.class_agreement, 0.75);  // pixel 2 changes its class
  EXPECT_TRUE(parity.passes(1));
  EXPECT_FALSE(parity.passes(0.99));
}

TEST(Parity, OfEqualArraysIsPerfect) {
  const std::vector<float> zeros(6, 0.0F);
  const Parity parity = compare(zeros, zeros, 3);
  EXPECT_TRUE(parity.passes(0));
  EXPECT_EQ(parity.class_agreement, 1);
}

TEST(Parity, NeverPassesWhatIsNotFinite) {
  const std::vector<float> good = {1, 2};
  for (const float bad : {NAN, INFINITY}) {
    const std::vector<float> broken = {bad, 2};
    EXPECT_FALSE(compare(good, broken, 1).passes(1e30));
    EXPECT_FALSE(compare(broken, good, 1).passes(1e30));
    EXPECT_FALSE(compare(broken, broken, 1).passes(1e30));
  }
}

TEST(Parity, DifferenceFromZeroNeverPasses) {
  EXPECT_FALSE(compare(std::vector<float>{0}, std::vector<float>{1e-9F}, 1).passes(1));
}

TEST(Parity, RefusesSizesThatDoNotFit) {
  const std::vector<float> three(3);
  const std::vector<float> two(2);
  EXPECT_THROW(compare(three, two, 1), core::Error);
  EXPECT_THROW(compare(three, three, 2), core::Error);
  EXPECT_THROW(compare({}, {}, 1), core::Error);
}

}  // namespace
}  // namespace parsimony::deploy
