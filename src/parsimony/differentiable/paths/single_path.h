// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/differentiable/paths/grid.h"

namespace parsimony::differentiable {

// Auto-DeepLab's decoding (Liu et al., CVPR 2019; spec rspnet 7), the baseline with one path:
// every node has a distribution over the edges that leave it, and a path is as probable as the
// product of its edges.

// A softmax over the edges that leave each node. With `border_correction` a node with fewer edges
// than the fullest one of its column, at the border of the grid, has them multiplied by the ratio,
// 2/3 for the two of neighbours, so that having fewer choices is no advantage (in the common
// PyTorch code, not in the paper).
EdgeValues softmax_of_leaving(const Grid& grid, const EdgeValues& logits, bool border_correction);

struct Walk {
  std::vector<int> scales;     // of the stem, then of each layer
  double log_probability = 0;  // in nats
};

// The most probable walk to each scale that the grid ends with (Viterbi). Of equally probable ones
// that which comes from the smaller scale, latest layer first.
std::vector<Walk> best_walks(const Grid& grid, const EdgeValues& leaving);

// The most probable of all; of equally probable ones that which ends at the smaller scale.
Walk best_walk(const Grid& grid, const EdgeValues& leaving);

std::vector<space::GridLayer> to_paths(const Walk& walk);

}  // namespace parsimony::differentiable
