// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/graph/encoder_ghostnet.h"

namespace parsimony::graph {
namespace {

// A run of inverted residuals: expansion, channels, repeats, stride of the first.
struct Group {
  std::int64_t expansion, channels, repeats, stride;
};

// Builds MobileNet-v2-like encoders. Names follow torchvision's ("features.3.conv.1.0"), so that
// its weights load without a table.
class InvertedResiduals {
 public:
  InvertedResiduals(Graph& graph, const EncoderOptions& options)
      : graph_(graph), options_(options) {}

  NodeId stem(NodeId x, std::int64_t channels) {
    channels_ = options_.scaled(channels);
    return conv_bn_relu(
        x,
        Conv{.in_channels = 3, .out_channels = channels_, .kernel = 3, .stride = 2, .padding = 1},
        "encoder.features.0.0",
        "encoder.features.0.1");
  }

  NodeId group(NodeId x, const Group& group) {
    for (std::int64_t i = 0; i < group.repeats; ++i) {
      x = block(x, group.expansion, options_.scaled(group.channels), i == 0 ? group.stride : 1);
    }
    return x;
  }

  std::int64_t channels() const { return channels_; }

 private:
  // 1x1 expand - depthwise 3x3 - 1x1 project, ReLU6 after the first two, shortcut where shapes
  // allow.
  NodeId block(NodeId x, std::int64_t expansion, std::int64_t out, std::int64_t stride) {
    const std::string prefix = fmt::format("encoder.features.{}.conv.", ++index_);
    const std::int64_t in = channels_;
    const std::int64_t hidden = in * expansion;
    int part = 0;
    NodeId y = x;
    if (expansion != 1 || options_.first_expansion) {
      y = conv_bn_relu(y,
                       Conv{.in_channels = in, .out_channels = hidden},
                       fmt::format("{}{}.0", prefix, part),
                       fmt::format("{}{}.1", prefix, part));
      ++part;
    }
    y = conv_bn_relu(y,
                     Conv{.in_channels = hidden,
                          .out_channels = hidden,
                          .kernel = 3,
                          .stride = stride,
                          .padding = 1,
                          .groups = hidden},
                     fmt::format("{}{}.0", prefix, part),
                     fmt::format("{}{}.1", prefix, part));
    ++part;
    y = graph_.add(Conv{.in_channels = hidden, .out_channels = out},
                   {y},
                   Section::kEncoder,
                   fmt::format("{}{}", prefix, part));
    y = graph_.add(BatchNorm{out}, {y}, Section::kEncoder, fmt::format("{}{}", prefix, part + 1));
    if (stride == 1 && in == out) y = graph_.add(Add{}, {x, y}, Section::kEncoder, prefix + "add");
    channels_ = out;
    return y;
  }

  NodeId conv_bn_relu(NodeId x,
                      const Conv& conv,
                      const std::string& conv_name,
                      const std::string& norm_name) {
    NodeId y = graph_.add(conv, {x}, Section::kEncoder, conv_name);
    y = graph_.add(BatchNorm{conv.out_channels}, {y}, Section::kEncoder, norm_name);
    return graph_.add(Relu{.ceiling = 6}, {y}, Section::kEncoder, norm_name + ".relu6");
  }

