// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/onnx_lowering.h"

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/deploy/onnx_path_attention.h"
#include "parsimony/deploy/trained_graph.h"

namespace parsimony::deploy {
namespace {

using graph::Add;
using graph::AvgPool;
using graph::BatchNorm;
using graph::Coefficients;
using graph::Concat;
using graph::Conv;
using graph::Dropout;
using graph::DropPath;
using graph::GlobalPool;
using graph::Graph;
using graph::Input;
using graph::Match;
using graph::MaxPool;
using graph::Multiply;
using graph::Node;
using graph::NodeId;
using graph::PathAttention;
using graph::Relu;
using graph::Resize;
using graph::Scale;
using graph::Shape;
using graph::Shuffle;
using graph::Size;
using graph::Slice;
using graph::WeightedSum;
using graph::Zero;

constexpr std::size_t at(NodeId id) {
  return static_cast<std::size_t>(id);
}

std::vector<std::int64_t> batch_of_one(Shape shape) {
  return {1, shape.channels, shape.height, shape.width};
}

class Lowering {
 public:
  Lowering(OnnxBuilder& builder,
           const Graph& graph,
           const weights::ArrayMap& weights,
           Size size,
           const std::string& picture)
      : builder_(builder),
        graph_(graph),
        weights_(weights),
        shapes_(infer_shapes(graph, size)),
        picture_(picture) {}

  std::string run() {
    core::require(graph_.outputs.size() == 1,
                  "lowering of a graph with {} outputs to ONNX",
                  graph_.outputs.size());
    find_needed();
    for (NodeId id = 0; id < count(); ++id)
      values_.push_back(needed_[at(id)] ? append(id) : std::string());
    return values_[at(graph_.outputs[0].node)];
  }

 private:
  NodeId count() const { return static_cast<NodeId>(graph_.nodes.size()); }

  // The inputs whose content matters, not only their size.
  static std::size_t content_inputs(const Node& node) {
    return std::visit(Match{[](const Resize&) { return std::size_t{1}; },
                            [](const Zero&) { return std::size_t{0}; },
                            [&](const auto&) { return node.inputs.size(); }},
                      node.layer);
  }

  void find_needed() {
    needed_.assign(graph_.nodes.size(), false);
    needed_[at(graph_.outputs[0].node)] = true;
    for (NodeId id = count(); id-- > 0;) {
      if (!needed_[at(id)]) continue;
      const Node& node = graph_[id];
      for (std::size_t i = 0; i < content_inputs(node); ++i) needed_[at(node.inputs[i])] = true;
    }
  }

  // Resampling of a single pixel: the same value everywhere.
  bool is_spread(NodeId id) const {
    const Node& node = graph_[id];
    if (!std::holds_alternative<Resize>(node.layer)) return false;
    const Shape& from = shapes_[at(node.inputs[0])];
    return from.height == 1 && from.width == 1 && shapes_[at(id)] != from;
  }

  // Whether a spread pixel may stay a pixel, because every reader is a sum that broadcasts it to
  // the size of another term.
  bool stays_pixel(NodeId id) const {
    if (graph_.outputs[0].node == id) return false;
    for (NodeId reader = id + 1; reader < count(); ++reader) {
      const Node& node = graph_[reader];
      const auto contents = node.inputs.begin() + static_cast<std::ptrdiff_t>(content_inputs(node));
      if (!needed_[at(reader)] || std::find(node.inputs.begin(), contents, id) == contents)
        continue;
      const bool broadcasts = std::holds_alternative<Add>(node.layer) &&
                              !std::all_of(node.inputs.begin(), node.inputs.end(), [&](NodeId i) {
                                return is_spread(i);
                              });
      if (!broadcasts) return false;
    }
    return true;
  }

  std::string append(NodeId id) {
    const Node& node = graph_[id];
    const auto in = [&](std::size_t i) -> const std::string& {
      return values_[at(node.inputs[i])];
    };
    return std::visit(
        Match{
            [&](const Input& input) { return entry(input, node); },
            [&](const Conv& conv) { return convolution(conv, node); },
            [&](const BatchNorm&) { return batch_norm(node); },
            [&](const Relu& relu) {
              if (!relu.bounded()) return builder_.node("Relu", {in(0)}, node.name);
              const std::string ceiling = builder_.scalar(static_cast<float>(relu.ceiling));
              return builder_.node("Clip", {in(0), builder_.scalar(0), ceiling}, node.name);
            },
            [&](const Add&) { return sum(node); },
            [&](const Multiply&) {
              return builder_.node("Mul", {in(0), in(1)}, node.name);
            },
            [&](const Concat&) {
              std::vector<std::string> parts;
              for (std::size_t i = 0; i < node.inputs.size(); ++i) parts.push_back(in(i));
              return builder_.node("Concat", parts, node.name, {{"axis", std::int64_t{1}}});
            },
            [&](const Resize&) { return resize(id); },
            [&](const GlobalPool&) {
              return builder_.node("GlobalAveragePool", {in(0)}, node.name);
            },
            [&](const MaxPool& pool) { return window("MaxPool", pool, node, {}); },
            [&](const AvgPool& pool) {
              return window("AveragePool", pool, node, {{"count_include_pad", std::int64_t{0}}});
            },
            [&](const Slice& slice) {
              const std::string first = builder_.integers({slice.first});
              const std::string end = builder_.integers({slice.first + slice.channels});
              return builder_.node("Slice", {in(0), first, end, builder_.integers({1})}, node.name);
            },
            [&](const Shuffle& shuffle) { return shuffled(shuffle, id); },
            [&](const Dropout&) { return in(0); },
            [&](const DropPath&) { return in(0); },
            [&](const Coefficients&) { return relaxed(node); },
            [&](const WeightedSum&) { return relaxed(node); },
            [&](const PathAttention&) {
              std::vector<std::string> maps;
              for (std::size_t i = 0; i < node.inputs.size(); ++i) maps.push_back(in(i));
              return append_path_attention(builder_, node, weights_, maps);
            },
            [&](const Scale& scale) {
              const std::string factors = constant(parameters_of(node)[0], {scale.channels, 1, 1});
              return builder_.node("Mul", {in(0), factors}, node.name);
            },
            [&](const Zero&) {
              const std::string shape = builder_.integers(batch_of_one(shapes_[at(id)]));
              return builder_.node("ConstantOfShape", {shape}, node.name);
            }},
        node.layer);
  }

