// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "parsimony/differentiable/paths/budget.h"
#include "parsimony/differentiable/paths/grid.h"

namespace parsimony::differentiable {

// SUM_l -log P_l(q_l), in nats (P of pattern_distribution.h; gates are held within [1e-7, 1 -
// 1e-7]), as a whole number of 2^-40 nats. Sums of whole numbers do not depend on their order, so
// ties between networks are ties.
std::int64_t negative_log_likelihood(const Grid& grid,
                                     const EdgeValues& gates,
                                     const Patterns& patterns);
double to_nats(std::int64_t negative_log_likelihood);

// A cap on what a decoded network may cost (cost_of).
struct CostCap {
  GridCosts costs;
  double most = 0;
};

// The valid network of the greatest likelihood (spec rspnet 7; DiNTS, He et al., CVPR 2021,
// finds the same by Dijkstra over all patterns), with a cap the greatest that costs no more. Of
// equally likely ones the one of fewer edges, then of the smaller patterns, compared layer by layer
// from the first (our order). Exact in each respect. With costs that are whole numbers below 2^53,
// so is the cap.
//
// A user error if even the cheapest valid network costs more.
Patterns most_likely_paths(const Grid& grid,
                           const EdgeValues& gates,
                           const std::optional<CostCap>& cap = std::nullopt);

}  // namespace parsimony::differentiable
