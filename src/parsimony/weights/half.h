// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace parsimony::weights {

// IEEE 754 binary16 and bfloat16 as bit patterns. Widening is exact, narrowing rounds to nearest
// even and turns what is too large into infinity.
float half_to_float(std::uint16_t bits);
float bfloat16_to_float(std::uint16_t bits);
std::uint16_t float_to_half(float value);
std::uint16_t float_to_bfloat16(float value);

}  // namespace parsimony::weights
