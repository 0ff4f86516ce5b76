// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/pruned_decoding.h"

#include <algorithm>
#include <array>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

using space::GridLayerPatterns;
using space::GridPattern;

constexpr unsigned kAnyNode = space::kGridScaleSets - 1;

bool contains(unsigned nodes, int node) {
  return (nodes >> node & 1U) != 0;
}

// The edges of `pattern` that begin and end at given nodes.
GridPattern between(const GridLayerPatterns& layer,
                    GridPattern pattern,
                    unsigned sources,
                    unsigned sinks) {
  for (std::size_t e = 0; e < layer.edges.size(); ++e) {
    const space::GridEdge& edge = layer.edges[e];
    if (!contains(sources, edge.from) || !contains(sinks, edge.to))
      pattern &= ~(GridPattern{1} << e);
  }
  return pattern;
}

GridPattern best_edge_from(const GridLayerPatterns& layer,
                           const std::vector<double>& values,
                           unsigned sources) {
  std::size_t best = layer.edges.size();
  for (std::size_t e = 0; e < layer.edges.size(); ++e) {
    if (!contains(sources, layer.edges[e].from)) continue;
    if (best == layer.edges.size() || values[e] > values[best]) best = e;
  }
  core::require(best < layer.edges.size(), "no edge leaves the nodes {:#06b}", sources);
  return GridPattern{1} << best;
}

}  // namespace

// Two passes reach the fixed point. Forwards all that is not fed goes, and every layer keeps an
// edge. Backwards all that is not consumed goes: only edges to nodes that the next layer does not
// leave, so nothing there is cut off, and an edge stays in each layer because the next one is fed.
Patterns connected(const Grid& grid, const EdgeValues& values, Patterns patterns) {
  require_values(grid, values);
  core::require(patterns.size() == grid.size(), "patterns of {} layers", patterns.size());
  unsigned fed = start_set(grid);
  for (std::size_t l = 0; l < patterns.size(); ++l) {
    const GridLayerPatterns& layer = grid[l];
    patterns[l] = between(layer, patterns[l], fed, kAnyNode);
    if (patterns[l] == 0) patterns[l] = best_edge_from(layer, values[l], fed);
    fed = layer.sinks[patterns[l]];
  }
  unsigned consumed = kAnyNode;
  for (std::size_t l = patterns.size(); l-- > 0;) {
    const GridLayerPatterns& layer = grid[l];
    patterns[l] = between(layer, patterns[l], kAnyNode, consumed);
    consumed = layer.sources[patterns[l]];
  }
  return patterns;
}

Patterns strongest_per_node(const Grid& grid, const EdgeValues& values, int k) {
  core::require(k >= 1, "{} edges per node, expected 1 or more", k);
  require_values(grid, values);
  Patterns patterns;
  for (std::size_t l = 0; l < grid.size(); ++l) {
    const space::GridLayer& edges = grid[l].edges;
    std::vector<std::size_t> order(edges.size());
    for (std::size_t e = 0; e < order.size(); ++e) order[e] = e;
    std::ranges::stable_sort(
        order, [&](std::size_t a, std::size_t b) { return values[l][a] > values[l][b]; });
    std::array<int, space::kGridScales> entering{};
    GridPattern pattern = 0;
    for (const std::size_t e : order) {
      if (entering[static_cast<std::size_t>(edges[e].to)]++ < k) pattern |= GridPattern{1} << e;
    }
    patterns.push_back(pattern);
  }
  return connected(grid, values, std::move(patterns));
}

Patterns above_threshold(const Grid& grid, const EdgeValues& values, double threshold) {
  require_values(grid, values);
  Patterns patterns;
  for (const std::vector<double>& layer : values) {
    GridPattern pattern = 0;
    for (std::size_t e = 0; e < layer.size(); ++e) {
      if (layer[e] >= threshold) pattern |= GridPattern{1} << e;
    }
    patterns.push_back(pattern);
  }
  return connected(grid, values, std::move(patterns));
}

}  // namespace parsimony::differentiable
