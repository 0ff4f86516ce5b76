// SPDX-License-Identifier: Apache-2.0
#include "parsimony/latency/work.h"

#include <algorithm>
#include <optional>

#include "parsimony/core/error.h"

namespace parsimony::latency {
namespace {

using graph::NodeId;
using graph::Shape;

WorkKind kind_of(const graph::Conv& conv, const Shape& in, const Shape& out) {
  if (conv.groups > 1 && conv.groups == conv.in_channels) return WorkKind::kDepthwise;
  const bool whole_map = conv.padding == 0 && conv.kernel == in.height && conv.kernel == in.width;
  if (whole_map && out.height == 1 && out.width == 1) return WorkKind::kLinear;
  return conv.kernel == 1 ? WorkKind::kPointwise : WorkKind::kConvolution;
}

// The work of one layer; nothing where it is fused into the one before it, or nothing is to be
// done.
std::optional<Work> work_of_layer(const graph::Node& node,
                                  const std::vector<Shape>& shapes,
                                  const Shape& out) {
  const auto shape_of_input = [&](std::size_t i) {
    return shapes[static_cast<std::size_t>(node.inputs.at(i))];
  };
  const auto plain = [&](WorkKind kind, const Shape& in) {
    return Work{.kind = kind, .in = in, .out = out, .inputs = {}, .name = node.name};
  };
  return std::visit(
      graph::Match{
          [&](const graph::Conv& conv) -> std::optional<Work> {
            Work work = plain(kind_of(conv, shape_of_input(0), out), shape_of_input(0));
            work.kernel = conv.kernel;
            work.stride = conv.stride;
            work.dilation = conv.dilation;
            work.groups = conv.groups;
            return work;
          },
          [&](const graph::MaxPool& pool) -> std::optional<Work> {
            Work work = plain(WorkKind::kPool, shape_of_input(0));
            work.kernel = pool.kernel;
            work.stride = pool.stride;
            return work;
          },
          [&](const graph::AvgPool& pool) -> std::optional<Work> {
            Work work = plain(WorkKind::kPool, shape_of_input(0));
            work.kernel = pool.kernel;
            work.stride = pool.stride;
            return work;
          },
          [&](const graph::Slice&) -> std::optional<Work> { return plain(WorkKind::kConcat, out); },
          [&](const graph::Shuffle&) -> std::optional<Work> {
            return plain(WorkKind::kConcat, out);
          },
          [&](const graph::GlobalPool&) -> std::optional<Work> {
            return plain(WorkKind::kPool, shape_of_input(0));
          },
          [&](const graph::Resize&) -> std::optional<Work> {
            if (shape_of_input(0) == out) return std::nullopt;
            return plain(WorkKind::kResize, shape_of_input(0));
          },
          [&](const graph::Add&) -> std::optional<Work> {
            if (node.inputs.size() < 2) return std::nullopt;
            return plain(WorkKind::kAdd, out);
          },
          [&](const graph::Concat&) -> std::optional<Work> {
            if (node.inputs.size() < 2) return std::nullopt;
            return plain(WorkKind::kConcat, out);
          },
          [&](const graph::Scale&) -> std::optional<Work> { return plain(WorkKind::kScale, out); },
          [&](const graph::Multiply&) -> std::optional<Work> {
            return plain(WorkKind::kScale, out);
          },
          [&](const auto&) -> std::optional<Work> { return std::nullopt; }},
      node.layer);
}

// Path attention as it is deployed: for each map its mean, two linear layers and its share, then
// the sum. Weights that do not depend on the maps are constants.
class PathAttentionWork {
 public:
  PathAttentionWork(const graph::Node& node, const Shape& map, std::vector<Work>& works)
      : node_(node), gate_(std::get<graph::PathAttention>(node.layer)), map_(map), works_(works) {}

  // `maps` says which works have made them. The work that makes the result.
  int append(const std::vector<int>& maps) {
    std::vector<int> shares;
    for (const int map : maps) {
      std::vector<int> inputs = {map};
      if (gate_.reads_content()) inputs.push_back(score_of(map));
      shares.push_back(add(WorkKind::kScale, map_, map_, inputs));
    }
    return shares.size() < 2 ? shares[0] : add(WorkKind::kAdd, map_, map_, std::move(shares));
  }

 private:
  int score_of(int map) {
    const Shape mean{map_.channels, 1, 1}, hidden{gate_.hidden(), 1, 1};
    const int pooled = add(WorkKind::kPool, map_, mean, {map});
    const int first = add(WorkKind::kLinear, mean, hidden, {pooled});
    return add(WorkKind::kLinear, hidden, {1, 1, 1}, {first});
  }

  int add(WorkKind kind, const Shape& in, const Shape& out, std::vector<int> inputs) {
    std::sort(inputs.begin(), inputs.end());
    works_.push_back(
        {.kind = kind, .in = in, .out = out, .inputs = std::move(inputs), .name = node_.name});
    return static_cast<int>(works_.size()) - 1;
  }

  const graph::Node& node_;
  const graph::PathAttention& gate_;
  const Shape map_;
  std::vector<Work>& works_;
};

}  // namespace

std::vector<Work> work_of(const graph::Graph& network, graph::Size picture) {
  const graph::Graph used = graph::subgraph(network, {}, {{"logits", network.output("logits")}});
  const std::vector<Shape> shapes = graph::infer_shapes(used, picture);
  std::vector<Work> works;
  std::vector<int> producer(used.nodes.size(), kPicture);  // which work has made a node's value
  bool has_picture = false;
  for (std::size_t id = 0; id < used.nodes.size(); ++id) {
    const graph::Node& node = used.nodes[id];
    if (std::holds_alternative<graph::Input>(node.layer)) {
      core::require(!has_picture, "a latency is asked for a network of several inputs");
      has_picture = true;
      continue;
    }
    core::require(!std::holds_alternative<graph::Coefficients>(node.layer),
                  "a latency is asked for a search's supernet: '{}'",
                  node.name);
    if (std::holds_alternative<graph::PathAttention>(node.layer)) {
      std::vector<int> maps;
      for (const NodeId input : node.inputs)
        maps.push_back(producer[static_cast<std::size_t>(input)]);
      producer[id] = PathAttentionWork(node, shapes[id], works).append(maps);
      continue;
    }
    std::optional<Work> work = work_of_layer(node, shapes, shapes[id]);
    if (!work) {
      producer[id] = producer[static_cast<std::size_t>(node.inputs.at(0))];
      continue;
    }
    // The second input of a resize only lends its size.
    const std::size_t read = work->kind == WorkKind::kResize ? 1 : node.inputs.size();
    for (std::size_t i = 0; i < read; ++i)
      work->inputs.push_back(producer[static_cast<std::size_t>(node.inputs[i])]);
    std::sort(work->inputs.begin(), work->inputs.end());
    producer[id] = static_cast<int>(works.size());
    works.push_back(std::move(*work));
  }
  return works;
}

}  // namespace parsimony::latency
