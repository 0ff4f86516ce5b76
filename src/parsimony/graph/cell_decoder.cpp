// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/cell_decoder.h"

#include <fmt/format.h>

#include "parsimony/core/error.h"

namespace parsimony::graph {
namespace {

using space::CellGenotype;
using space::CellOp;

// A feature map of the decoder and the stride that fixes its resolution.
struct Feature {
  NodeId node = 0;
  std::int64_t stride = 1;
};

class CellDecoder {
 public:
  CellDecoder(Graph& graph, const CellGenotype& genotype, const DecoderOptions& options, int classes)
      : graph_(graph), genotype_(genotype), options_(options), classes_(classes) {}

  void build(const std::vector<Tap>& taps) {
    adapt(taps);
    for (std::size_t b = 0; b < genotype_.blocks.size(); ++b) pool_.push_back(block(b));
    head();
    if (options_.auxiliary) auxiliary_branches();
  }

 private:
  void adapt(const std::vector<Tap>& taps) {
    for (std::size_t i = 0; i < taps.size(); ++i) {
      const Conv conv{.in_channels = taps[i].channels, .out_channels = options_.width};
      pool_.push_back({conv_bn_relu(taps[i].node, conv, fmt::format("decoder.adapt{}", i)), taps[i].stride});
    }
  }

  Feature block(std::size_t b) {
    const std::string name = fmt::format("decoder.block{}", b);
    const auto branch = [&](int entry, int side) {
      const Feature input = pool_[static_cast<std::size_t>(entry)];
      const NodeId out = cell(input.node, fmt::format("{}.cell{}", name, side));
      return Feature{conv1x1(out, fmt::format("{}.merge{}", name, side)), input.stride};
    };
    Feature u = branch(genotype_.blocks[b].first, 1);
    Feature v = branch(genotype_.blocks[b].second, 2);
    if (u.stride > v.stride) u = {resize(u.node, v.node, name + ".resize1"), v.stride};
    if (v.stride > u.stride) v = {resize(v.node, u.node, name + ".resize2"), u.stride};
    return {graph_.add(Add{}, {u.node, v.node}, section_, name + ".sum"), u.stride};
  }

  NodeId cell(NodeId input, const std::string& name) {
    std::vector<NodeId> features = {input};
    const auto apply = [&](CellOp op, int position) {
      const std::string op_name = fmt::format("{}.f{}", name, features.size());
      features.push_back(operation(op, features[static_cast<std::size_t>(position)], op_name));
    };
    apply(genotype_.first_op, 0);
    for (const space::CellLayer& layer : genotype_.layers) {
      apply(layer.op1, layer.position1);
      apply(layer.op2, layer.position2);
      const NodeId first = features[features.size() - 2];
      const NodeId second = features[features.size() - 1];
      features.push_back(graph_.add(Add{}, {first, second}, section_, fmt::format("{}.f{}", name, features.size())));
    }
    std::vector<NodeId> collected;
    for (const int feature : genotype_.cell_outputs()) collected.push_back(features[static_cast<std::size_t>(feature)]);
    return graph_.add(Add{}, collected, section_, name + ".out");
  }

  NodeId operation(CellOp op, NodeId x, const std::string& name) {
    switch (op) {
      case CellOp::kConv1x1: return conv1x1(x, name);
      case CellOp::kConv3x3: return dense(x, 1, name);
      case CellOp::kSepConv3x3: return separable(x, 3, 1, name);
      case CellOp::kSepConv5x5: return separable(x, 5, 1, name);
      case CellOp::kGlobalPool: return global_pool(x, name);
      case CellOp::kConv3x3Dil3: return dense(x, 3, name);
      case CellOp::kConv3x3Dil12: return dense(x, 12, name);
      case CellOp::kSepConv3x3Dil3: return separable(x, 3, 3, name);
      case CellOp::kSepConv5x5Dil6: return separable(x, 5, 6, name);
      case CellOp::kSkip: return x;
      case CellOp::kNone: return graph_.add(Zero{}, {x}, section_, name);
    }
    core::throw_internal_error("cell operation {} does not exist", static_cast<int>(op));
  }

  NodeId conv1x1(NodeId x, const std::string& name) {
    return conv_bn_relu(x, Conv{.in_channels = options_.width, .out_channels = options_.width}, name);
  }

  NodeId dense(NodeId x, std::int64_t dilation, const std::string& name) {
    return conv_bn_relu(x,
                        Conv{.in_channels = options_.width,
                             .out_channels = options_.width,
                             .kernel = 3,
                             .padding = dilation,
                             .dilation = dilation},
                        name);
  }

