// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/schedules.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

void require_epochs(const Phase& phase) {
  core::require(
      phase.end > phase.begin, "a phase of no epochs, from {} to {}", phase.begin, phase.end);
}

}  // namespace

double progress(const Phase& phase, int epoch) {
  require_epochs(phase);
  const double share = static_cast<double>(epoch - phase.begin) / (phase.end - phase.begin);
  return std::clamp(share, 0.0, 1.0);
}

double ramp(const Phase& phase, int epoch) {
  require_epochs(phase);
  if (epoch >= phase.end - 1) return 1;
  if (epoch <= phase.begin) return 0;
  return progress({.begin = phase.begin, .end = phase.end - 1}, epoch);
}

double linear(const Range& range, double share) {
  return std::lerp(range.from, range.to, share);
}

double cosine(const Range& range, double share) {
  return linear(range, (1 - std::cos(std::numbers::pi * share)) / 2);
}

double skip_dropout(double rate, int alphas_begin, int epoch) {
  constexpr double kDecay = 0.2;
  return rate * std::exp(-kDecay * std::max(0, epoch - alphas_begin));
}

double budget_ramp(double begin, double rise, double share) {
  if (share <= begin) return 0;
  return rise == 0 ? 1 : std::min(1.0, (share - begin) / rise);
}

}  // namespace parsimony::differentiable
