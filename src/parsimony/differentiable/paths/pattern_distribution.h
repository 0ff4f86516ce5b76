// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace parsimony::differentiable {

// How probable each pattern of open edges of a layer is when its edges open independently of each
// other and not all of them stay closed (He et al., DiNTS, CVPR 2021; spec rspnet 6):
//
//   P(q) = PROD_{e in q} p_e * PROD_{e not in q} (1 - p_e) / (1 - PROD_e (1 - p_e))
//
// All products are built edge by edge, each from one of half as many edges, so 2^E patterns take
// 2^(E+1) multiplications, and so does the way back. Neither divides by a gate: gates of exactly 0
// and 1 are fine, except that at least one must be above 0.
class PatternDistribution {
 public:
  // An internal error if all gates are 0, or if there are more than 16.
  explicit PatternDistribution(std::span<const double> gates);

  // By pattern (bit e: edge e is open), [2^E]; that of the empty pattern is 0.
  std::span<const double> probabilities() const { return probabilities_; }

  // Given how a loss depends on the probabilities, [2^E], how it depends on the gates, [E].
  std::vector<double> backward(std::span<const double> gradient) const;

 private:
  std::vector<double> gates_;
  std::vector<std::vector<double>> products_;  // of the first k edges, [E + 1][2^k]
  double any_open_ = 0;                        // 1 - PROD_e (1 - p_e)
  std::vector<double> probabilities_;
};

}  // namespace parsimony::differentiable
