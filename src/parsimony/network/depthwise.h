// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/network/feature_map.h"

namespace parsimony::network {

// Depthwise convolutions of stride 1 that keep the size, with an odd kernel and any dilation, of
// channels-last maps that suit_own_loops(): as one operation, and together with the 1x1 convolution
// behind. Differentiable; activations of x are done while it is read. Results do not depend on the
// number of threads.

// weight [C, 1, k, k].
Tensor depthwise_convolution(const FeatureMap& x, const Tensor& weight, std::int64_t dilation);

// The pointwise convolution (weight [out, C, 1, 1], bias [out] or undefined) of the depthwise one.
// The map between them is neither stored nor kept: it is made again, a band of rows at a time, when
// the backward pass needs it.
Tensor separable_convolution(const FeatureMap& x,
                             const Tensor& depthwise,
                             std::int64_t dilation,
                             const Tensor& pointwise,
                             const Tensor& bias);

}  // namespace parsimony::network
