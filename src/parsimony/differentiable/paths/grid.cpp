// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/grid.h"

#include <algorithm>
#include <cstdlib>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

// Nodes 0 to n - 1 exist in a column.
int nodes_of_column(const GridOptions& options, int column) {
  return options.start == Start::kMultires ? kScales : std::min(column + 1, kScales);
}

std::vector<Edge> edges_between(const GridOptions& options, int column) {
  std::vector<Edge> edges;
  for (int from = 0; from < nodes_of_column(options, column); ++from) {
    for (int to = 0; to < nodes_of_column(options, column + 1); ++to) {
      if (options.connectivity == Connectivity::kFull || std::abs(from - to) <= 1)
        edges.push_back({from, to});
    }
  }
  return edges;
}

GridLayer layer_of(std::vector<Edge> edges) {
  GridLayer layer;
  layer.sources = {0};
  layer.sinks = {0};
  for (const Edge& edge : edges) {
    const auto source = static_cast<NodeSet>(1U << edge.from);
    const auto sink = static_cast<NodeSet>(1U << edge.to);
    const std::size_t without = layer.patterns();
    for (std::size_t q = 0; q < without; ++q) {
      layer.sources.push_back(layer.sources[q] | source);
      layer.sinks.push_back(layer.sinks[q] | sink);
    }
  }
  layer.edges = std::move(edges);
  return layer;
}

}  // namespace

void GridOptions::visit(core::FieldVisitor& v) {
  v.field("layers", layers, {"columns of the grid behind the stem", 1, 64});
  v.choice("connectivity",
           connectivity,
           kConnectivityNames,
           {"scales that edges join: neighbour (keep, down, up) or full (all pairs)"});
  v.choice("start",
           start,
           kStartNames,
           {"triangular (scale i exists from layer i on) or multires (the stem feeds all scales)"});
}

Grid::Grid(const GridOptions& options) : start_(options.start) {
  if (options.layers < 1)
    core::throw_user_error("a grid of {} layers; expected 1 or more", options.layers);
  for (int column = 0; column < options.layers; ++column)
    layers_.push_back(layer_of(edges_between(options, column)));
}

bool Grid::may_start(NodeSet nodes) const {
  return start_ == Start::kTriangular ? nodes == 1 : nodes != 0;
}

EdgeValues filled(const Grid& grid, double value) {
  EdgeValues values;
  for (std::size_t l = 0; l < grid.layers(); ++l)
    values.emplace_back(grid.layer(l).edges.size(), value);
  return values;
}

void require_gates(const Grid& grid, const EdgeValues& gates) {
  core::require(gates.size() == grid.layers(),
                "gates of {} layers, the grid has {}",
                gates.size(),
                grid.layers());
  for (std::size_t l = 0; l < gates.size(); ++l) {
    const std::size_t edges = grid.layer(l).edges.size();
    core::require(gates[l].size() == edges,
                  "{} gates in layer {}, it has {} edges",
                  gates[l].size(),
                  l,
                  edges);
    for (const double gate : gates[l])
      core::require(gate >= 0 && gate <= 1, "a gate of {} in layer {}, not from 0 to 1", gate, l);
  }
}

bool is_valid(const Grid& grid, const Patterns& patterns) {
  if (patterns.size() != grid.layers()) return false;
  for (std::size_t l = 0; l < patterns.size(); ++l) {
    const GridLayer& layer = grid.layer(l);
    if (patterns[l] == 0 || patterns[l] >= layer.patterns()) return false;
    const NodeSet sources = layer.sources[patterns[l]];
    const bool fed =
        l == 0 ? grid.may_start(sources) : sources == grid.layer(l - 1).sinks[patterns[l - 1]];
    if (!fed) return false;
  }
  return true;
}

Paths to_paths(const Grid& grid, const Patterns& patterns) {
  core::require(patterns.size() == grid.layers(),
                "patterns of {} layers, the grid has {}",
                patterns.size(),
                grid.layers());
  Paths paths(patterns.size());
  for (std::size_t l = 0; l < patterns.size(); ++l) {
    const std::vector<Edge>& edges = grid.layer(l).edges;
    for (std::size_t e = 0; e < edges.size(); ++e) {
      if ((patterns[l] >> e & 1U) != 0) paths[l].push_back(edges[e]);
    }
  }
  return paths;
}

Patterns to_patterns(const Grid& grid, const Paths& paths) {
  if (paths.size() != grid.layers()) {
    core::throw_user_error(
        "paths of {} layers; expected {}, as the grid has", paths.size(), grid.layers());
  }
  Patterns patterns(paths.size(), 0);
  for (std::size_t l = 0; l < paths.size(); ++l) {
    const std::vector<Edge>& edges = grid.layer(l).edges;
    for (const Edge& edge : paths[l]) {
      const auto found = std::ranges::find(edges, edge);
      if (found == edges.end()) {
        core::throw_user_error(
            "layer {} has no edge from scale {} to scale {}; expected one of {} "
            "edges between scales that the grid joins there",
            l + 1,
            edge.from,
            edge.to,
            edges.size());
      }
      patterns[l] |= Pattern{1} << (found - edges.begin());
    }
  }
  return patterns;
}

}  // namespace parsimony::differentiable
