// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/grid_cells.h"

#include <fmt/format.h>

#include "parsimony/core/error.h"

namespace parsimony::graph {
namespace {

using space::GridOp;

constexpr std::int64_t kNarrowestNestedNode = 4;

}  // namespace

NodeId GridCells::module(NodeId x, NodeId before, std::int64_t channels, const std::string& name) {
  switch (options_.rsp) {
    case RspMode::kNone:
      return chain(x, before, channels, name);
    case RspMode::kIterative:
      return iterative(x, before, channels, name);
    case RspMode::kNested:
      return nested(x, before, channels, 0, name);
  }
  core::throw_internal_error("RSP mode {} does not exist", static_cast<int>(options_.rsp));
}

NodeId GridCells::block(NodeId x, const Block& block, const std::string& name) {
  NodeId y = layers_.add(Relu{}, {x}, name + ".relu");
  if (block.kernel > 1) {
    y = layers_.add(Conv{.in_channels = block.in_channels,
                         .out_channels = block.in_channels,
                         .kernel = block.kernel,
                         .stride = block.stride,
                         .padding = block.dilation * (block.kernel / 2),
                         .dilation = block.dilation,
                         .groups = block.in_channels},
                    {y},
                    name + ".depthwise");
  }
  return layers_.conv_bn(
      y, Conv{.in_channels = block.in_channels, .out_channels = block.out_channels}, name);
}

NodeId GridCells::chain(NodeId x, NodeId before, std::int64_t channels, const std::string& name) {
  for (int t = 0; t < options_.cells; ++t) {
    const NodeId y = cell(x, before, channels, fmt::format("{}.cell{}", name, t));
    before = x;
    x = y;
  }
  return x;
}

NodeId GridCells::iterative(NodeId x,
                            NodeId before,
                            std::int64_t channels,
                            const std::string& name) {
  const bool reads_before = cell_.inputs == 2;
  NodeId half_before = reads_before ? half(before, channels, true, name + ".before") : before;
  for (int t = 0; t < options_.cells; ++t) {
    const std::string cell_name = fmt::format("{}.cell{}", name, t);
    const NodeId passed = half(x, channels, false, cell_name + ".passed");
    const NodeId read = half(x, channels, true, cell_name + ".read");
    const NodeId made = cell(read, half_before, channels / 2, cell_name);
    const NodeId both = layers_.add(Concat{}, {passed, made}, cell_name + ".join");
    x = layers_.add(Shuffle{2}, {both}, cell_name + ".shuffle");
    half_before = read;
  }
  if (!options_.close) return x;
  return block(x, {.in_channels = channels, .out_channels = channels}, name + ".close");
}

NodeId GridCells::nested(
    NodeId x, NodeId before, std::int64_t channels, int depth, const std::string& name) {
  const std::int64_t nodes = cell_.nodes();
  const bool whole = channels % (2 * nodes) == 0;
  const bool wide = channels / (2 * nodes) >= kNarrowestNestedNode;
  if (depth > 0 && (depth == options_.cells || !whole || !wide)) return x;
  const std::string cell_name = fmt::format("{}.cell{}", name, depth);
  const NodeId passed = half(x, channels, false, cell_name + ".passed");
  const NodeId read = half(x, channels, true, cell_name + ".read");
  const NodeId read_before =
      cell_.inputs == 2 ? half(before, channels, true, cell_name + ".before") : before;
  const NodeId made = cell(read, read_before, channels / 2, cell_name);
  const NodeId inner = nested(made, read, channels / 2, depth + 1, name);
  const NodeId both = layers_.add(Concat{}, {passed, inner}, cell_name + ".join");
  return block(both, {.in_channels = channels, .out_channels = channels}, cell_name + ".close");
}

NodeId GridCells::cell(NodeId x, NodeId before, std::int64_t channels, const std::string& name) {
  const std::int64_t width = channels / cell_.nodes();
  const Block enter{.in_channels = channels, .out_channels = width};
  std::vector<NodeId> values = {block(x, enter, name + ".input0")};
  if (cell_.inputs == 2) values.push_back(block(before, enter, name + ".input1"));

  for (auto edge = cell_.edges.begin(); edge != cell_.edges.end();) {
    const int node = edge->node;
    std::vector<NodeId> terms;
    for (; edge != cell_.edges.end() && edge->node == node; ++edge) {
      terms.push_back(operation(edge->op,
                                values[static_cast<std::size_t>(edge->source)],
                                width,
                                fmt::format("{}.node{}.from{}", name, node, edge->source)));
    }
    values.push_back(terms.size() == 1
                         ? terms[0]
                         : layers_.add(Add{}, terms, fmt::format("{}.node{}", name, node)));
  }
  const std::vector<NodeId> nodes(values.begin() + cell_.inputs, values.end());
  return nodes.size() == 1 ? nodes[0] : layers_.add(Concat{}, nodes, name + ".output");
}

NodeId GridCells::operation(GridOp op, NodeId x, std::int64_t channels, const std::string& name) {
  const auto separable = [&](std::int64_t kernel) {
    const Block once{.in_channels = channels, .out_channels = channels, .kernel = kernel};
    return block(block(x, once, name + ".r0"), once, name + ".r1");
  };
  const auto dilated = [&](std::int64_t kernel) {
    return block(
        x,
        {.in_channels = channels, .out_channels = channels, .kernel = kernel, .dilation = 2},
        name);
  };
  switch (op) {
    case GridOp::kMaxPool3x3:
      return layers_.add(MaxPool{}, {x}, name);
    case GridOp::kAvgPool3x3:
      return layers_.add(AvgPool{}, {x}, name);
    case GridOp::kSkip:
      return x;
    case GridOp::kSepConv3x3:
      return separable(3);
    case GridOp::kSepConv5x5:
      return separable(5);
    case GridOp::kDilConv3x3:
      return dilated(3);
    case GridOp::kDilConv5x5:
      return dilated(5);
  }
  core::throw_internal_error("grid operation {} does not exist", static_cast<int>(op));
}

NodeId GridCells::half(NodeId x, std::int64_t channels, bool second, const std::string& name) {
  return layers_.add(Slice{second ? channels / 2 : 0, channels / 2}, {x}, name);
}

}  // namespace parsimony::graph
