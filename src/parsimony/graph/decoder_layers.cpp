// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/decoder_layers.h"

#include <fmt/format.h>

#include <bit>

namespace parsimony::graph {

Feature feature_of(const Tap& tap) {
  return {tap.node, tap.channels, std::countr_zero(static_cast<std::uint64_t>(tap.stride))};
}

NodeId DecoderLayers::add(const Layer& layer, std::vector<NodeId> inputs, const std::string& name) {
  return graph_.add(layer, std::move(inputs), section_, name);
}

NodeId DecoderLayers::conv_bn(NodeId x, const Conv& conv, const std::string& name) {
  x = add(conv, {x}, name + ".conv");
  return add(BatchNorm{conv.out_channels}, {x}, name + ".bn");
}

NodeId DecoderLayers::conv_bn_relu(NodeId x, const Conv& conv, const std::string& name) {
  return add(Relu{}, {conv_bn(x, conv, name)}, name + ".relu");
}

Feature DecoderLayers::separable(const Feature& x,
                                 std::int64_t out_channels,
                                 const Separable& separable,
                                 const std::string& name) {
  Feature y = x;
  for (int r = 0; r < separable.repeats; ++r) {
    const std::string repeat = fmt::format("{}.r{}", name, r);
    const NodeId depthwise = add(Conv{.in_channels = y.channels,
                                      .out_channels = y.channels,
                                      .kernel = separable.kernel,
                                      .stride = separable.stride,
                                      .padding = separable.dilation * (separable.kernel / 2),
                                      .dilation = separable.dilation,
                                      .groups = y.channels},
                                 {y.node},
                                 repeat + ".depthwise");
    y.node = conv_bn_relu(depthwise,
                          Conv{.in_channels = y.channels, .out_channels = out_channels},
                          repeat + ".pointwise");
    y.channels = out_channels;
    y.halvings += separable.stride == 2 ? 1 : 0;
  }
  return y;
}

Feature DecoderLayers::global_pool(const Feature& x,
                                   std::int64_t out_channels,
                                   const std::string& name) {
  const NodeId pooled = add(GlobalPool{}, {x.node}, name + ".pool");
  const NodeId y =
      conv_bn_relu(pooled, Conv{.in_channels = x.channels, .out_channels = out_channels}, name);
  return {add(Resize{}, {y, x.node}, name + ".resize"), out_channels, x.halvings};
}

Feature DecoderLayers::resized(const Feature& x,
                               const Feature& reference,
                               const std::string& name) {
  if (x.halvings == reference.halvings) return x;
  return {add(Resize{}, {x.node, reference.node}, name), x.channels, reference.halvings};
}

NodeId DecoderLayers::classifier(NodeId x,
                                 std::int64_t channels,
                                 int classes,
                                 const std::string& name) {
  const Conv conv{
      .in_channels = channels, .out_channels = classes, .kernel = 3, .padding = 1, .bias = true};
  return add(conv, {x}, name);
}

NodeId DecoderLayers::head(const std::vector<Feature>& collected, std::int64_t width, int classes) {
  std::vector<Feature> joined;
  std::int64_t channels = 0;
  for (std::size_t i = 0; i < collected.size(); ++i) {
    Feature next = collected[i];
    if (!joined.empty() && next.halvings > joined[0].halvings) {
      next = resized(next, joined[0], fmt::format("decoder.head.resize{}", i));
    }
    for (std::size_t k = 0; k < joined.size(); ++k) {
      joined[k] = resized(joined[k], next, fmt::format("decoder.head.resize{}.{}", i, k));
    }
    joined.push_back(next);
    channels += next.channels;
  }
  std::vector<NodeId> nodes;
  for (const Feature& feature : joined) nodes.push_back(feature.node);
  NodeId x = add(Concat{}, nodes, "decoder.head.concat");
  x = add(Relu{}, {x}, "decoder.head.relu");
  x = conv_bn_relu(x, Conv{.in_channels = channels, .out_channels = width}, "decoder.head.reduce");
  return classifier(x, width, classes, "decoder.head.classifier");
}

}  // namespace parsimony::graph
