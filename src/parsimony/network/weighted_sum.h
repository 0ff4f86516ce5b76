// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/network/feature_map.h"
#include "parsimony/network/ops.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

// Sum of maps [N, C, H, W], each times its weight, [K]. Differentiable in both; kFast writes the
// result once, whatever the number of maps, which may have an activation then.
Tensor weighted_sum(const std::vector<FeatureMap>& maps, const Tensor& weights, Kernels kernels);

}  // namespace parsimony::network
