// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/network/ops.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

// A map [N, C, H, W] times one factor for each channel of each picture, [N, C, 1, 1].
// Differentiable in both; kFast passes over the map once in either direction. Both may have an
// activation, with kFast.
Tensor scaled_channels(const FeatureMap& map, const FeatureMap& factors, Kernels kernels);

}  // namespace parsimony::network
