// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/testing/networks.h"

#include <fmt/format.h>

#include <vector>

#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/grid_network.h"
#include "parsimony/graph/template_decoder.h"
#include "parsimony/space/cell.h"

namespace parsimony::deploy::testing {
namespace {

using graph::Add;
using graph::AvgPool;
using graph::BatchNorm;
using graph::Concat;
using graph::Conv;
using graph::Dropout;
using graph::GlobalPool;
using graph::Graph;
using graph::Input;
using graph::Layer;
using graph::MaxPool;
using graph::Multiply;
using graph::NodeId;
using graph::PathAttention;
using graph::PathGate;
using graph::Relu;
using graph::Resize;
using graph::Scale;
using graph::Section;
using graph::Shape;
using graph::Shuffle;
using graph::Size;
using graph::Slice;
using graph::Zero;

class RandomNetwork {
 public:
  RandomNetwork(core::Rng rng, Size picture) : rng_(rng), picture_(picture) {
    append(Input{3, 1}, {});
  }

  void append_layer() {
    const NodeId x = any();
    switch (rng_.below(18)) {
      case 0:
        append(depthwise(x), {x});
        break;
      case 1:
      case 2:
        append_conv_norm(x);
        break;
      case 3:
        append(BatchNorm{shape(x).channels}, {x});
        break;
      case 4:
        append_relu(x);
        break;
      case 5:
      case 6:
        append_sum(x);
        break;
      case 7:
        append(Concat{}, {x, resized(any(), x)});
        break;
      case 8:
        append(Resize{}, {x, any()});
        break;
      case 9:
        append(Resize{}, {append(GlobalPool{}, {x}), any()});
        break;
      case 10:
        append(MaxPool{.stride = 1 + rng_.below(2)}, {x});
        break;
      case 11:
        append(Scale{shape(x).channels}, {x});
        break;
      case 12:
        append_squeeze_and_excite(x);
        break;
      case 13:
        append(AvgPool{.stride = 1 + rng_.below(2)}, {x});
        break;
      case 14:
        append(Dropout{0.5}, {append_slice(x)});
        break;
      case 15:
        append_shuffle(x);
        break;
      case 16:
        append_path_attention(x);
        break;
      default:
        append(Zero{}, {x});
        break;
    }
  }

  Graph finish(int classes) {
    const auto last = static_cast<NodeId>(graph_.nodes.size()) - 1;
    const Conv classifier{
        .in_channels = shape(last).channels, .out_channels = classes, .bias = true};
    const NodeId logits = append(classifier, {last});
    graph_.outputs.push_back({"logits", logits});
    verify(graph_);
    return std::move(graph_);
  }

 private:
  NodeId any() {
    return static_cast<NodeId>(rng_.below(static_cast<std::int64_t>(graph_.nodes.size())));
  }
  Shape shape(NodeId id) const {
    return infer_shapes(graph_, picture_)[static_cast<std::size_t>(id)];
  }
  NodeId append(Layer layer, std::vector<NodeId> inputs) {
    return graph_.add(
        layer, std::move(inputs), Section::kDecoder, fmt::format("node{}", graph_.nodes.size()));
  }
  NodeId resized(NodeId x, NodeId reference) { return append(Resize{}, {x, reference}); }

  Conv dense(NodeId x, std::int64_t out) {
    const std::int64_t kernel = 1 + 2 * rng_.below(3);
    const std::int64_t dilation = 1 + rng_.below(3);
    return {.in_channels = shape(x).channels,
            .out_channels = out,
            .kernel = kernel,
            .stride = 1 + rng_.below(2),
            .padding = dilation * (kernel / 2),
            .dilation = dilation,
            .bias = rng_.chance(0.3)};
  }

  Conv depthwise(NodeId x) {
    Conv conv = dense(x, shape(x).channels);
    conv.groups = conv.in_channels;
    return conv;
  }

  void append_conv_norm(NodeId x) {
    const Conv conv = dense(x, 4 + rng_.below(6));
    append(BatchNorm{conv.out_channels}, {append(conv, {x})});
  }

  void append_relu(NodeId x) {
    Relu relu;
    if (rng_.chance(0.5)) relu.ceiling = rng_.chance(0.5) ? 6 : 1;
    append(relu, {x});
  }

  void append_squeeze_and_excite(NodeId x) {
    const std::int64_t channels = shape(x).channels;
    const Conv conv{.in_channels = channels, .out_channels = channels, .bias = true};
    const NodeId factors = append(conv, {append(GlobalPool{}, {x})});
    append(Multiply{}, {x, append(Relu{.ceiling = 1}, {factors})});
  }

  NodeId append_slice(NodeId x) {
    const std::int64_t first = rng_.below(shape(x).channels);
    return append(Slice{first, 1 + rng_.below(shape(x).channels - first)}, {x});
  }

  void append_shuffle(NodeId x) {
    std::int64_t groups = 2 + rng_.below(2);
    if (shape(x).channels % groups != 0) groups = shape(x).channels;
    append(Shuffle{groups}, {x});
  }

  void append_path_attention(NodeId x) {
    PathAttention gate{.channels = shape(x).channels,
                       .inputs = 1 + rng_.below(3),
                       .gate = static_cast<PathGate>(rng_.below(5)),
                       .dynamic = rng_.chance(0.7),
                       .kept = 1 + rng_.below(2),
                       .temperature = rng_.chance(0.5) ? 1 : 0.6};
    std::vector<NodeId> maps;
    for (std::int64_t k = 0; k < gate.inputs; ++k) {
      const NodeId other = any();
      const Conv conv{.in_channels = shape(other).channels, .out_channels = gate.channels};
      maps.push_back(resized(append(conv, {other}), x));
    }
    append(gate, maps);
  }

  // Of two or three maps; others are brought to the first one's shape, or to it by a pooled pixel.
  void append_sum(NodeId x) {
    std::vector<NodeId> terms = {x};
    for (std::int64_t i = 1 + rng_.below(2); i > 0; --i) {
      NodeId other = any();
      if (rng_.chance(0.3)) other = append(GlobalPool{}, {other});
      if (shape(other).channels != shape(x).channels) {
        other = append(
            Conv{.in_channels = shape(other).channels, .out_channels = shape(x).channels}, {other});
      }
      terms.push_back(resized(other, x));
    }
    append(Add{}, terms);
  }

  core::Rng rng_;
  Size picture_;
  Graph graph_;
};

}  // namespace

Graph cell_network(std::string_view genotype, std::string_view encoder, int width, int classes) {
  graph::EncoderOptions encoder_options;
  encoder_options.name = encoder;
  return graph::lower(space::parse_cell_genotype(genotype),
                      encoder_options,
                      graph::DecoderOptions{.width = width},
                      classes)
      .graph;
}

Graph template_network(std::string_view genotype, std::string_view encoder, int classes) {
  graph::EncoderOptions encoder_options;
  encoder_options.name = encoder;
  return graph::lower(
             space::parse_template_genotype(genotype), encoder_options, {.width = 16}, classes)
      .graph;
}

Graph grid_network(std::string_view genotype, const graph::GridOptions& options, int classes) {
  return graph::grid_network(space::parse_grid_genotype(genotype), options, classes);
}

Graph random_network(core::Rng rng, int layers, int classes, Size picture) {
  RandomNetwork network(rng, picture);
  for (int i = 0; i < layers; ++i) network.append_layer();
  return network.finish(classes);
}

}  // namespace parsimony::deploy::testing
