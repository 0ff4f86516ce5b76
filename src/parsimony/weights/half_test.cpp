// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace parsimony::weights {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Half, EveryPatternSurvivesWideningAndNarrowing) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const float half = half_to_float(pattern);
    const float brain = bfloat16_to_float(pattern);
    if (std::isnan(half)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(half)))) << bits;
    } else {
      EXPECT_EQ(float_to_half(half), pattern) << bits;
    }
    if (std::isnan(brain)) {
      EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(brain)))) << bits;
    } else {
      EXPECT_EQ(float_to_bfloat16(brain), pattern) << bits;
    }
  }
}

TEST(Half, HasTheValuesOfTheStandard) {
  EXPECT_EQ(half_to_float(0x3c00), 1.0F);
  EXPECT_EQ(half_to_float(0xc000), -2.0F);
  EXPECT_EQ(half_to_float(0x7bff), 65504.0F);
  EXPECT_EQ(half_to_float(0x0001), std::ldexp(1.0F, -24));
  EXPECT_EQ(half_to_float(0x3555), 0.333251953125F);
  EXPECT_EQ(half_to_float(0x7c00), kInfinity);
  EXPECT_TRUE(std::signbit(half_to_float(0x8000)));
  EXPECT_EQ(bfloat16_to_float(0x3f80), 1.0F);
  EXPECT_EQ(bfloat16_to_float(0xc040), -3.0F);
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(float_to_half(1.0F + std::ldexp(1.0F, -11)), 0x3c00);   // tie, down to even
  EXPECT_EQ(float_to_half(1.0F + std::ldexp(3.0F, -11)), 0x3c02);   // tie, up to even
  EXPECT_EQ(float_to_half(1.0F + std::ldexp(1.01F, -11)), 0x3c01);  // above the tie
  EXPECT_EQ(float_to_half(std::ldexp(1.0F, -25)), 0x0000);          // tie with zero
  EXPECT_EQ(float_to_half(std::ldexp(1.5F, -25)), 0x0001);
  EXPECT_EQ(float_to_half(std::nextafter(std::ldexp(1.0F, -14), 0.0F)), 0x0400);
  EXPECT_EQ(float_to_half(65519.0F), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0F), 0x7c00);
  EXPECT_EQ(float_to_half(-1e30F), 0xfc00);
  EXPECT_EQ(float_to_bfloat16(1.0F + std::ldexp(1.0F, -8)), 0x3f80);
  EXPECT_EQ(float_to_bfloat16(1.0F + std::ldexp(3.0F, -8)), 0x3f82);
  EXPECT_EQ(float_to_bfloat16(std::numeric_limits<float>::max()), 0x7f80);
}

}  // namespace
}  // namespace parsimony::weights
