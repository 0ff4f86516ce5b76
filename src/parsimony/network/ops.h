// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

#include "parsimony/graph/graph.h"
#include "parsimony/network/feature_map.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

// How layers are computed. kReference is plain LibTorch in its default layout; kFast is
// channels-last with Parsimony's own kernels where they exist and the tensors suit them (fp32 on a
// CPU), LibTorch elsewhere. Both give the same values up to rounding; tests hold them together.
enum class Kernels { kReference, kFast };

// Convolutions that have loops of their own, and so can read a map with its activation undone; of
// these, the ones of depthwise.h and of pointwise.h.
bool applies_activation(const graph::Conv& conv);
bool is_own_depthwise(const graph::Conv& conv);
bool is_pointwise(const graph::Conv& conv);
// Odd kernel, stride 1, as much padding as the kernel reaches.
bool keeps_size(const graph::Conv& conv);

// Convolution of x [N, C, H, W] with zero padding; bias may be undefined. Differentiable. Only a
// convolution that applies_activation() may get a map with one, and only if the map
// suits_own_loops().
Tensor convolution(const FeatureMap& x,
                   const Tensor& weight,
                   const Tensor& bias,
                   const graph::Conv& conv,
                   Kernels kernels);

// What a ReLU does to its map; without one, nothing.
struct Clamp {
  float floor = -std::numeric_limits<float>::infinity();
  float ceiling = std::numeric_limits<float>::infinity();
  bool operator==(const Clamp&) const = default;
  static const Clamp kNone, kRelu, kRelu6;
};
inline constexpr Clamp Clamp::kNone = {};
inline constexpr Clamp Clamp::kRelu = {.floor = 0};
inline constexpr Clamp Clamp::kRelu6 = {.floor = 0, .ceiling = 6};
Clamp clamp_of(const graph::Relu& relu);
Tensor clamped(const Tensor& x, Clamp clamp);

// Batch norm over (N, H, W), then ReLU when wanted, as one operation. Training: batch statistics,
// running ones, where defined, updated (momentum 0.1, unbiased variance); evaluation: running
// statistics.
struct NormState {
  Tensor weight, bias;                    // [C]
  Tensor running_mean, running_variance;  // [C], no gradient
};
Tensor norm_clamp(
    const Tensor& x, const NormState& state, bool training, Clamp clamp, Kernels kernels);
// The same in training with kFast, left to be done by those who read the map. The gradient of the
// result's values is that of what norm_clamp() would return. Takes x over: nobody else may read
// it, and the backward pass, of which there may be one, leaves its gradient in its place.
FeatureMap deferred_norm_clamp(const Tensor& x, const NormState& state, Clamp clamp);

// Mean over a map's pixels, [N, C, 1, 1]. Differentiable.
Tensor pixel_mean(const FeatureMap& x, Kernels kernels);

// Bilinear resampling to [N, C, height, width], align_corners = false. A 1x1 map is broadcast
// without a copy; an equal size is returned as it is. Plain LibTorch on every
// device; the sums of a plan go through map_sum (map_sum.h) where they can.
Tensor resize_bilinear(const Tensor& x, std::int64_t height, std::int64_t width);

inline constexpr double kNormEpsilon = 1e-5;
inline constexpr double kNormMomentum = 0.1;

}  // namespace parsimony::network
