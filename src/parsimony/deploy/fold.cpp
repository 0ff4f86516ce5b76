// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/fold.h"

#include <algorithm>
#include <cmath>

namespace parsimony::deploy {
namespace {

using graph::BatchNorm;
using graph::Conv;
using graph::Graph;
using graph::Node;
using graph::NodeId;
using weights::Array;
using weights::ArrayMap;

// How many nodes and outputs read each node.
std::vector<int> count_readers(const Graph& graph) {
  std::vector<int> readers(graph.nodes.size(), 0);
  for (const Node& node : graph.nodes) {
    for (const NodeId input : node.inputs) ++readers[static_cast<std::size_t>(input)];
  }
  for (const graph::Output& out : graph.outputs) ++readers[static_cast<std::size_t>(out.node)];
  return readers;
}

class Folder {
 public:
  Folder(const Graph& graph, const ArrayMap& weights)
      : graph_(graph), weights_(weights), readers_(count_readers(graph)) {}

  TrainedGraph run() {
    folded_.weights.metadata = weights_.metadata;
    for (const Node& node : graph_.nodes)
      new_ids_.push_back(foldable(node) ? fold(node) : copy(node));
    for (const graph::Output& out : graph_.outputs) {
      folded_.graph.outputs.push_back({out.name, new_ids_[static_cast<std::size_t>(out.node)]});
    }
    graph::verify(folded_.graph);
    return std::move(folded_);
  }

 private:
  bool foldable(const Node& node) const {
    return std::holds_alternative<BatchNorm>(node.layer) &&
           std::holds_alternative<Conv>(graph_[node.inputs[0]].layer) &&
           readers_[static_cast<std::size_t>(node.inputs[0])] == 1;
  }

  NodeId copy(Node node) {
    for (const Parameter& parameter : parameters_of(node))
      store(parameter, values_of(weights_, parameter));
    for (NodeId& input : node.inputs) input = new_ids_[static_cast<std::size_t>(input)];
    folded_.graph.nodes.push_back(std::move(node));
    return static_cast<NodeId>(folded_.graph.nodes.size()) - 1;
  }

  // The convolution was copied already; it now takes the place of the batch norm as well.
  NodeId fold(const Node& norm) {
    const NodeId id = new_ids_[static_cast<std::size_t>(norm.inputs[0])];
    Node& conv = folded_.graph.nodes[static_cast<std::size_t>(id)];
    const std::vector<Parameter> norm_arrays = parameters_of(norm);
    const std::vector<float> scale = values_of(weights_, norm_arrays[0]);
    const std::vector<float> shift = values_of(weights_, norm_arrays[1]);
    const std::vector<float> mean = values_of(weights_, norm_arrays[2]);
    const std::vector<float> variance = values_of(weights_, norm_arrays[3]);

    const std::size_t channels = scale.size();
    const bool had_bias = std::get<Conv>(conv.layer).bias;
    std::get<Conv>(conv.layer).bias = true;
    const std::vector<Parameter> conv_arrays = parameters_of(conv);
    std::vector<float> kernel = values_of(folded_.weights, conv_arrays[0]);
    std::vector<float> bias(channels, 0.0F);
    if (had_bias) bias = values_of(folded_.weights, conv_arrays[1]);

    const std::size_t per_channel = kernel.size() / channels;
    for (std::size_t c = 0; c < channels; ++c) {
      const double factor =
          scale[c] / std::sqrt(static_cast<double>(variance[c]) + kBatchNormEpsilon);
      for (std::size_t i = c * per_channel; i < (c + 1) * per_channel; ++i) {
        kernel[i] = static_cast<float>(factor * kernel[i]);
      }
      bias[c] = static_cast<float>(shift[c] + factor * (static_cast<double>(bias[c]) - mean[c]));
    }
    store(conv_arrays[0], kernel);
    store(conv_arrays[1], bias);
    return id;
  }

  void store(const Parameter& parameter, const std::vector<float>& values) {
    folded_.weights.arrays[parameter.name] = Array::from_floats(parameter.shape, values);
  }

  const Graph& graph_;
  const ArrayMap& weights_;
  const std::vector<int> readers_;
  TrainedGraph folded_;
  std::vector<NodeId> new_ids_;
};

}  // namespace

Graph drop_auxiliary(const Graph& graph) {
  return graph::subgraph(graph, {}, {{"logits", graph.output("logits")}});
}

TrainedGraph fold_batch_norm(const Graph& graph, const ArrayMap& weights) {
  return Folder(graph, weights).run();
}

}  // namespace parsimony::deploy
