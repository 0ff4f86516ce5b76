// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "parsimony/differentiable/paths/gate_loss.h"

namespace parsimony::differentiable {

// The sparsifier of SparseMask (Wu, Zhang and Huang, ICCV 2019; spec rspnet 6), an alternative
// to path_losses.h. Of a group of weights w in [0, 2], with u = w / 2,
//
//   mean_k H(u_k) + CE(share | mean_k u_k)
//
// decides each connection and keeps the given share of them. In the paper the loss has weight 0.01,
// weights carry noise of N(0, 0.1^2), and those below 1e-3 are pruned. At the ends of [0, 2], where
// slopes are infinite, they are those of u = 1e-6 and 1 - 1e-6 (ours).
struct SparseMaskLoss {
  double value = 0;
  std::vector<double> gradient;  // with respect to the weights
};
SparseMaskLoss sparse_mask(std::span<const double> weights, double share);

// The paper's share: two connections, but of few weights no more than half.
double sparse_mask_share(std::size_t weights);

// The same for the gates of a grid, w = 2 p. The edges that enter a node are a group, and the loss
// is the sum over the nodes with several of them (ours: SparseMask has no grid).
GateLoss sparse_mask_of_nodes(const Grid& grid, const EdgeValues& gates);

}  // namespace parsimony::differentiable
