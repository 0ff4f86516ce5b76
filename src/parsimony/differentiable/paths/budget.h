// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "parsimony/differentiable/paths/gate_loss.h"

namespace parsimony::differentiable {

// What a grid costs, for example in multiply-accumulates.
struct GridCosts {
  EdgeValues edges;  // the transition of each edge
  // By layer and scale: the module of each node that the layer enters.
  std::vector<std::array<double, space::kGridScales>> nodes;
};

// An internal error unless costs fit the grid and none is negative.
void require_costs(const Grid& grid, const GridCosts& costs);

// What these edges of the layer at an index cost: their transitions, and each entered node once.
double cost_of(const Grid& grid,
               const GridCosts& costs,
               std::size_t index,
               space::GridPattern pattern);
// What a network costs.
double cost_of(const Grid& grid, const GridCosts& costs, const Patterns& patterns);

// The expected cost of the whole grid with these gates, as a share of what it costs with all open:
// cost(p) / cost(1) of absolute_budget, from 0 to 1.
double cost_share(const Grid& grid, const EdgeValues& gates, const GridCosts& costs);

// R of the path search (spec rspnet 6): |share - cost(p) / cost(1)| with cost(p) = SUM_e p_e *
// MAC_e, where an edge's MACs are those of its transition and of the node that it enters, as in
// DiNTS, whose edges have cells of their own (our reading of "including the node module"). Where
// the budget is met exactly the gradient is 0.
GateLoss absolute_budget(const Grid& grid,
                         const EdgeValues& gates,
                         const GridCosts& costs,
                         double share);

// The budget of Dynamic Routing (Li et al., CVPR 2020; spec rspnet 6): (E[cost] / cost - share)^2.
// A node is computed with the largest gate of the edges that enter it; of equal gates the first has
// the slope. Its variants A, B and C weigh it by 0.8, 0.5, 0.5 with shares of 0.1, 0.1, 0.2.
GateLoss squared_budget(const Grid& grid,
                        const EdgeValues& gates,
                        const GridCosts& costs,
                        double share);

}  // namespace parsimony::differentiable
