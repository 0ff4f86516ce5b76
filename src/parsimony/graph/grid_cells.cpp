// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/grid_cells.h"

#include <fmt/format.h>

#include "parsimony/core/error.h"

namespace parsimony::graph {
namespace {

using space::GridOp;

constexpr std::int64_t kNarrowestNestedNode = 4;

// The operations of mixed edges, which are all but "none".
std::vector<GridOp> real_ops(const MixedCells& cells) {
  std::vector<GridOp> ops;
  for (const space::CandidateOp& op : cells.candidates.ops)
    if (op) ops.push_back(*op);
  return ops;
}

}  // namespace

int nodes_of(const CellContent& content) {
  const auto* cell = std::get_if<space::GridCell>(&content);
  return cell != nullptr ? cell->nodes() : std::get<MixedCells>(content).candidates.nodes;
}

int inputs_of(const CellContent& content) {
  const auto* cell = std::get_if<space::GridCell>(&content);
  return cell != nullptr ? cell->inputs : std::get<MixedCells>(content).candidates.inputs;
}

GridCells::GridCells(Graph& graph,
                     const CellContent& content,
                     const GridOptions& options,
                     std::size_t layers)
    : layers_(graph),
      content_(content),
      options_(options),
      layer_count_(layers),
      inputs_(inputs_of(content)),
      nodes_(nodes_of(content)) {
  const auto* cells = std::get_if<MixedCells>(&content);
  if (cells == nullptr) return;
  const auto ops = std::ssize(real_ops(*cells));
  for (const space::MixedEdge& edge : mixed_edges(cells->candidates)) {
    edge_weights_.push_back(layers_.add(
        Coefficients{ops}, {}, fmt::format("mixture.node{}.from{}", edge.node, edge.source)));
  }
  for (int node = inputs_; node < inputs_ + nodes_ && cells->partial_channels > 1; ++node)
    node_weights_.push_back(
        layers_.add(Coefficients{node}, {}, fmt::format("mixture.node{}.edges", node)));
}

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
    cell_of_node_ = t;
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
  const bool reads_before = inputs_ == 2;
  NodeId half_before = reads_before ? half(before, channels, true, name + ".before") : before;
  for (int t = 0; t < options_.cells; ++t) {
    const std::string cell_name = fmt::format("{}.cell{}", name, t);
    const NodeId passed = half(x, channels, false, cell_name + ".passed");
    const NodeId read = half(x, channels, true, cell_name + ".read");
    cell_of_node_ = t;
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
  const std::int64_t nodes = nodes_;
  const bool whole = channels % (2 * nodes) == 0;
  const bool wide = channels / (2 * nodes) >= kNarrowestNestedNode;
  if (depth > 0 && (depth == options_.cells || !whole || !wide)) return x;
  const std::string cell_name = fmt::format("{}.cell{}", name, depth);
  const NodeId passed = half(x, channels, false, cell_name + ".passed");
  const NodeId read = half(x, channels, true, cell_name + ".read");
  const NodeId read_before =
      inputs_ == 2 ? half(before, channels, true, cell_name + ".before") : before;
  cell_of_node_ = depth;
  const NodeId made = cell(read, read_before, channels / 2, cell_name);
  const NodeId inner = nested(made, read, channels / 2, depth + 1, name);
  const NodeId both = layers_.add(Concat{}, {passed, inner}, cell_name + ".join");
  return block(both, {.in_channels = channels, .out_channels = channels}, cell_name + ".close");
}

NodeId GridCells::cell(NodeId x, NodeId before, std::int64_t channels, const std::string& name) {
  const std::int64_t width = channels / nodes_;
  const Block enter{.in_channels = channels, .out_channels = width};
  std::vector<NodeId> values = {block(x, enter, name + ".input0")};
  if (inputs_ == 2) values.push_back(block(before, enter, name + ".input1"));
  values = std::visit(
      [&](const auto& content) { return filled(content, std::move(values), width, name); },
      content_);
  const std::vector<NodeId> nodes(values.begin() + inputs_, values.end());
  return nodes.size() == 1 ? nodes[0] : layers_.add(Concat{}, nodes, name + ".output");
}

std::vector<NodeId> GridCells::filled(const space::GridCell& cell,
                                      std::vector<NodeId> values,
                                      std::int64_t width,
                                      const std::string& name) {
  for (auto edge = cell.edges.begin(); edge != cell.edges.end();) {
    const int node = edge->node;
    std::vector<NodeId> terms;
    for (; edge != cell.edges.end() && edge->node == node; ++edge) {
      const std::string op = fmt::format("{}.node{}.from{}", name, node, edge->source);
      const NodeId source = values[static_cast<std::size_t>(edge->source)];
      const NodeId term = operation(edge->op, source, width, op);
      terms.push_back(edge->op == GridOp::kSkip ? term : dropped(term, op + ".dropped"));
    }
    values.push_back(terms.size() == 1
                         ? terms[0]
                         : layers_.add(Add{}, terms, fmt::format("{}.node{}", name, node)));
  }
  return values;
}

std::vector<NodeId> GridCells::filled(const MixedCells& cells,
                                      std::vector<NodeId> values,
                                      std::int64_t width,
                                      const std::string& name) {
  std::size_t edge = 0;
  for (int node = inputs_; node < inputs_ + nodes_; ++node) {
    const std::string sum = fmt::format("{}.node{}", name, node);
    std::vector<NodeId> terms;
    for (std::size_t source = 0; source < values.size(); ++source, ++edge)
      terms.push_back(mixed(cells,
                            values[source],
                            edge_weights_[edge],
                            width,
                            fmt::format("{}.from{}", sum, source)));
    if (!node_weights_.empty()) {
      terms.push_back(node_weights_[static_cast<std::size_t>(node - inputs_)]);
      values.push_back(layers_.add(WeightedSum{}, terms, sum));
    } else {
      values.push_back(terms.size() == 1 ? terms[0] : layers_.add(Add{}, terms, sum));
    }
  }
  return values;
}

NodeId GridCells::mixed(const MixedCells& cells,
                        NodeId x,
                        NodeId weights,
                        std::int64_t width,
                        const std::string& name) {
  const std::int64_t seen = width / cells.partial_channels;
  const NodeId part = seen == width ? x : layers_.add(Slice{0, seen}, {x}, name + ".seen");
  std::vector<NodeId> terms;
  for (const GridOp op : real_ops(cells)) {
    const std::string own =
        fmt::format("{}.{}", name, space::kGridOpNames[static_cast<std::size_t>(op)]);
    NodeId term = operation(op, part, seen, own);
    // As in DARTS: what pools give is of no size that mixes with the others'.
    if (op == GridOp::kMaxPool3x3 || op == GridOp::kAvgPool3x3)
      term = layers_.add(BatchNorm{seen}, {term}, own + ".bn");
    if (op == GridOp::kSkip && cells.skip_dropout > 0)
      term = layers_.add(Dropout{cells.skip_dropout}, {term}, own + ".dropout");
    terms.push_back(term);
  }
  terms.push_back(weights);
  const NodeId sum = layers_.add(WeightedSum{}, terms, name);
  if (seen == width) return sum;
  const NodeId rest = layers_.add(Slice{seen, width - seen}, {x}, name + ".rest");
  const NodeId both = layers_.add(Concat{}, {sum, rest}, name + ".join");
  return layers_.add(Shuffle{cells.partial_channels}, {both}, name + ".shuffle");
}

NodeId GridCells::dropped(NodeId x, const std::string& name) {
  if (options_.drop_path == 0) return x;
  const auto before = static_cast<double>(layer_ * static_cast<std::size_t>(options_.cells)) +
                      static_cast<double>(cell_of_node_);
  const auto all = static_cast<double>(layer_count_ * static_cast<std::size_t>(options_.cells));
  return layers_.add(DropPath{options_.drop_path * (before + 1) / all}, {x}, name);
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
