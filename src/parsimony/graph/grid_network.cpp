// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/grid_network.h"

#include "parsimony/core/error.h"
#include "parsimony/graph/grid_wiring.h"

namespace parsimony::graph {
namespace {

using space::GridGenotype;

void check(const GridGenotype& genotype, const GridOptions& options) {
  space::check_paths(genotype, options.rules);
  if (options.rsp != RspMode::kNone && options.filters % 2 != 0) {
    core::throw_user_error(
        "grid.filters is {}: with grid.rsp = {} half of a node's channels enter a cell, which needs "
        "an even number; expected one, or grid.rsp = none",
        options.filters,
        kRspModeNames[static_cast<std::size_t>(options.rsp)]);
  }
  for (std::size_t l = 1; l < genotype.layers.size(); ++l) {
    core::require(source_set(genotype.layers[l]) == sink_set(genotype.layers[l - 1]),
                  "layer {} does not read what layer {} makes",
                  l + 1,
                  l);
  }
}

}  // namespace

std::int64_t grid_channels(int nodes, const GridOptions& options, int scale) {
  return (static_cast<std::int64_t>(nodes) * options.filters) << scale;
}

Graph grid_network(const GridGenotype& genotype, const GridOptions& options, int classes) {
  check(genotype, options);
  Graph graph;
  const CellContent cell = genotype.cell;
  const NodeId picture = graph.add(Input{3, 1}, {}, Section::kDecoder, "picture");
  GridWiring wiring(graph, genotype.layers, cell, options, GammaSource::kLearned);
  graph.outputs.push_back({"logits", wiring.build(picture, classes)});
  verify(graph);
  return graph;
}

}  // namespace parsimony::graph
