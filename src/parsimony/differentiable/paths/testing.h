// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "parsimony/core/rng.h"
#include "parsimony/differentiable/paths/budget.h"
#include "parsimony/differentiable/paths/gate_loss.h"
#include "parsimony/differentiable/paths/grid.h"

// What tests of path searches share.
namespace parsimony::differentiable::testing {

inline Grid grid_of(int layers,
                    Connectivity connectivity = Connectivity::kNeighbour,
                    Start start = Start::kTriangular) {
  return Grid({.layers = layers, .connectivity = connectivity, .start = start});
}

inline EdgeValues random_gates(const Grid& grid, core::Rng& rng) {
  EdgeValues gates = filled(grid, 0);
  for (auto& layer : gates) {
    for (double& gate : layer) gate = rng.uniform(0.05, 0.95);
  }
  return gates;
}

// Of few values, so that equally likely networks are common.
inline EdgeValues coarse_gates(const Grid& grid, core::Rng& rng) {
  EdgeValues gates = filled(grid, 0);
  for (auto& layer : gates) {
    for (double& gate : layer) gate = 0.25 * static_cast<double>(1 + rng.below(3));
  }
  return gates;
}

inline GridCosts random_costs(const Grid& grid, core::Rng& rng) {
  GridCosts costs{.edges = filled(grid, 0), .nodes = {}};
  for (auto& layer : costs.edges) {
    for (double& cost : layer) cost = static_cast<double>(rng.below(8));
  }
  costs.nodes.resize(grid.layers());
  for (auto& layer : costs.nodes) {
    for (double& cost : layer) cost = static_cast<double>(5 + rng.below(20));
  }
  return costs;
}

// All valid networks, by trying all patterns.
inline std::vector<Patterns> all_valid(const Grid& grid) {
  std::vector<Patterns> networks{{}};
  for (std::size_t l = 0; l < grid.layers(); ++l) {
    std::vector<Patterns> longer;
    for (const Patterns& network : networks) {
      for (Pattern q = 1; q < grid.layer(l).patterns(); ++q) {
        const NodeSet sources = grid.layer(l).sources[q];
        if (l == 0 ? grid.may_start(sources) : sources == grid.layer(l - 1).sinks[network.back()]) {
          longer.push_back(network);
          longer.back().push_back(q);
        }
      }
    }
    networks = std::move(longer);
  }
  return networks;
}

// Central differences say what the gradient says.
inline void expect_gradient(const EdgeValues& gates,
                            const std::function<GateLoss(const EdgeValues&)>& loss_of) {
  const GateLoss loss = loss_of(gates);
  ASSERT_EQ(loss.gradient.size(), gates.size());
  constexpr double kStep = 1e-5;
  for (std::size_t l = 0; l < gates.size(); ++l) {
    ASSERT_EQ(loss.gradient[l].size(), gates[l].size());
    for (std::size_t e = 0; e < gates[l].size(); ++e) {
      EdgeValues ahead = gates, behind = gates;
      ahead[l][e] += kStep;
      behind[l][e] -= kStep;
      const double slope = (loss_of(ahead).value - loss_of(behind).value) / (2 * kStep);
      EXPECT_NEAR(loss.gradient[l][e], slope, 1e-7 * std::max(1.0, std::abs(slope)))
          << "the gradient of edge " << e << " in layer " << l << " is not the slope of the loss";
    }
  }
}

}  // namespace parsimony::differentiable::testing