  // Depthwise and pointwise convolution with nothing between them, then BN and ReLU; repeated.
  NodeId separable(NodeId x, std::int64_t kernel, std::int64_t dilation, const std::string& name) {
    for (int r = 0; r < options_.repeats; ++r) {
      const std::string repeat = fmt::format("{}.r{}", name, r);
      x = graph_.add(Conv{.in_channels = options_.width,
                          .out_channels = options_.width,
                          .kernel = kernel,
                          .padding = dilation * (kernel / 2),
                          .dilation = dilation,
                          .groups = options_.width},
                     {x},
                     section_,
                     repeat + ".depthwise");
      x = conv1x1(x, repeat + ".pointwise");
    }
    return x;
  }

  NodeId global_pool(NodeId x, const std::string& name) {
    const NodeId pooled = graph_.add(GlobalPool{}, {x}, section_, name + ".pool");
    return resize(conv1x1(pooled, name), x, name + ".resize");
  }

  // Loose blocks joined one after the other, each time at the larger of the two resolutions.
  void head() {
    std::vector<NodeId> joined;
    Feature largest;
    for (const int b : genotype_.collected_blocks()) {
      Feature next = pool_[static_cast<std::size_t>(space::kEncoderTaps + b)];
      if (joined.empty()) {
        largest = next;
      } else if (next.stride > largest.stride) {
        next.node = resize(next.node, largest.node, fmt::format("decoder.head.resize{}", b));
      } else if (next.stride < largest.stride) {
        for (std::size_t i = 0; i < joined.size(); ++i) {
          joined[i] = resize(joined[i], next.node, fmt::format("decoder.head.resize{}.{}", b, i));
        }
        largest = next;
      }
      joined.push_back(next.node);
    }
    NodeId x = graph_.add(Concat{}, joined, section_, "decoder.head.concat");
    x = graph_.add(Relu{}, {x}, section_, "decoder.head.relu");
    x = conv_bn_relu(x,
                     Conv{.in_channels = options_.width * static_cast<std::int64_t>(joined.size()),
                          .out_channels = options_.width},
                     "decoder.head.reduce");
    graph_.outputs.push_back({"logits", classifier(x, "decoder.head.classifier")});
  }

  void auxiliary_branches() {
    section_ = Section::kAuxiliary;
    for (std::size_t b = 0; b < genotype_.blocks.size(); ++b) {
      const std::string name = fmt::format("auxiliary{}", b);
      NodeId x = pool_[space::kEncoderTaps + b].node;
      if (options_.auxiliary_cells) x = cell(x, name + ".cell");
      graph_.outputs.push_back({fmt::format("aux{}", b), classifier(x, name + ".classifier")});
    }
  }

  NodeId classifier(NodeId x, const std::string& name) {
    return graph_.add(
        Conv{.in_channels = options_.width, .out_channels = classes_, .kernel = 3, .padding = 1, .bias = true},
        {x},
        section_,
        name);
  }

  NodeId conv_bn_relu(NodeId x, const Conv& conv, const std::string& name) {
    x = graph_.add(conv, {x}, section_, name + ".conv");
    x = graph_.add(BatchNorm{conv.out_channels}, {x}, section_, name + ".bn");
    return graph_.add(Relu{}, {x}, section_, name + ".relu");
  }

  NodeId resize(NodeId x, NodeId reference, const std::string& name) {
    return graph_.add(Resize{}, {x, reference}, section_, name);
  }

  Graph& graph_;
  const CellGenotype& genotype_;
  const DecoderOptions& options_;
  const int classes_;
  Section section_ = Section::kDecoder;
  std::vector<Feature> pool_;
};

}  // namespace

void DecoderOptions::visit(core::FieldVisitor& v) {
  v.field("width", width, {"channels of the decoder's feature maps", 1, 4096});
  v.field("repeats", repeats, {"repeats of a separable convolution", 1, 8});
  v.field("auxiliary", auxiliary, {"auxiliary classifiers while training"});
  v.field("auxiliary_cells", auxiliary_cells, {"a cell in front of each auxiliary classifier"});
}

LoweredNetwork lower(const space::CellGenotype& genotype,
                     const EncoderOptions& encoder,
                     const DecoderOptions& decoder,
                     int classes) {
  LoweredNetwork network;
  const NodeId picture = network.graph.add(Input{3, 1}, {}, Section::kEncoder, "picture");
  network.taps = append_encoder(network.graph, picture, encoder);
  CellDecoder(network.graph, genotype, decoder, classes).build(network.taps);
  verify(network.graph);
  return network;
}

}  // namespace parsimony::graph
