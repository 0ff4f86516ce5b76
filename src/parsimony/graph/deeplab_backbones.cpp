// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/deeplab_backbones.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "parsimony/graph/decoder_layers.h"
#include "parsimony/graph/inverted_residuals.h"
#include "parsimony/graph/stride_walk.h"

namespace parsimony::graph {
namespace {

std::int64_t nearest_multiple(double channels, std::int64_t divisor) {
  const double times = std::floor(channels / static_cast<double>(divisor) + 0.5);
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(times)) * divisor;
}

// The rounding of the published MobileNets (make_divisible).
std::int64_t scaled(std::int64_t channels, const DeeplabOptions& options) {
  if (options.width == 1.0) return channels;
  const double exact = static_cast<double>(channels) * options.width;
  const std::int64_t rounded = nearest_multiple(exact, options.divisible_by);
  return static_cast<double>(rounded) < 0.9 * exact ? rounded + options.divisible_by : rounded;
}

DeeplabMaps mobilenet_v2(Supernet& supernet, NodeId picture, const DeeplabOptions& options) {
  InvertedResiduals net(supernet.graph, {.output_stride = options.output_stride});
  NodeId x = net.stem(picture, scaled(kMobilenetV2Stem, options));
  DeeplabMaps maps;
  for (std::size_t i = 0; i < kMobilenetV2Groups.size(); ++i) {
    InvertedResidualGroup group = kMobilenetV2Groups[i];
    group.channels = scaled(group.channels, options);
    x = net.group(x, group);
    if (i == 1) maps.low_level = {x, net.channels(), net.stride()};
  }
  maps.high_level = {x, net.channels(), net.stride()};

  constexpr std::array kShares = {5.0 / 6, 4.0 / 6, 3.0 / 6};
  for (const InvertedResidual& block : net.blocks()) {
    if (block.shortcut) add_bypass_site(supernet, block.name, block.input, block.output);
    if (block.expansion == 6)
      add_width_site(supernet, block.name + ".expansion", {block.first}, kShares);
  }
  return maps;
}

class Xception65 {
 public:
  Xception65(Supernet& supernet, const DeeplabOptions& options)
      : supernet_(supernet),
        layers_(supernet.graph),
        options_(options),
        walk_(2, options.output_stride) {
    layers_.set_section(Section::kEncoder);
  }

  DeeplabMaps build(NodeId picture) {
    NodeId x = layers_.conv_bn_relu(picture, stem(3, 32, 2), "encoder.conv1_1");
    x = layers_.conv_bn_relu(x, stem(channels_, 64, 1), "encoder.conv1_2");

    DeeplabMaps maps;
    x = block(x, {.widths = {128, 128, 128}, .stride = 2}, "encoder.entry_flow.block1").output;
    const Built second =
        block(x, {.widths = {256, 256, 256}, .stride = 2}, "encoder.entry_flow.block2");
    maps.low_level = {second.separable[1], scaled(256, options_), 4};
    x = second.output;
    x = block(x, {.widths = {728, 728, 728}, .stride = 2}, "encoder.entry_flow.block3").output;

    for (int unit = 1; unit <= 16; ++unit) {
      const std::string name = fmt::format("encoder.middle_flow.unit{}", unit);
      const NodeId input = x;
      const Built built =
          block(x, {.widths = {728, 728, 728}, .shortcut = Shortcut::kIdentity}, name);
      x = built.output;
      add_bypass_site(supernet_, name, input, x);
      inner_site(name, {built.separable[0], built.separable[1]});
    }

    Built exit = block(x, {.widths = {728, 1024, 1024}, .stride = 2}, "encoder.exit_flow.block1");
    inner_site("encoder.exit_flow.block1.separable_conv2", {exit.separable[1]});
    exit = block(exit.output,
                 {.widths = {1536, 1536, 2048}, .shortcut = Shortcut::kNone, .relu_inside = true},
                 "encoder.exit_flow.block2");
    inner_site("encoder.exit_flow.block2.separable_conv1", {exit.separable[0]});
    inner_site("encoder.exit_flow.block2.separable_conv2", {exit.separable[1]});
    maps.high_level = {exit.output, channels_, walk_.stride()};
    return maps;
  }

 private:
  enum class Shortcut { kConvolution, kIdentity, kNone };

  // Three separable convolutions; the last has the stride.
  struct Block {
    std::array<std::int64_t, 3> widths;
    std::int64_t stride = 1;
    Shortcut shortcut = Shortcut::kConvolution;
    bool relu_inside = false;  // behind both convolutions of a separable one, not before it
  };
  struct Built {
    NodeId output = 0;
    std::array<NodeId, 3> separable = {};  // their results
  };