  Graph& graph_;
  const EncoderOptions& options_;
  std::int64_t channels_ = 0;
  int index_ = 0;
};

// MobileNet-v2 (Sandler et al., CVPR 2018) with the taps of the cell search: 24, 32, 96 and 320
// channels at strides 4, 8, 16 and 32.
std::vector<Tap> mobilenet_v2(Graph& graph, NodeId picture, const EncoderOptions& options) {
  InvertedResiduals net(graph, options);
  NodeId x = net.stem(picture, 32);
  std::vector<Tap> taps;
  const auto tap = [&](std::int64_t stride) { taps.push_back({x, net.channels(), stride}); };
  x = net.group(x, {1, 16, 1, 1});
  x = net.group(x, {6, 24, 2, 2});
  tap(4);
  x = net.group(x, {6, 32, 3, 2});
  tap(8);
  x = net.group(x, {6, 64, 4, 2});
  x = net.group(x, {6, 96, 3, 1});
  tap(16);
  x = net.group(x, {6, 160, 3, 2});
  x = net.group(x, {6, 320, 1, 1});
  tap(32);
  return taps;
}

// A small encoder of the same building blocks for studies without pre-trained weights: it trains on
// the study's own pictures in minutes on a CPU. 16, 24, 40 and 64 channels times the width.
std::vector<Tap> small(Graph& graph, NodeId picture, const EncoderOptions& options) {
  EncoderOptions plain = options;
  plain.first_expansion = false;
  InvertedResiduals net(graph, plain);
  NodeId x = net.stem(picture, 16);
  std::vector<Tap> taps;
  const auto tap = [&](std::int64_t stride) { taps.push_back({x, net.channels(), stride}); };
  x = net.group(x, {4, 16, 1, 2});
  tap(4);
  x = net.group(x, {4, 24, 2, 2});
  tap(8);
  x = net.group(x, {4, 40, 2, 2});
  tap(16);
  x = net.group(x, {4, 64, 1, 2});
  tap(32);
  return taps;
}

constexpr std::array<EncoderFamily, 6> kFamilies = {{
    {"mobilenet_v2", "MobileNet-v2 without its classifier; ImageNet weights exist", mobilenet_v2},
    {"small", "a small MobileNet-v2-like encoder that is trained on the study's own data", small},
    {"ghostnet", "a light GhostNet of 0.18 M parameters, System B's kind", ghostnet},
    {"ghostnet_a",
     "a GhostNet of 0.26 M parameters, configuration A of System B's code",
     ghostnet_a},
    {"ghostnet_b",
     "a GhostNet of 0.13 M parameters, configuration B of System B's code",
     ghostnet_b},
    {"ghostnet_c",
     "a GhostNet of 0.03 M parameters, configuration C of System B's code",
     ghostnet_c},
}};

}  // namespace

std::int64_t EncoderOptions::scaled(std::int64_t channels) const {
  if (width == 1.0) return channels;
  return std::max<std::int64_t>(
      8, static_cast<std::int64_t>(std::llround(static_cast<double>(channels) * width / 8)) * 8);
}

void EncoderOptions::visit(core::FieldVisitor& v) {
  v.field("name", name, {"mobilenet_v2, small, ghostnet, ghostnet_a, ghostnet_b or ghostnet_c"});
  v.field("width", width, {"multiplier of all channel counts", 0.1, 4});
  v.field(
      "first_expansion",
      first_expansion,
      {"mobilenet_v2: the t = 1 block has a 1x1 convolution too (reference code: yes; torchvision: no)"});
  v.choice(
      "taps",
      taps,
      kEncoderTapsNames,
      {"ghostnet: the maps of strides 4, 16, 32 and 32 (published) or 4, 8, 16 and 32 (pyramid)"});
}

std::span<const EncoderFamily> encoder_families() {
  return kFamilies;
}

LoweredNetwork begin_network(const EncoderOptions& options, std::size_t taps) {
  std::vector<std::string> names;
  for (const EncoderFamily& family : kFamilies) {
    names.emplace_back(family.name);
    if (family.name != options.name) continue;
    LoweredNetwork network;
    const NodeId picture = network.graph.add(Input{3, 1}, {}, Section::kEncoder, "picture");
    network.taps = family.build(network.graph, picture, options);
    core::require(
        taps >= 1 && taps <= network.taps.size(), "{} has no {} taps", options.name, taps);
    network.taps.resize(taps);
    network.graph.nodes.resize(static_cast<std::size_t>(network.taps.back().node) + 1);
    return network;
  }
  core::throw_user_error("unknown encoder '{}'{} Known: {}",
                         options.name,
                         core::did_you_mean(options.name, names),
                         core::join(names, ", "));
}

}  // namespace parsimony::graph
