// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/half.h"

#include <bit>
#include <cmath>
#include <limits>

namespace parsimony::weights {
namespace {

constexpr std::uint16_t kHalfInfinity = 0x7c00;
constexpr std::uint16_t kHalfQuietNan = 0x7e00;
constexpr float kSmallestNormalHalf = 0x1p-14F;
constexpr float kSmallestHalf = 0x1p-24F;
// Halfway between the largest half (65504) and the next power of two: from here on it is infinity.
constexpr float kHalfOverflow = 65520.0F;

}  // namespace

float half_to_float(std::uint16_t bits) {
  const bool negative = (bits & 0x8000U) != 0;
  const int exponent = (bits >> 10U) & 0x1f;
  const auto fraction = static_cast<float>(bits & 0x3ffU);
  float magnitude = 0;
  if (exponent == 0) {
    magnitude = fraction * kSmallestHalf;
  } else if (exponent == 31) {
    magnitude = fraction == 0 ? std::numeric_limits<float>::infinity()
                              : std::numeric_limits<float>::quiet_NaN();
  } else {
    magnitude = std::ldexp(1024.0F + fraction, exponent - 25);
  }
  return negative ? -magnitude : magnitude;
}

float bfloat16_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

std::uint16_t float_to_half(float value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return sign | kHalfQuietNan;
  if (magnitude >= kHalfOverflow) return sign | kHalfInfinity;
  if (magnitude < kSmallestNormalHalf) {
    // Subnormal halves are multiples of 2^-24; nearbyint rounds to even in the default mode, and a
    // result of 1024 is the bit pattern of the smallest normal half, as it should be.
    return sign | static_cast<std::uint16_t>(std::nearbyint(magnitude / kSmallestHalf));
  }
  const auto bits = std::bit_cast<std::uint32_t>(magnitude);
  const std::uint32_t lowest_kept = (bits >> 13U) & 1U;
  const std::uint32_t rounded = bits + 0xfffU + lowest_kept;  // a carry runs into the exponent
  const std::uint32_t rebased = rounded - ((127U - 15U) << 23U);
  return sign | static_cast<std::uint16_t>(rebased >> 13U);
}

std::uint16_t float_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16U) | 0x40U);
  const std::uint32_t lowest_kept = (bits >> 16U) & 1U;
  return static_cast<std::uint16_t>((bits + 0x7fffU + lowest_kept) >> 16U);
}

}  // namespace parsimony::weights
