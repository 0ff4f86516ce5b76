// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/candidate_graphs.h"

#include <fmt/format.h>

#include "parsimony/core/error.h"
#include "parsimony/graph/simplify.h"

namespace parsimony::evaluate {

CandidateGraphs candidate_graphs(const space::Genotype& genotype,
                                 const graph::NetworkDescription& description) {
  const graph::LoweredNetwork network = graph::lower(genotype, description);
  std::vector<graph::CutPoint> cuts;
  for (const graph::Tap& tap : network.taps) cuts.push_back({tap.node, tap.stride});
  CandidateGraphs graphs;
  graphs.whole = graph::simplify(network.graph);
  graphs.decoder = graph::simplify(graph::subgraph(network.graph, cuts, network.graph.outputs));
  for (const graph::Node& node : graphs.decoder.nodes) {
    if (!std::holds_alternative<graph::Input>(node.layer)) continue;
    // An input carries the name of the encoder layer it stands for.
    for (std::size_t t = 0; t < network.taps.size(); ++t) {
      if (network.graph[network.taps[t].node].name == node.name) graphs.tap_of_input.push_back(t);
    }
  }
  return graphs;
}

graph::Graph encoder_graph(const graph::EncoderOptions& encoder, int taps) {
  auto [graph, ends] = graph::begin_network(encoder, static_cast<std::size_t>(taps));
  for (const graph::Tap& tap : ends)
    graph.outputs.push_back({fmt::format("tap{}", graph.outputs.size()), tap.node});
  graph::verify(graph);
  return graph;
}

}  // namespace parsimony::evaluate
