// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/network/feature_map.h"
#include "parsimony/network/ops.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

// The arithmetic of a training batch norm beside its passes over the map, per channel and in double
// precision.
struct BatchStatistics {
  Tensor mean, inverse_deviation;  // [C] double
  Tensor scale, shift;             // [C] fp32: y = scale x + shift
};
// Of sums [2, C] over `rows` pixels: of values and of their squares. Moves the running statistics
// where they are defined.
BatchStatistics batch_statistics(const Tensor& sums, std::int64_t rows, const NormState& state);

// The way back. With g the gradient behind the clamp, xhat = (x - mean) * s and m rows:
// dx = weight * s * (g - mean(g) - xhat * mean(g * xhat)), written as a * g + b * x + c.
struct BatchNormGradient {
  Tensor a, b, c;           // [C] fp32
  Tensor d_weight, d_bias;  // [C] fp32
};
// Of sums [2, C] over `rows` pixels: of g and of g x.
BatchNormGradient batch_norm_gradient(const Tensor& sums,
                                      std::int64_t rows,
                                      const Tensor& weight,
                                      const Tensor& mean,
                                      const Tensor& inverse_deviation);

}  // namespace parsimony::network
