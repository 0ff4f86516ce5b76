// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/batch_statistics.h"

namespace parsimony::network {

BatchStatistics batch_statistics(const Tensor& sums, std::int64_t rows, const NormState& state) {
  const Tensor mean = sums[0] / static_cast<double>(rows);
  const Tensor variance = (sums[1] / static_cast<double>(rows) - mean * mean).clamp_min(0);
  const Tensor inverse_deviation = (variance + kNormEpsilon).rsqrt();
  if (state.running_mean.defined()) {
    const double unbiased =
        rows > 1 ? static_cast<double>(rows) / static_cast<double>(rows - 1) : 1.0;
    Tensor running_mean = state.running_mean;
    Tensor running_variance = state.running_variance;
    running_mean.mul_(1 - kNormMomentum).add_(mean.to(at::kFloat), kNormMomentum);
    running_variance.mul_(1 - kNormMomentum)
        .add_(variance.to(at::kFloat), kNormMomentum * unbiased);
  }
  const Tensor scale = state.weight.detach().to(at::kDouble) * inverse_deviation;
  return {mean,
          inverse_deviation,
          scale.to(at::kFloat),
          (state.bias.detach().to(at::kDouble) - mean * scale).to(at::kFloat)};
}

BatchNormGradient batch_norm_gradient(const Tensor& sums,
                                      std::int64_t rows,
                                      const Tensor& weight,
                                      const Tensor& mean,
                                      const Tensor& inverse_deviation) {
  const Tensor d_bias = sums[0];
  const Tensor d_weight = (sums[1] - mean * sums[0]) * inverse_deviation;  // sum of g * xhat
  const auto m = static_cast<double>(rows);
  const Tensor a = weight.to(at::kDouble) * inverse_deviation;
  const Tensor b = -a * inverse_deviation * d_weight / m;
  const Tensor c = -a * d_bias / m - b * mean;
  return {a.to(at::kFloat),
          b.to(at::kFloat),
          c.to(at::kFloat),
          d_weight.to(at::kFloat),
          d_bias.to(at::kFloat)};
}

}  // namespace parsimony::network
