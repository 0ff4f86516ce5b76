// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/single_path.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

std::size_t index(int scale) {
  return static_cast<std::size_t>(scale);
}

}  // namespace

EdgeValues softmax_of_leaving(const Grid& grid, const EdgeValues& logits, bool border_correction) {
  require_values(grid, logits);
  EdgeValues leaving = logits;
  for (std::size_t l = 0; l < grid.size(); ++l) {
    const space::GridLayer& edges = grid[l].edges;
    std::array<double, space::kGridScales> largest{}, sum{}, degree{};
    largest.fill(kNever);
    for (std::size_t e = 0; e < edges.size(); ++e)
      largest[index(edges[e].from)] = std::max(largest[index(edges[e].from)], logits[l][e]);
    for (std::size_t e = 0; e < edges.size(); ++e) {
      const std::size_t node = index(edges[e].from);
      leaving[l][e] = std::exp(logits[l][e] - largest[node]);
      sum[node] += leaving[l][e];
      degree[node] += 1;
    }
    const double fullest = *std::ranges::max_element(degree);
    for (std::size_t e = 0; e < edges.size(); ++e) {
      const std::size_t node = index(edges[e].from);
      leaving[l][e] *= (border_correction ? degree[node] / fullest : 1) / sum[node];
    }
  }
  return leaving;
}

std::vector<Walk> best_walks(const Grid& grid, const EdgeValues& leaving) {
  require_gates(grid, leaving);
  // Logarithms: products of many layers would vanish.
  std::array<double, space::kGridScales> reached;
  reached.fill(kNever);
  for (int node = 0; node < space::kGridScales; ++node) {
    if ((start_set(grid) >> node & 1U) != 0) reached[index(node)] = 0;
  }
  std::vector<std::array<int, space::kGridScales>> came_from(grid.size());
  for (std::size_t l = 0; l < grid.size(); ++l) {
    const space::GridLayer& edges = grid[l].edges;
    std::array<double, space::kGridScales> next;
    next.fill(kNever);
    came_from[l].fill(-1);
    for (std::size_t e = 0; e < edges.size(); ++e) {
      const double through = reached[index(edges[e].from)] + std::log(leaving[l][e]);
      if (through > next[index(edges[e].to)]) {
        next[index(edges[e].to)] = through;
        came_from[l][index(edges[e].to)] = edges[e].from;
      }
    }
    reached = next;
  }

  std::vector<Walk> walks;
  for (int end = 0; end < space::kGridScales; ++end) {
    if (reached[index(end)] == kNever) continue;
    Walk walk{.scales = {end}, .log_probability = reached[index(end)]};
    for (std::size_t l = grid.size(); l-- > 0;)
      walk.scales.push_back(came_from[l][index(walk.scales.back())]);
    std::ranges::reverse(walk.scales);
    walks.push_back(std::move(walk));
  }
  return walks;
}

Walk best_walk(const Grid& grid, const EdgeValues& leaving) {
  const std::vector<Walk> walks = best_walks(grid, leaving);
  core::require(!walks.empty(), "no walk through the grid is possible");
  return *std::ranges::max_element(walks, {}, &Walk::log_probability);
}

std::vector<space::GridLayer> to_paths(const Walk& walk) {
  std::vector<space::GridLayer> paths;
  for (std::size_t column = 1; column < walk.scales.size(); ++column)
    paths.push_back({{.from = walk.scales[column - 1], .to = walk.scales[column]}});
  return paths;
}

}  // namespace parsimony::differentiable
