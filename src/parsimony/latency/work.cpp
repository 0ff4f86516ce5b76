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
