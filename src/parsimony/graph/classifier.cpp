// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/classifier.h"

namespace parsimony::graph {

Graph classifier(const EncoderOptions& encoder, int classes) {
  constexpr std::size_t kAllTaps = 4;
  auto [graph, taps] = begin_network(encoder, kAllTaps);
  const Tap& last = taps.back();
  const NodeId mean =
      graph.add(GlobalPool{}, {last.node}, Section::kDecoder, "decoder.classifier.mean");
  const Conv linear{.in_channels = last.channels, .out_channels = classes, .bias = true};
  graph.outputs.push_back(
      {"logits", graph.add(linear, {mean}, Section::kDecoder, "decoder.classifier")});
  return graph;
}

}  // namespace parsimony::graph
