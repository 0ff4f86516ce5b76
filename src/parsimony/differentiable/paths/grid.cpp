// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/grid.h"

#include "parsimony/core/error.h"

namespace parsimony::differentiable {

unsigned start_set(const Grid& grid) {
  return grid[0].sources.back();  // of the pattern of all edges
}

EdgeValues filled(const Grid& grid, double value) {
  EdgeValues values;
  for (const space::GridLayerPatterns& layer : grid) values.emplace_back(layer.edges.size(), value);
  return values;
}

void require_values(const Grid& grid, const EdgeValues& values) {
  core::require(values.size() == grid.size(),
                "values of {} layers, the grid has {}",
                values.size(),
                grid.size());
  for (std::size_t l = 0; l < grid.size(); ++l) {
    core::require(values[l].size() == grid[l].edges.size(),
                  "{} values in layer {}, it has {} edges",
                  values[l].size(),
                  l + 1,
                  grid[l].edges.size());
  }
}

void require_gates(const Grid& grid, const EdgeValues& gates) {
  require_values(grid, gates);
  for (std::size_t l = 0; l < gates.size(); ++l) {
    for (const double gate : gates[l]) {
      core::require(
          gate >= 0 && gate <= 1, "a gate of {} in layer {}, not from 0 to 1", gate, l + 1);
    }
  }
}

std::vector<space::GridLayer> to_paths(const Grid& grid, const Patterns& patterns) {
  core::require(patterns.size() == grid.size(),
                "patterns of {} layers, the grid has {}",
                patterns.size(),
                grid.size());
  std::vector<space::GridLayer> paths;
  for (std::size_t l = 0; l < grid.size(); ++l) paths.push_back(grid[l].kept(patterns[l]));
  return paths;
}

}  // namespace parsimony::differentiable
