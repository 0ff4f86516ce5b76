// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/cell_decoder.h"

#include <fmt/format.h>

#include "parsimony/core/error.h"
#include "parsimony/graph/decoder_layers.h"

namespace parsimony::graph {
namespace {

using space::CellGenotype;
using space::CellOp;

class CellDecoder {
 public:
  CellDecoder(Graph& graph,
              const CellGenotype& genotype,
              const DecoderOptions& options,
              int classes)
      : graph_(graph), layers_(graph), genotype_(genotype), options_(options), classes_(classes) {}

  void build(const std::vector<Tap>& taps) {
    adapt(taps);
    for (std::size_t b = 0; b < genotype_.blocks.size(); ++b) pool_.push_back(block(b));
    head();
    if (options_.auxiliary) auxiliary_branches();
  }

 private:
  void adapt(const std::vector<Tap>& taps) {
    for (std::size_t i = 0; i < taps.size(); ++i) {
      Feature feature = feature_of(taps[i]);
      const Conv conv{.in_channels = feature.channels, .out_channels = options_.width};
      feature.node = layers_.conv_bn_relu(feature.node, conv, fmt::format("decoder.adapt{}", i));
      feature.channels = options_.width;
      pool_.push_back(feature);
    }
  }

  Feature block(std::size_t b) {
    const std::string name = fmt::format("decoder.block{}", b);
    const auto branch = [&](int entry, int side) {
      Feature feature =
          cell(pool_[static_cast<std::size_t>(entry)], fmt::format("{}.cell{}", name, side));
      feature.node = conv1x1(feature.node, fmt::format("{}.merge{}", name, side));
      return feature;
    };
    Feature u = branch(genotype_.blocks[b].first, 1);
    Feature v = branch(genotype_.blocks[b].second, 2);
    if (u.halvings > v.halvings) u = layers_.resized(u, v, name + ".resize1");
    v = layers_.resized(v, u, name + ".resize2");
    return {layers_.add(Add{}, {u.node, v.node}, name + ".sum"), u.channels, u.halvings};
  }

  // All features of a cell have the size and the channels of its input.
  Feature cell(const Feature& input, const std::string& name) {
    std::vector<NodeId> features = {input.node};
    const auto apply = [&](CellOp op, int position) {
      const std::string op_name = fmt::format("{}.f{}", name, features.size());
      const NodeId x = features[static_cast<std::size_t>(position)];
      features.push_back(operation(op, {x, input.channels, input.halvings}, op_name));
    };
    apply(genotype_.first_op, 0);
    for (const space::CellLayer& layer : genotype_.layers) {
      apply(layer.op1, layer.position1);
      apply(layer.op2, layer.position2);
      const NodeId first = features[features.size() - 2];
      const NodeId second = features[features.size() - 1];
      features.push_back(
          layers_.add(Add{}, {first, second}, fmt::format("{}.f{}", name, features.size())));
    }
    std::vector<NodeId> collected;
    for (const int feature : genotype_.cell_outputs())
      collected.push_back(features[static_cast<std::size_t>(feature)]);
    return {layers_.add(Add{}, collected, name + ".out"), input.channels, input.halvings};
  }

  NodeId operation(CellOp op, const Feature& x, const std::string& name) {
    switch (op) {
      case CellOp::kConv1x1:
        return conv1x1(x.node, name);
      case CellOp::kConv3x3:
        return dense(x, 1, name);
      case CellOp::kSepConv3x3:
        return separable(x, 3, 1, name);
      case CellOp::kSepConv5x5:
        return separable(x, 5, 1, name);
      case CellOp::kGlobalPool:
        return layers_.global_pool(x, options_.width, name).node;
      case CellOp::kConv3x3Dil3:
        return dense(x, 3, name);
      case CellOp::kConv3x3Dil12:
        return dense(x, 12, name);
      case CellOp::kSepConv3x3Dil3:
        return separable(x, 3, 3, name);
      case CellOp::kSepConv5x5Dil6:
        return separable(x, 5, 6, name);
      case CellOp::kSkip:
        return x.node;
      case CellOp::kNone:
        return layers_.add(Zero{}, {x.node}, name);
    }
    core::throw_internal_error("cell operation {} does not exist", static_cast<int>(op));
  }

  NodeId conv1x1(NodeId x, const std::string& name) {
    return layers_.conv_bn_relu(
        x, Conv{.in_channels = options_.width, .out_channels = options_.width}, name);
  }

  NodeId dense(const Feature& x, std::int64_t dilation, const std::string& name) {
    return layers_.conv_bn_relu(x.node,
                                Conv{.in_channels = options_.width,
                                     .out_channels = options_.width,
                                     .kernel = 3,
                                     .padding = dilation,
                                     .dilation = dilation},
                                name);
  }

  NodeId separable(const Feature& x,
                   std::int64_t kernel,
                   std::int64_t dilation,
                   const std::string& name) {
    return layers_
        .separable(x,
                   options_.width,
                   {.kernel = kernel, .dilation = dilation, .repeats = options_.repeats},
                   name)
        .node;
  }

  void head() {
    std::vector<Feature> collected;
    for (const int b : genotype_.collected_blocks()) {
      collected.push_back(pool_[static_cast<std::size_t>(space::kEncoderTaps + b)]);
    }
    graph_.outputs.push_back({"logits", layers_.head(collected, options_.width, classes_)});
  }

  void auxiliary_branches() {
    layers_.set_section(Section::kAuxiliary);
    for (std::size_t b = 0; b < genotype_.blocks.size(); ++b) {
      const std::string name = fmt::format("auxiliary{}", b);
      Feature x = pool_[space::kEncoderTaps + b];
      if (options_.auxiliary_cells) x = cell(x, name + ".cell");
      graph_.outputs.push_back(
          {fmt::format("aux{}", b),
           layers_.classifier(x.node, options_.width, classes_, name + ".classifier")});
    }
  }

  Graph& graph_;
  DecoderLayers layers_;
  const CellGenotype& genotype_;
  const DecoderOptions& options_;
  const int classes_;
  std::vector<Feature> pool_;
};

}  // namespace

LoweredNetwork lower(const space::CellGenotype& genotype,
                     const EncoderOptions& encoder,
                     const DecoderOptions& decoder,
                     int classes) {
  LoweredNetwork network = begin_network(encoder, space::kEncoderTaps);
  CellDecoder(network.graph, genotype, decoder, classes).build(network.taps);
  verify(network.graph);
  return network;
}

}  // namespace parsimony::graph
