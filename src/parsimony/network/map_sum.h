// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/network/ops.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

// Sum of maps [N, C, h_i, w_i], each resized bilinearly to [height, width] (align_corners = false)
// where it has another size, then ReLU when wanted. One term is a resize. Differentiable; kFast
// writes the result once, whatever the number of terms, and stores no resized map. A
// term may have an activation, with kFast.
Tensor map_sum(const std::vector<FeatureMap>& terms,
               std::int64_t height,
               std::int64_t width,
               bool relu,
               Kernels kernels);

}  // namespace parsimony::network
