// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/graph/graph.h"

namespace parsimony::graph {

// What the layer PathAttention computes (spec rspnet 4.5). Of maps x_k [N, C, H, W], for each
// picture:
//
//   q_k = mean over the pixels of ReLU(x_k)      behind a batch norm the plain mean is about 0
//   e_k = gamma_k + v . ReLU(W q_k + b) + v0     W [r, C], r = max(8, C / 16), shared by all k
//   y   = sum over k of w_k x_k                  w = fusion_weights(e)
//
// Without content (dynamic = false) e_k = gamma_k. Weights, under the node's name: hidden_weight
// [r, C] (W), hidden_bias [r] (b), score_weight [r] (v), score_bias [1] (v0), gamma [K].
//
// The weights of maps with scores e, at temperature t:
//
//   kConditionalSigmoid  p_k / (1 - product of (1 - p_j)), p = sigmoid(e / t): independent gates,
//                        given that not all are closed (after DiNTS, He et al., CVPR 2021)
//   kSoftmax             softmax(e / t)
//   kReluTanh            max(0, tanh(e_k)) (Dynamic Routing, Li et al., CVPR 2020)
//   kHardTopK            1 / k for the k largest e, of equals the first, 0 for the others; trained
//                        with the gradient of softmax(e / t) (straight-through)
//   kUniform             1 / K; nothing is learned
std::vector<double> fusion_weights(const PathAttention& gate, const std::vector<double>& scores);

}  // namespace parsimony::graph
