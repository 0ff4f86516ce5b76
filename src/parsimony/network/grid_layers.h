// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/core/rng.h"
#include "parsimony/graph/graph.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

// What a path-attention layer learns; graph/path_attention.h says what of it. Undefined where the
// layer has none.
struct AttentionState {
  Tensor gamma;          // [K]
  Tensor hidden_weight;  // [r, C]
  Tensor hidden_bias;    // [r]
  Tensor score_weight;   // [r]
  Tensor score_bias;     // [1]
  Tensor content;        // [N, K], what the last maps scored, without gradient; where they do
};

// The weights of the maps [N, C, H, W] for each picture, [N, K]. Differentiable.
Tensor fusion_weights(const graph::PathAttention& gate,
                      AttentionState& state,
                      const std::vector<Tensor>& maps);
// The maps' sum with these weights.
Tensor path_attention(const graph::PathAttention& gate,
                      AttentionState& state,
                      const std::vector<Tensor>& maps);

// x with each value dropped with probability `rate`, the others divided by 1 - rate. Which ones is
// decided by `rng`, the device and the number of values alone.
Tensor dropped_out(const Tensor& x, double rate, core::Rng rng);

// The same for whole pictures.
Tensor dropped_pictures(const Tensor& x, double rate, core::Rng rng);

// Channels cut into runs and dealt out in turn (graph::Shuffle); a copy with channels last.
Tensor shuffled_channels(const Tensor& x, std::int64_t groups);

}  // namespace parsimony::network
