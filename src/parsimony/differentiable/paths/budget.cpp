// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/budget.h"

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

// Expected cost and its gradient, as a share of what it is with all gates open.
using CostModel = GateLoss (*)(const Grid&, const EdgeValues&, const GridCosts&);

GateLoss share_of_all(CostModel model,
                      const Grid& grid,
                      const EdgeValues& gates,
                      const GridCosts& costs) {
  require_gates(grid, gates);
  require_costs(grid, costs);
  const double all = model(grid, filled(grid, 1), costs).value;
  core::require(all > 0, "a budget over a grid that costs nothing");
  GateLoss share = no_loss(grid);
  share.add(1 / all, model(grid, gates, costs));
  return share;
}

GateLoss sum_over_edges(const Grid& grid, const EdgeValues& gates, const GridCosts& costs) {
  GateLoss cost = no_loss(grid);
  for (std::size_t l = 0; l < grid.size(); ++l) {
    const space::GridLayer& edges = grid[l].edges;
    for (std::size_t e = 0; e < edges.size(); ++e) {
      const double of_edge =
          costs.edges[l][e] + costs.nodes[l][static_cast<std::size_t>(edges[e].to)];
      cost.value += gates[l][e] * of_edge;
      cost.gradient[l][e] = of_edge;
    }
  }
  return cost;
}

GateLoss sum_over_edges_and_nodes(const Grid& grid,
                                  const EdgeValues& gates,
                                  const GridCosts& costs) {
  GateLoss cost = no_loss(grid);
  for (std::size_t l = 0; l < grid.size(); ++l) {
    const space::GridLayer& edges = grid[l].edges;
    std::array<std::size_t, space::kGridScales> widest;  // the entering edge with the largest gate
    widest.fill(edges.size());
    for (std::size_t e = 0; e < edges.size(); ++e) {
      cost.value += gates[l][e] * costs.edges[l][e];
      cost.gradient[l][e] = costs.edges[l][e];
      std::size_t& best = widest[static_cast<std::size_t>(edges[e].to)];
      if (best == edges.size() || gates[l][e] > gates[l][best]) best = e;
    }
    for (std::size_t node = 0; node < widest.size(); ++node) {
      if (widest[node] == edges.size()) continue;
      cost.value += gates[l][widest[node]] * costs.nodes[l][node];
      cost.gradient[l][widest[node]] += costs.nodes[l][node];
    }
  }
  return cost;
}

}  // namespace

void require_costs(const Grid& grid, const GridCosts& costs) {
  const auto is_cost = [](double cost) { return cost >= 0 && std::isfinite(cost); };
  require_values(grid, costs.edges);
  core::require(costs.nodes.size() == grid.size(),
                "costs of the nodes of {} layers, the grid has {}",
                costs.nodes.size(),
                grid.size());
  for (std::size_t l = 0; l < grid.size(); ++l) {
    core::require(std::ranges::all_of(costs.edges[l], is_cost) &&
                      std::ranges::all_of(costs.nodes[l], is_cost),
                  "a cost in layer {} is negative or not finite",
                  l + 1);
  }
}

double cost_of(const Grid& grid,
               const GridCosts& costs,
               std::size_t index,
               space::GridPattern pattern) {
  const space::GridLayerPatterns& layer = grid[index];
  double cost = 0;
  for (std::size_t e = 0; e < layer.edges.size(); ++e) {
    if ((pattern >> e & 1U) != 0) cost += costs.edges[index][e];
  }
  for (std::size_t node = 0; node < space::kGridScales; ++node) {
    if ((layer.sinks[pattern] >> node & 1U) != 0) cost += costs.nodes[index][node];
  }
  return cost;
}

double cost_of(const Grid& grid, const GridCosts& costs, const Patterns& patterns) {
  double cost = 0;
  for (std::size_t l = 0; l < patterns.size(); ++l) cost += cost_of(grid, costs, l, patterns[l]);
  return cost;
}

double cost_share(const Grid& grid, const EdgeValues& gates, const GridCosts& costs) {
  return share_of_all(sum_over_edges, grid, gates, costs).value;
}

GateLoss absolute_budget(const Grid& grid,
                         const EdgeValues& gates,
                         const GridCosts& costs,
                         double share) {
  const GateLoss expected = share_of_all(sum_over_edges, grid, gates, costs);
  const double excess = expected.value - share;
  const double sign = excess > 0 ? 1 : excess < 0 ? -1 : 0;
  GateLoss loss = no_loss(grid);
  loss.add(sign, expected);
  loss.value = std::abs(excess);
  return loss;
}

GateLoss squared_budget(const Grid& grid,
                        const EdgeValues& gates,
                        const GridCosts& costs,
                        double share) {
  const GateLoss expected = share_of_all(sum_over_edges_and_nodes, grid, gates, costs);
  const double excess = expected.value - share;
  GateLoss loss = no_loss(grid);
  loss.add(2 * excess, expected);
  loss.value = excess * excess;
  return loss;
}

}  // namespace parsimony::differentiable
