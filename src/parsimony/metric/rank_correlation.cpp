// SPDX-License-Identifier: Apache-2.0
#include "parsimony/metric/rank_correlation.h"

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::metric {
namespace {

int sign(double x) {
  return (x > 0) - (x < 0);
}

// 1 for the smallest; equal values share the mean of their ranks.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<double> result;
  for (const double value : values) {
    const auto smaller = std::ranges::count_if(values, [value](double v) { return v < value; });
    const auto equal = std::ranges::count(values, value);
    result.push_back(static_cast<double>(smaller) + 0.5 * static_cast<double>(equal + 1));
  }
  return result;
}

}  // namespace

double kendall_tau(const std::vector<double>& a, const std::vector<double>& b) {
  core::require(a.size() == b.size(), "{} scores against {}", a.size(), b.size());
  double agreement = 0;
  double untied_a = 0;
  double untied_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const int order_a = sign(a[i] - a[j]);
      const int order_b = sign(b[i] - b[j]);
      agreement += order_a * order_b;
      untied_a += order_a != 0 ? 1 : 0;
      untied_b += order_b != 0 ? 1 : 0;
    }
  }
  if (untied_a == 0 || untied_b == 0) return 0;
  return agreement / std::sqrt(untied_a * untied_b);
}

double spearman_rho(const std::vector<double>& a, const std::vector<double>& b) {
  core::require(a.size() == b.size(), "lists of {} and {} scores", a.size(), b.size());
  const std::vector<double> ranks_a = ranks(a);
  const std::vector<double> ranks_b = ranks(b);
  const double mean = 0.5 * static_cast<double>(a.size() + 1);
  double together = 0, alone_a = 0, alone_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    together += (ranks_a[i] - mean) * (ranks_b[i] - mean);
    alone_a += (ranks_a[i] - mean) * (ranks_a[i] - mean);
    alone_b += (ranks_b[i] - mean) * (ranks_b[i] - mean);
  }
  return alone_a == 0 || alone_b == 0 ? 0 : together / std::sqrt(alone_a * alone_b);
}

}  // namespace parsimony::metric
