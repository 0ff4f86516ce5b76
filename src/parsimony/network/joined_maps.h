// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/network/ops.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

// Concatenation of maps [N, C_i, H, W] along the channels. Differentiable. LibTorch's own takes
// longer than the convolutions around it where channels come last and are few. Parts may have an
// activation, with kFast.
Tensor joined_maps(const std::vector<FeatureMap>& parts, Kernels kernels);

}  // namespace parsimony::network
