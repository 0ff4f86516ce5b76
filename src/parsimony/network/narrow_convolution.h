// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/network/feature_map.h"
#include "parsimony/network/ops.h"

namespace parsimony::network {

// Convolutions of narrow maps (narrow_maps.h) on the processor's tiles or vectors
// (simd/bf16_loops.h): factors are bf16, products are summed in fp32, results are bf16 again. Mixed
// precision as in Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training", 2019: weights,
// their gradients and all that batch norm computes stay fp32 and above, and bf16 has the range of
// fp32, so that losses need no scaling. A batch norm behind the convolution is computed along with
// it: its sums while results are in the cache, its gradient while the convolution's own backward
// pass reads it.

// Which convolution: a depthwise one first where `depthwise` is defined, [C, 1, k, k]; then the
// dense one of `weight`, [out, C, k, k], 1x1 of several maps or behind a depthwise one. Both have
// an odd kernel, stride 1 and keep the map's size.
struct NarrowConvolution {
  Tensor depthwise;
  std::int64_t depthwise_dilation = 1;
  Tensor weight;
  std::int64_t dilation = 1;
  Tensor bias;  // [out] or undefined
};

// Of one map, or of several that are concatenated along their channels. All are narrow; activations
// are done while they are read. The result is fp32 where it is `wide`. Differentiable where the
// clamp is Clamp::kNone. Results do not depend on the number of threads.
Tensor narrow_convolution(const std::vector<FeatureMap>& parts,
                          const NarrowConvolution& convolution,
                          bool wide,
                          Clamp clamp);

// The same with a training batch norm and its clamp behind it, left to be done by those who read
// the map (ops.h: deferred_norm_clamp).
FeatureMap narrow_convolution_norm(const std::vector<FeatureMap>& parts,
                                   const NarrowConvolution& convolution,
                                   const NormState& norm,
                                   Clamp clamp);

// A narrow map with its activation done. Differentiable.
Tensor finished_narrow(const FeatureMap& x);

}  // namespace parsimony::network
