// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/network/narrow/gradients.h"
#include "parsimony/network/narrow_convolution.h"

// Dense convolutions larger than 1x1, picture by picture.
namespace parsimony::network::narrow {

// Writes the convolution of x to `to`; where `sums` [N, 2, out] are defined, adds what each picture
// gives to a batch norm.
void dense_forward(const FeatureMap& x,
                   const NarrowConvolution& conv,
                   const Rows& to,
                   const Tensor& sums);

// The weight's gradient; the map's to `dx` where it is defined.
Tensor dense_backward(const FeatureMap& x,
                      const NarrowConvolution& conv,
                      const GradientReader& gradient,
                      const Tensor& dx);

}  // namespace parsimony::network::narrow
