// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

namespace parsimony::differentiable {

// Added within logarithms of probabilities, as in DiNTS' reference code (spec rspnet 6).
inline constexpr double kLogFloor = 1e-5;

// -p log(p + 1e-5) and its derivative.
struct EntropyTerm {
  double value = 0, slope = 0;
};

inline EntropyTerm entropy_term(double p) {
  const double floored = p + kLogFloor, log_p = std::log(floored);
  return {.value = -p * log_p, .slope = -log_p - p / floored};
}

}  // namespace parsimony::differentiable
