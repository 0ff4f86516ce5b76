// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/grid_supernet.h"

#include "parsimony/core/error.h"
#include "parsimony/graph/grid_network.h"

namespace parsimony::graph {
namespace {

Graph supernet(const std::vector<space::GridLayer>& paths,
               const CellContent& content,
               const GridOptions& options,
               int classes,
               NodePresence presence) {
  Graph graph;
  const NodeId picture = graph.add(Input{3, 1}, {}, Section::kDecoder, "picture");
  GridWiring wiring(graph, paths, content, options, GammaSource::kGiven, presence);
  graph.outputs.push_back({"logits", wiring.build(picture, classes)});
  for (Node& node : graph.nodes) {
    if (auto* norm = std::get_if<BatchNorm>(&node.layer)) norm->affine = false;
  }
  verify(graph);
  return graph;
}

}  // namespace

Graph cell_supernet(const std::vector<space::GridLayer>& paths,
                    const MixedCells& cells,
                    const GridOptions& options,
                    int classes) {
  const std::int64_t finest = grid_channels(cells.candidates.nodes, options, 0);
  const std::int64_t width =
      finest / (options.rsp == RspMode::kNone ? 1 : 2) / cells.candidates.nodes;
  core::require(width % cells.partial_channels == 0,
                "one in {} of {} channels",
                cells.partial_channels,
                width);
  GridOptions averaged = options;
  averaged.gate = {.kind = PathGate::kUniform};
  return supernet(paths, cells, averaged, classes, NodePresence::kCertain);
}

Graph path_supernet(const std::vector<space::GridLayer>& paths,
                    const space::GridCell& cell,
                    const GridOptions& options,
                    int classes,
                    NodePresence presence) {
  return supernet(paths, cell, options, classes, presence);
}

std::vector<std::string> coefficient_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) {
    if (std::holds_alternative<Coefficients>(node.layer)) names.push_back(node.name);
  }
  return names;
}

}  // namespace parsimony::graph
