// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/pattern_distribution.h"

#include "parsimony/core/error.h"

namespace parsimony::differentiable {

PatternDistribution::PatternDistribution(std::span<const double> gates)
    : gates_(gates.begin(), gates.end()) {
  core::require(gates.size() <= 16, "patterns of {} edges, expected 16 at most", gates.size());
  products_.push_back({1});
  for (const double open : gates_) {
    const std::vector<double>& before = products_.back();
    const std::size_t half = before.size();
    std::vector<double> products(2 * half);
    for (std::size_t q = 0; q < half; ++q) {
      products[q] = before[q] * (1 - open);
      products[half + q] = before[q] * open;
    }
    products_.push_back(std::move(products));
    any_open_ += open * (1 - any_open_);  // no cancellation where all gates are small
  }
  core::require(any_open_ > 0, "all gates of a layer are 0: no pattern is possible");

  probabilities_ = products_.back();
  for (double& probability : probabilities_) probability /= any_open_;
  probabilities_[0] = 0;
}

std::vector<double> PatternDistribution::backward(std::span<const double> gradient) const {
  core::require(gradient.size() == probabilities_.size(),
                "a gradient of {} values for {} patterns",
                gradient.size(),
                probabilities_.size());
  // By products of all edges. The empty product enters through the divisor, which is 1 less it.
  std::vector<double> slope(gradient.begin(), gradient.end());
  double through_divisor = 0;
  for (std::size_t q = 1; q < slope.size(); ++q) {
    through_divisor += gradient[q] * probabilities_[q];
    slope[q] /= any_open_;
  }
  slope[0] = through_divisor / any_open_;

  std::vector<double> by_gate(gates_.size(), 0.0);
  for (std::size_t e = gates_.size(); e-- > 0;) {
    const std::vector<double>& before = products_[e];
    const std::size_t half = before.size();
    for (std::size_t q = 0; q < half; ++q) {
      by_gate[e] += before[q] * (slope[half + q] - slope[q]);
      slope[q] = slope[q] * (1 - gates_[e]) + slope[half + q] * gates_[e];
    }
  }
  return by_gate;
}

}  // namespace parsimony::differentiable
