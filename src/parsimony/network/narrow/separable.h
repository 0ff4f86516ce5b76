// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/network/narrow/gradients.h"
#include "parsimony/network/narrow_convolution.h"

// A depthwise convolution, in fp32, and the pointwise one behind it, a band of rows at a time.
namespace parsimony::network::narrow {

// Writes both convolutions of x to `to`; where `sums` [N, 2, out] are defined, adds what each
// picture gives to a batch norm.
void separable_forward(const FeatureMap& x,
                       const NarrowConvolution& conv,
                       const Rows& to,
                       const Tensor& sums);

// Of the weights; the map's gradient to `dx` where it is defined.
struct SeparableGradient {
  Tensor depthwise, weight;
};
SeparableGradient separable_backward(const FeatureMap& x,
                                     const NarrowConvolution& conv,
                                     const GradientReader& gradient,
                                     const Tensor& dx);

}  // namespace parsimony::network::narrow
