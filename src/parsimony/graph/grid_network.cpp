// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/grid_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>

#include "parsimony/core/error.h"
#include "parsimony/graph/decoder_layers.h"
#include "parsimony/graph/grid_cells.h"

namespace parsimony::graph {
namespace {

using space::GridGenotype;
using space::GridLayer;

constexpr std::int64_t kStemChannels = 32;

void check(const GridGenotype& genotype, const GridOptions& options) {
  space::check_paths(genotype, options.rules);
  if (options.rsp != RspMode::kNone && options.filters % 2 != 0) {
    core::throw_user_error(
        "grid.filters is {}: with grid.rsp = {} half of a node's channels enter a cell, which needs "
        "an even number; expected one, or grid.rsp = none",
        options.filters,
        kRspModeNames[static_cast<std::size_t>(options.rsp)]);
  }
  for (std::size_t l = 1; l < genotype.layers.size(); ++l) {
    core::require(source_set(genotype.layers[l]) == sink_set(genotype.layers[l - 1]),
                  "layer {} does not read what layer {} makes",
                  l + 1,
                  l);
  }
}

class GridNetwork {
 public:
  GridNetwork(Graph& graph, const GridGenotype& genotype, const GridOptions& options)
      : layers_(graph),
        genotype_(genotype),
        options_(options),
        cells_(graph, genotype.cell, options) {}

  NodeId build(NodeId picture, int classes) {
    Maps before, maps = stem(picture);
    for (std::size_t l = 0; l < genotype_.layers.size(); ++l) {
      Maps next = layer(genotype_.layers[l], before, maps, fmt::format("layer{}", l + 1));
      before = std::move(maps);
      maps = std::move(next);
    }
    return head(maps, classes);
  }

 private:
  using Maps = std::map<int, NodeId>;  // by scale

  std::int64_t channels(int scale) const { return grid_channels(genotype_.cell, options_, scale); }

  // The maps that the first layer reads.
  Maps stem(NodeId picture) {
    NodeId x = layers_.conv_bn_relu(picture,
                                    Conv{.in_channels = 3,
                                         .out_channels = kStemChannels,
                                         .kernel = 3,
                                         .stride = 2,
                                         .padding = 1},
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
    const unsigned read = source_set(genotype_.layers[0]);
    for (int scale = 0; scale < static_cast<int>(std::bit_width(read)); ++scale) {
      if (scale > 0) x = down(x, scale, fmt::format("stem.scale{}", scale));
      if ((read >> scale & 1U) != 0) maps[scale] = x;
    }
    return maps;
  }

  Maps layer(const GridLayer& edges,
             const Maps& before,
             const Maps& from,
             const std::string& name) {
    std::map<int, std::vector<NodeId>> incoming;
    for (const space::GridEdge& edge : edges) {
      const std::string path = fmt::format("{}.path{}-{}", name, edge.from, edge.to);
      incoming[edge.to].push_back(transition(from.at(edge.from), edge, path));
    }
    Maps maps;
    for (const auto& [scale, inputs] : incoming) {
      const std::string node = fmt::format("{}.scale{}", name, scale);
      const NodeId x = inputs.size() == 1 ? inputs[0] : fused(inputs, scale, node + ".attention");
      const auto earlier = before.find(scale);
      maps[scale] =
          cells_.module(x, earlier == before.end() ? x : earlier->second, channels(scale), node);
    }
    return maps;
  }

  NodeId transition(NodeId x, const space::GridEdge& edge, const std::string& name) {
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

  // From the next finer scale.
  NodeId down(NodeId x, int scale, const std::string& name) {
    const NodeId y = cells_.block(x,
                                  {.in_channels = channels(scale - 1),
                                   .out_channels = channels(scale),
                                   .kernel = 3,
                                   .stride = 2},
                                  name);
    size_of_scale_.emplace(scale, y);
    return y;
  }

  NodeId fused(const std::vector<NodeId>& inputs, int scale, const std::string& name) {
    return layers_.add(PathAttention{.channels = channels(scale),
                                     .inputs = static_cast<std::int64_t>(inputs.size()),
                                     .gate = options_.gate.kind,
                                     .dynamic = options_.gate.dynamic,
                                     .kept = options_.gate.kept,
                                     .temperature = options_.gate.temperature},
                       inputs,
                       name);
  }

  NodeId head(const Maps& maps, int classes) {
    const std::int64_t width = options_.head.scale_channels;
    std::vector<NodeId> parts;
    for (const auto& [scale, map] : maps) {
      const std::string name = fmt::format("head.scale{}", scale);
      NodeId x = cells_.block(map, {.in_channels = channels(scale), .out_channels = width}, name);
      x = layers_.add(Relu{}, {x}, name + ".positive");
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

  DecoderLayers layers_;
  const GridGenotype& genotype_;
  const GridOptions& options_;
  GridCells cells_;
  Maps size_of_scale_;  // the first map of each scale
};

}  // namespace

std::int64_t grid_channels(const space::GridCell& cell, const GridOptions& options, int scale) {
  return (static_cast<std::int64_t>(cell.nodes()) * options.filters) << scale;
}

Graph grid_network(const GridGenotype& genotype, const GridOptions& options, int classes) {
  check(genotype, options);
  Graph graph;
  const NodeId picture = graph.add(Input{3, 1}, {}, Section::kDecoder, "picture");
  const NodeId logits = GridNetwork(graph, genotype, options).build(picture, classes);
  graph.outputs.push_back({"logits", logits});
  verify(graph);
  return graph;
}

}  // namespace parsimony::graph
