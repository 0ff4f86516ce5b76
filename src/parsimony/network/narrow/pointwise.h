// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/network/narrow/gradients.h"
#include "parsimony/network/narrow_convolution.h"

// Pointwise convolutions of one map, or of several that are concatenated.
namespace parsimony::network::narrow {

// Pixels that are worked on at once.
inline constexpr std::int64_t kPixelChunk = 512;
inline std::int64_t chunk_count(std::int64_t pixels) {
  return (pixels + kPixelChunk - 1) / kPixelChunk;
}

// Writes the convolution of the maps' `pixels` to `to`; where `sums` [chunk_count(pixels), 2, out]
// are defined, adds what each chunk gives to a batch norm.
void pointwise_forward(const std::vector<FeatureMap>& maps,
                       const NarrowConvolution& conv,
                       const Rows& to,
                       std::int64_t pixels,
                       const Tensor& sums);

// The weight's gradient; the maps' to those of `dx` that are defined.
Tensor pointwise_backward(const std::vector<FeatureMap>& maps,
                          const NarrowConvolution& conv,
                          const GradientReader& gradient,
                          std::int64_t pixels,
                          const std::vector<Tensor>& dx);

}  // namespace parsimony::network::narrow
