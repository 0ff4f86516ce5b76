// SPDX-License-Identifier: Apache-2.0
#include "parsimony/metric/rank_correlation.h"

#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::metric {
namespace {

int sign(double x) {
  return (x > 0) - (x < 0);
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

}  // namespace parsimony::metric
