// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <vector>

#include "parsimony/core/rng.h"
#include "parsimony/differentiable/paths/budget.h"
#include "parsimony/differentiable/paths/gate_loss.h"
#include "parsimony/differentiable/paths/grid.h"
#include "parsimony/space/grid.h"
#include "parsimony/space/grid_patterns.h"

// What tests of path searches share.
namespace parsimony::differentiable::testing {

inline constexpr space::GridRules kFull{.connectivity = space::GridConnectivity::kFull};
inline constexpr space::GridRules kMultires{.start = space::GridStart::kMultires};
inline constexpr space::GridRules kFullMultires{space::GridConnectivity::kFull,
                                                space::GridStart::kMultires};

inline Grid grid_of(int layers, const space::GridRules& rules = {}) {
  return space::layer_patterns(layers, rules);
}

using Paths = std::vector<space::GridLayer>;

inline Patterns to_patterns(const Grid& grid, const Paths& paths) {
  Patterns patterns;
  for (std::size_t l = 0; l < paths.size(); ++l) {
    space::GridPattern& pattern = patterns.emplace_back(0);
    while (grid.at(l).kept(pattern) != paths[l]) {
      if (++pattern == grid[l].size()) throw std::invalid_argument("not paths of this grid");
    }
  }
  return patterns;
}

// Whether every node is fed and consumed (spec rspnet 7), from the definition.
inline bool is_valid(const Grid& grid, const Patterns& patterns) {
  if (patterns.size() != grid.size()) return false;
  for (std::size_t l = 0; l < grid.size(); ++l) {
    if (patterns[l] == 0 || patterns[l] >= grid[l].size()) return false;
    if (l > 0 && grid[l].sources[patterns[l]] != grid[l - 1].sinks[patterns[l - 1]]) return false;
  }
  return true;
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
  costs.nodes.resize(grid.size());
  for (auto& layer : costs.nodes) {
    for (double& cost : layer) cost = static_cast<double>(5 + rng.below(20));
  }
  return costs;
}

// All valid networks, by trying all patterns.
inline std::vector<Patterns> all_valid(const Grid& grid) {
  std::vector<Patterns> networks{{}};
  for (std::size_t l = 0; l < grid.size(); ++l) {
    std::vector<Patterns> longer;
    for (const Patterns& network : networks) {
      for (space::GridPattern q = 1; q < grid[l].size(); ++q) {
        if (l == 0 || grid[l].sources[q] == grid[l - 1].sinks[network.back()]) {
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
