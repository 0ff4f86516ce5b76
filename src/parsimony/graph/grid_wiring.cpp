// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/grid_wiring.h"

#include <fmt/format.h>

#include <bit>
#include <iterator>
#include <utility>

#include "parsimony/graph/grid_network.h"

namespace parsimony::graph {
namespace {

constexpr std::int64_t kStemChannels = 32;

}  // namespace

GridWiring::GridWiring(Graph& graph,
                       const std::vector<space::GridLayer>& paths,
                       const CellContent& content,
                       const GridOptions& options,
                       GammaSource gammas,
                       NodePresence presence)
    : layers_(graph),
      paths_(paths),
      options_(options),
      nodes_(nodes_of(content)),
      reads_before_(inputs_of(content) == 2),
      gammas_(gammas),
      presence_(presence),
      cells_(graph, content, options, paths.size()) {}

NodeId GridWiring::build(NodeId picture, int classes) {
  Maps before, maps = stem(picture);
  for (std::size_t l = 0; l < paths_.size(); ++l) {
    Maps next = layer(l, before, maps);
    before = std::move(maps);
    maps = std::move(next);
  }
  return head(maps, classes);
}

std::int64_t GridWiring::channels(int scale) const {
  return grid_channels(nodes_, options_, scale);
}

GridWiring::Maps GridWiring::stem(NodeId picture) {
  NodeId x = layers_.conv_bn_relu(
      picture,
      Conv{.in_channels = 3, .out_channels = kStemChannels, .kernel = 3, .stride = 2, .padding = 1},
      "stem.conv0");
  const auto depthwise = [&](std::int64_t stride, const std::string& name) {
    return layers_.add(Conv{.in_channels = kStemChannels,
                            .out_channels = kStemChannels,
                            .kernel = 3,
                            .stride = stride,
                            .padding = 1,
                            .groups = kStemChannels},
                       {x},
                       name + ".depthwise");
  };
  x = layers_.conv_bn_relu(depthwise(1, "stem.conv1"),
                           Conv{.in_channels = kStemChannels, .out_channels = kStemChannels},
                           "stem.conv1");
  // No ReLU behind the last one: all that reads it begins with one.
  x = layers_.conv_bn(depthwise(2, "stem.conv2"),
                      Conv{.in_channels = kStemChannels, .out_channels = channels(0)},
                      "stem.conv2");
  size_of_scale_[0] = x;

  Maps maps;
  const unsigned read = source_set(paths_[0]);
  for (int scale = 0; scale < static_cast<int>(std::bit_width(read)); ++scale) {
    if (scale > 0) x = down(x, scale, fmt::format("stem.scale{}", scale));
    if ((read >> scale & 1U) != 0) maps[scale] = x;
  }
  return maps;
}

GridWiring::Maps GridWiring::layer(std::size_t index, const Maps& before, const Maps& from) {
  const std::string name = fmt::format("layer{}", index + 1);
  cells_.set_layer(index);
  std::map<int, std::vector<NodeId>> incoming;
  for (const space::GridEdge& edge : paths_[index]) {
    const std::string path = fmt::format("{}.path{}-{}", name, edge.from, edge.to);
    const NodeId x = transition(from.at(edge.from), edge, path);
    incoming[edge.to].push_back(present(x, index, edge.from, path));
  }
  Maps maps;
  for (const auto& [scale, inputs] : incoming) {
    const std::string node = fmt::format("{}.scale{}", name, scale);
    const NodeId x = inputs.size() == 1 ? inputs[0] : fused(inputs, scale, node + ".attention");
    maps[scale] = cells_.module(x, second(x, index, before, scale, node), channels(scale), node);
    if (presence_ == NodePresence::kGiven)
      presences_[{index + 1, scale}] = layers_.add(Coefficients{1}, {}, node + ".presence");
  }
  return maps;
}

// What a module's first cell takes as its second input, if it has one.
NodeId GridWiring::second(
    NodeId x, std::size_t index, const Maps& before, int scale, const std::string& name) {
  const auto earlier = before.find(scale);
  if (!reads_before_ || earlier == before.end()) return x;
  return present(earlier->second, index - 1, scale, name + ".before");
}

NodeId GridWiring::transition(NodeId x, const space::GridEdge& edge, const std::string& name) {
  if (edge.from > edge.to) {
    x = cells_.block(
        x, {.in_channels = channels(edge.from), .out_channels = channels(edge.to)}, name);
    return layers_.add(Resize{}, {x, size_of_scale_.at(edge.to)}, name + ".resize");
  }
  for (int scale = edge.from + 1; scale <= edge.to; ++scale) {
    const bool several = edge.to - edge.from > 1;
    x = down(x, scale, several ? fmt::format("{}.scale{}", name, scale) : name);
  }
  return x;
}

NodeId GridWiring::down(NodeId x, int scale, const std::string& name) {
  const NodeId y = cells_.block(x,
                                {.in_channels = channels(scale - 1),
                                 .out_channels = channels(scale),
                                 .kernel = 3,
                                 .stride = 2},
                                name);
  size_of_scale_.emplace(scale, y);
  return y;
}

NodeId GridWiring::present(NodeId x, std::size_t layer, int scale, const std::string& name) {
  const auto presence = presences_.find({layer, scale});
  if (presence == presences_.end()) return x;
  return layers_.add(WeightedSum{}, {x, presence->second}, name + ".present");
}

NodeId GridWiring::fused(std::vector<NodeId> inputs, int scale, const std::string& name) {
  const PathAttention attention{
      .channels = channels(scale),
      .inputs = std::ssize(inputs),
      .gate = options_.gate.kind,
      .dynamic = options_.gate.dynamic,
      .kept = options_.gate.kept,
      .temperature = options_.gate.temperature,
      .given_gamma = gammas_ == GammaSource::kGiven && options_.gate.kind != PathGate::kUniform};
  if (attention.given_gamma)
    inputs.push_back(layers_.add(Coefficients{attention.inputs}, {}, name + ".gamma"));
  return layers_.add(attention, std::move(inputs), name);
}

NodeId GridWiring::head(const Maps& maps, int classes) {
  const std::int64_t width = options_.head.scale_channels;
  std::vector<NodeId> parts;
  for (const auto& [scale, map] : maps) {
    const std::string name = fmt::format("head.scale{}", scale);
    NodeId x = cells_.block(map, {.in_channels = channels(scale), .out_channels = width}, name);
    x = layers_.add(Relu{}, {x}, name + ".positive");
    x = present(x, paths_.size(), scale, name);
    if (scale > 0) x = layers_.add(Resize{}, {x, size_of_scale_.at(0)}, name + ".resize");
    parts.push_back(x);
  }
  NodeId x = parts.size() == 1 ? parts[0] : layers_.add(Concat{}, parts, "head.join");
  x = layers_.conv_bn_relu(x,
                           Conv{.in_channels = width * static_cast<std::int64_t>(parts.size()),
                                .out_channels = options_.head.channels},
                           "head.project");
  if (options_.head.dropout > 0)
    x = layers_.add(Dropout{options_.head.dropout}, {x}, "head.dropout");
  return layers_.add(
      Conv{.in_channels = options_.head.channels, .out_channels = classes, .bias = true},
      {x},
      "head.classifier");
}

}  // namespace parsimony::graph
