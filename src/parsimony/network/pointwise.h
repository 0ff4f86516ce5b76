// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/network/feature_map.h"

namespace parsimony::network {

// The 1x1 convolution of stride 1 (weight [out, C, 1, 1], bias [out] or undefined) of one map, or
// of several of one size that are concatenated along their channels, C in all, without making the
// concatenation. The maps suit_own_loops(); their activations are done while they are read.
// Differentiable; results do not depend on the number of threads.
Tensor pointwise_convolution(const std::vector<FeatureMap>& parts,
                             const Tensor& weight,
                             const Tensor& bias);

}  // namespace parsimony::network