  // A dense 3x3 convolution.
  Conv stem(std::int64_t in, std::int64_t out, std::int64_t stride) {
    channels_ = scaled(out, options_);
    return {
        .in_channels = in, .out_channels = channels_, .kernel = 3, .stride = stride, .padding = 1};
  }

  Built block(NodeId input, const Block& design, const std::string& name) {
    const StrideWalk::Step step = walk_.next(design.stride);
    const std::int64_t in = channels_;
    Built built;
    NodeId x = input;
    for (std::size_t i = 0; i < design.widths.size(); ++i) {
      const StrideWalk::Step own = {i + 1 == design.widths.size() ? step.stride : 1, step.dilation};
      x = separable(x,
                    scaled(design.widths[i], options_),
                    own,
                    design.relu_inside,
                    fmt::format("{}.separable_conv{}", name, i + 1));
      built.separable[i] = x;
    }
    built.output = add_shortcut(input, in, x, step.stride, design.shortcut, name);
    return built;
  }

  NodeId add_shortcut(NodeId input,
                      std::int64_t in,
                      NodeId x,
                      std::int64_t stride,
                      Shortcut shortcut,
                      const std::string& name) {
    if (shortcut == Shortcut::kNone) return x;
    if (shortcut == Shortcut::kConvolution) {
      const Conv conv{.in_channels = in, .out_channels = channels_, .stride = stride};
      input = layers_.conv_bn(input, conv, name + ".shortcut");
    }
    return layers_.add(Add{}, {x, input}, name + ".add");
  }

  NodeId separable(NodeId x,
                   std::int64_t out,
                   const StrideWalk::Step& step,
                   bool relu_inside,
                   const std::string& name) {
    const auto conv_bn = [&](const Conv& conv, const std::string& part) {
      return relu_inside ? layers_.conv_bn_relu(x, conv, part) : layers_.conv_bn(x, conv, part);
    };
    if (!relu_inside) x = layers_.add(Relu{}, {x}, name + ".relu");
    x = conv_bn(Conv{.in_channels = channels_,
                     .out_channels = channels_,
                     .kernel = 3,
                     .stride = step.stride,
                     .padding = step.dilation,
                     .dilation = step.dilation,
                     .groups = channels_},
                name + ".depthwise");
    x = conv_bn(Conv{.in_channels = channels_, .out_channels = out}, name + ".pointwise");
    channels_ = out;
    return x;
  }

  void inner_site(const std::string& name, const std::vector<NodeId>& maps) {
    constexpr std::array kShares = {7.0 / 8, 3.0 / 4, 5.0 / 8, 1.0 / 2};
    add_width_site(supernet_, name + ".channels", maps, kShares);
  }

  Supernet& supernet_;
  DecoderLayers layers_;
  const DeeplabOptions& options_;
  StrideWalk walk_;
  std::int64_t channels_ = 0;  // of the latest map
};

}  // namespace

DeeplabMaps add_backbone(Supernet& supernet, NodeId picture, const DeeplabOptions& options) {
  if (options.backbone == DeeplabBackbone::kMobilenetV2)
    return mobilenet_v2(supernet, picture, options);
  return Xception65(supernet, options).build(picture);
}

void add_bypass_site(Supernet& supernet, const std::string& name, NodeId from, NodeId to) {
  supernet.sites.push_back({SiteKind::kBypass, name, from, to, {}, {}});
}

void add_branch_site(Supernet& supernet, const std::string& name, NodeId from, NodeId to) {
  supernet.sites.push_back({SiteKind::kBranch, name, from, to, {}, {}});
}

void add_width_site(Supernet& supernet,
                    const std::string& name,
                    const std::vector<NodeId>& maps,
                    std::span<const double> shares) {
  std::vector<NodeId> producers;
  for (NodeId id : maps) {
    while (!std::holds_alternative<Conv>(supernet.graph[id].layer))
      id = supernet.graph[id].inputs[0];
    producers.push_back(id);
  }
  const auto full = std::get<Conv>(supernet.graph[producers[0]].layer).out_channels;
  std::vector<std::int64_t> channels = {full};
  for (const double share : shares) {
    const std::int64_t fewer = nearest_multiple(share * static_cast<double>(full), 8);
    if (fewer < channels.back()) channels.push_back(fewer);
  }
  if (channels.size() == 1) return;
  supernet.sites.push_back({SiteKind::kWidth, name, -1, -1, producers, channels});
}

}  // namespace parsimony::graph
