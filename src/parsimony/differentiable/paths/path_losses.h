// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/differentiable/paths/gate_loss.h"

namespace parsimony::differentiable {

// What makes the gates of a path search decidable, by the probabilities of patterns
// (pattern_distribution.h): the losses H and T of DiNTS (He et al., CVPR 2021; spec rspnet 6).
// Gates are a probability per layer and edge; at least one of each layer is above 0.

// H: mean of -P log(P + 1e-5) over the patterns of all layers, which drives gates to 0 or 1. Layers
// of a triangular grid have unequal numbers of patterns; every pattern counts alike (our reading).
GateLoss pattern_entropy(const Grid& grid, const EdgeValues& gates);

// The same sums by layer, each as a share of the largest that it can be, log of the layer's number
// of patterns; the mean over the layers, so about 1 where nothing is decided. Our choice: as a mean
// over hundreds of patterns H hardly pulls at a gate. Measured on grids of 4 layers, at gates near
// 0.5, its gradient is 16 to 670 times shorter than that of a budget of the same weight.
GateLoss layer_entropy(const Grid& grid, const EdgeValues& gates);

// T: consecutive layers must agree on which nodes are alive. Cross entropy between the sets of
// nodes that a layer enters and those that the next one leaves, summed over the 15 sets and over
// the pairs of layers; 0 for one layer.
GateLoss topology_disagreement(const Grid& grid, const EdgeValues& gates);

}  // namespace parsimony::differentiable
