// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/encoder_ghostnet.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace parsimony::graph {
namespace {

// What the blocks of all configurations have in common.
struct Block {
  std::int64_t kernel, stride;
  bool squeeze_and_excite;
};
constexpr std::array<Block, 8> kBlocks = {{
    {3, 1, false},
    {3, 2, false},
    {5, 2, true},
    {3, 2, false},
    {3, 1, true},
    {5, 2, true},
    {5, 1, false},
    {5, 1, true},
}};

struct Widths {
  std::int64_t hidden, out;
};
using Configuration = std::array<Widths, kBlocks.size()>;
constexpr std::int64_t kStemChannels = 16;
// The code writes 118 where A and B have 120 and rounds to a multiple of 4.
constexpr Configuration kA = {
    {{16, 16}, {48, 24}, {72, 40}, {240, 80}, {240, 112}, {120, 160}, {240, 160}, {240, 160}}};
constexpr Configuration kB = {
    {{8, 8}, {24, 12}, {36, 20}, {120, 40}, {120, 56}, {120, 80}, {240, 80}, {240, 80}}};
constexpr Configuration kC = {
    {{8, 8}, {24, 12}, {36, 20}, {40, 20}, {40, 24}, {40, 32}, {48, 40}, {52, 48}}};
constexpr Configuration kOurs = {
    {{8, 8}, {24, 12}, {36, 20}, {120, 40}, {120, 56}, {120, 160}, {240, 160}, {240, 160}}};

class GhostNet {
 public:
  GhostNet(Graph& graph, const EncoderOptions& options) : graph_(graph), options_(options) {}

  std::vector<Tap> build(NodeId picture, const Configuration& configuration) {
    channels_ = options_.scaled(kStemChannels);
    NodeId x = conv_bn(
        picture,
        Conv{.in_channels = 3, .out_channels = channels_, .kernel = 3, .stride = 2, .padding = 1},
        "encoder.features.0");
    x = add(Relu{}, {x}, "encoder.features.0.2");
    // Position and stride of the blocks whose results are taps.
    using Place = std::pair<std::size_t, std::int64_t>;
    const std::array<Place, 4> published = {{{2, 4}, {4, 16}, {6, 32}, {8, 32}}};
    const std::array<Place, 4> pyramid = {{{2, 4}, {3, 8}, {5, 16}, {8, 32}}};
    std::vector<Tap> taps;
    for (std::size_t i = 1; i <= kBlocks.size(); ++i) {
      x = bottleneck(
          x, kBlocks[i - 1], configuration[i - 1], fmt::format("encoder.features.{}", i));
      for (const auto& [position, stride] :
           options_.taps == EncoderTaps::kPyramid ? pyramid : published) {
        if (position == i) taps.push_back({x, channels_, stride});
      }
    }
    return taps;
  }

 private:
  NodeId add(Layer layer, std::vector<NodeId> inputs, const std::string& name) {
    return graph_.add(layer, std::move(inputs), Section::kEncoder, name);
  }

  NodeId conv_bn(NodeId x, const Conv& conv, const std::string& name) {
    const NodeId y = add(conv, {x}, name + ".0");
    return add(BatchNorm{conv.out_channels}, {y}, name + ".1");
  }

  static Conv depthwise(std::int64_t channels, std::int64_t kernel, std::int64_t stride) {
    return {.in_channels = channels,
            .out_channels = channels,
            .kernel = kernel,
            .stride = stride,
            .padding = kernel / 2,
            .groups = channels};
  }

  // Half of the channels by a 1x1 convolution, the others from these, each by a filter of its own.
  NodeId ghost(
      NodeId x, std::int64_t in, std::int64_t out, bool with_relu, const std::string& name) {
    const auto half = [&](NodeId from, const Conv& conv, const std::string& part) {
      const NodeId y = conv_bn(from, conv, part);
      return with_relu ? add(Relu{}, {y}, part + ".2") : y;
    };
    const NodeId primary =
        half(x, {.in_channels = in, .out_channels = out / 2}, name + ".primary_conv");
    const NodeId cheap = half(primary, depthwise(out / 2, 3, 1), name + ".cheap_operation");
    return add(Concat{}, {primary, cheap}, name + ".concat");
  }

  // A factor between 0 and 1 for each channel (Hu et al., CVPR 2018, with a clamp for the sigmoid).
  NodeId squeeze_and_excite(NodeId x, std::int64_t channels, const std::string& name) {
    const std::int64_t squeezed = channels / 4;
    NodeId y = add(GlobalPool{}, {x}, name + ".pool");
    y = add(
        Conv{.in_channels = channels, .out_channels = squeezed, .bias = true}, {y}, name + ".fc.0");
    y = add(Relu{}, {y}, name + ".fc.1");
    y = add(
        Conv{.in_channels = squeezed, .out_channels = channels, .bias = true}, {y}, name + ".fc.2");
    y = add(Relu{.ceiling = 1}, {y}, name + ".clamp");
    return add(Multiply{}, {x, y}, name + ".multiply");
  }

  NodeId bottleneck(NodeId x, const Block& block, const Widths& widths, const std::string& name) {
    const std::int64_t in = channels_;
    const std::int64_t hidden = options_.scaled(widths.hidden);
    const std::int64_t out = options_.scaled(widths.out);
    NodeId y = ghost(x, in, hidden, /*with_relu=*/true, name + ".conv.0");
    if (block.stride == 2)
      y = conv_bn(y, depthwise(hidden, block.kernel, block.stride), name + ".conv.1");
    if (block.squeeze_and_excite) y = squeeze_and_excite(y, hidden, name + ".conv.2");
    y = ghost(y, hidden, out, /*with_relu=*/false, name + ".conv.3");
    channels_ = out;
    return add(Add{}, {shortcut(x, block, in, out, name + ".shortcut"), y}, name + ".add");
  }

  NodeId shortcut(
      NodeId x, const Block& block, std::int64_t in, std::int64_t out, const std::string& name) {
    if (block.stride == 1 && in == out) return x;
    x = conv_bn(x, depthwise(in, block.kernel, block.stride), name + ".0");
    x = add(Conv{.in_channels = in, .out_channels = out}, {x}, name + ".1");
    return add(BatchNorm{out}, {x}, name + ".2");
  }

  Graph& graph_;
  const EncoderOptions& options_;
  std::int64_t channels_ = 0;
};

}  // namespace

std::vector<Tap> ghostnet(Graph& graph, NodeId picture, const EncoderOptions& options) {
  return GhostNet(graph, options).build(picture, kOurs);
}
std::vector<Tap> ghostnet_a(Graph& graph, NodeId picture, const EncoderOptions& options) {
  return GhostNet(graph, options).build(picture, kA);
}
std::vector<Tap> ghostnet_b(Graph& graph, NodeId picture, const EncoderOptions& options) {
  return GhostNet(graph, options).build(picture, kB);
}
std::vector<Tap> ghostnet_c(Graph& graph, NodeId picture, const EncoderOptions& options) {
  return GhostNet(graph, options).build(picture, kC);
}

}  // namespace parsimony::graph