  [[noreturn]] static std::string relaxed(const Node& node) {
    core::throw_internal_error("'{}' is of a search's supernet, which is not exported", node.name);
  }

  std::string entry(const Input& input, const Node& node) const {
    core::require(input == Input{3, 1},
                  "only whole networks are exported; input '{}' has {} channels and stride {}",
                  node.name,
                  input.channels,
                  input.stride);
    return picture_;
  }

  std::string constant(const Parameter& parameter) { return constant(parameter, parameter.shape); }

  // The same values in another shape.
  std::string constant(const Parameter& parameter, const std::vector<std::int64_t>& shape) {
    return builder_.floats(parameter.name, shape, values_of(weights_, parameter));
  }

  std::string convolution(const Conv& conv, const Node& node) {
    std::vector<std::string> inputs = {values_[at(node.inputs[0])]};
    for (const Parameter& parameter : parameters_of(node)) inputs.push_back(constant(parameter));
    const std::int64_t pad = conv.padding;
    return builder_.node("Conv",
                         inputs,
                         node.name,
                         {{"kernel_shape", std::vector{conv.kernel, conv.kernel}},
                          {"strides", std::vector{conv.stride, conv.stride}},
                          {"pads", std::vector{pad, pad, pad, pad}},
                          {"dilations", std::vector{conv.dilation, conv.dilation}},
                          {"group", conv.groups}});
  }

  template <typename Pool>
  std::string window(std::string_view op,
                     const Pool& pool,
                     const Node& node,
                     std::vector<OnnxAttribute> attributes) {
    const std::int64_t pad = pool.padding;
    attributes.insert(attributes.end(),
                      {{"kernel_shape", std::vector{pool.kernel, pool.kernel}},
                       {"strides", std::vector{pool.stride, pool.stride}},
                       {"pads", std::vector{pad, pad, pad, pad}}});
    return builder_.node(op, {values_[at(node.inputs[0])]}, node.name, attributes);
  }

  std::string shuffled(const Shuffle& shuffle, NodeId id) {
    const Node& node = graph_[id];
    const Shape& shape = shapes_[at(id)];
    const std::vector<std::int64_t> runs = {
        1, shuffle.groups, shape.channels / shuffle.groups, shape.height, shape.width};
    std::string value = builder_.node(
        "Reshape", {values_[at(node.inputs[0])], builder_.integers(runs)}, node.name + ".runs");
    value = builder_.node("Transpose",
                          {value},
                          node.name + ".dealt",
                          {{"perm", std::vector<std::int64_t>{0, 2, 1, 3, 4}}});
    return builder_.node("Reshape", {value, builder_.integers(batch_of_one(shape))}, node.name);
  }

  std::string batch_norm(const Node& node) {
    std::vector<std::string> inputs = {values_[at(node.inputs[0])]};
    for (const Parameter& parameter : parameters_of(node)) inputs.push_back(constant(parameter));
    return builder_.node("BatchNormalization",
                         inputs,
                         node.name,
                         {{"epsilon", static_cast<float>(kBatchNormEpsilon)}});
  }

  // The operator takes two terms.
  std::string sum(const Node& node) {
    std::string total = values_[at(node.inputs[0])];
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      total = builder_.node("Add", {total, values_[at(node.inputs[i])]}, node.name);
    }
    return total;
  }

  std::string resize(NodeId id) {
    const Node& node = graph_[id];
    const std::string& value = values_[at(node.inputs[0])];
    if (shapes_[at(id)] == shapes_[at(node.inputs[0])] || (is_spread(id) && stays_pixel(id)))
      return value;
    if (is_spread(id)) {
      return builder_.node(
          "Expand", {value, builder_.integers(batch_of_one(shapes_[at(id)]))}, node.name);
    }
    return append_resize(builder_, value, shapes_[at(id)], node.name);
  }

  OnnxBuilder& builder_;
  const Graph& graph_;
  const weights::ArrayMap& weights_;
  const std::vector<Shape> shapes_;
  const std::string picture_;
  std::vector<bool> needed_;
  std::vector<std::string> values_;  // name of each node's result
};

}  // namespace

std::string append_graph(OnnxBuilder& builder,
                         const Graph& graph,
                         const weights::ArrayMap& weights,
                         Size size,
                         const std::string& picture) {
  return Lowering(builder, graph, weights, size, picture).run();
}

std::string append_resize(OnnxBuilder& builder,
                          const std::string& value,
                          Shape to,
                          const std::string& name) {
  // Empty names stand for the two optional inputs in between: region of interest and scales.
  return builder.node("Resize",
                      {value, "", "", builder.integers(batch_of_one(to))},
                      name,
                      {{"mode", std::string("linear")},
                       {"coordinate_transformation_mode", std::string("half_pixel")}});
}

}  // namespace parsimony::deploy
