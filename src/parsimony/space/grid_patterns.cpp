// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/grid_patterns.h"

#include <utility>

#include "parsimony/core/error.h"

namespace parsimony::space {
namespace {

GridLayerPatterns patterns_of(GridLayer edges) {
  GridLayerPatterns layer{.edges = std::move(edges), .sources = {0}, .sinks = {0}};
  for (const GridEdge& edge : layer.edges) {
    const std::size_t without = layer.size();
    for (std::size_t q = 0; q < without; ++q) {
      layer.sources.push_back(layer.sources[q] | 1U << edge.from);
      layer.sinks.push_back(layer.sinks[q] | 1U << edge.to);
    }
  }
  return layer;
}

}  // namespace

GridLayer GridLayerPatterns::kept(GridPattern pattern) const {
  GridLayer layer;
  for (std::size_t e = 0; e < edges.size(); ++e) {
    if ((pattern >> e & 1U) != 0) layer.push_back(edges[e]);
  }
  return layer;
}

std::vector<GridLayerPatterns> layer_patterns(int layers, const GridRules& rules) {
  core::require(layers >= 1, "a grid of {} layers", layers);
  std::vector<GridLayerPatterns> all;
  for (int layer = 1; layer <= layers; ++layer)
    all.push_back(patterns_of(possible_edges(rules, layer)));
  return all;
}

}  // namespace parsimony::space
