// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/graph.h"

#include <set>

#include "parsimony/core/error.h"

namespace parsimony::graph {
namespace {

using core::require;

std::size_t expected_inputs(const Layer& layer) {
  return std::visit(Match{[](const Input&) { return std::size_t{0}; },
                          [](const Multiply&) { return std::size_t{2}; },
                          [](const Resize&) { return std::size_t{2}; },
                          [](const Coefficients&) { return std::size_t{0}; },
                          [](const PathAttention& gate) {
                            return static_cast<std::size_t>(gate.inputs) +
                                   (gate.given_gamma ? 1 : 0);
                          },
                          [](const auto&) { return std::size_t{1}; }},
                    layer);
}

bool takes_many_inputs(const Layer& layer) {
  return std::holds_alternative<Add>(layer) || std::holds_alternative<Concat>(layer) ||
         std::holds_alternative<WeightedSum>(layer);
}

// How many inputs are maps: all, or all but the last one.
std::size_t map_count(const Node& node) {
  const auto* gate = std::get_if<PathAttention>(&node.layer);
  const bool weighted =
      std::holds_alternative<WeightedSum>(node.layer) || (gate != nullptr && gate->given_gamma);
  return node.inputs.size() - (weighted ? 1 : 0);
}

// All of one shape.
// A layer of several maps of `expected` channels, which may have coefficients behind them.
void check_maps(const Graph& graph,
                NodeId id,
                const std::vector<std::int64_t>& channels,
                std::int64_t expected) {
  const Node& node = graph[id];
  const std::size_t maps = map_count(node);
  require(maps > 0, "node {} '{}' has no inputs", id, node.name);
  for (std::size_t i = 0; i < maps; ++i) {
    const std::int64_t found = channels[static_cast<std::size_t>(node.inputs[i])];
    require(found == expected,
            "node {} '{}' expects {} channels, gets {}",
            id,
            node.name,
            expected,
            found);
  }
  if (maps == node.inputs.size()) return;
  const auto* coefficients = std::get_if<Coefficients>(&graph[node.inputs.back()].layer);
  require(coefficients != nullptr && coefficients->count == static_cast<std::int64_t>(maps),
          "node {} '{}' expects {} coefficients as its last input",
          id,
          node.name,
          maps);
}

// Extent of a sliding window's result along one side.
std::int64_t windows(std::int64_t size,
                     std::int64_t reach,
                     std::int64_t stride,
                     std::int64_t padding) {
  return (size + 2 * padding - reach) / stride + 1;
}

void check_inputs(const Graph& graph, NodeId id) {
  const Node& node = graph[id];
  for (const NodeId input : node.inputs) {
    require(input >= 0 && input < id,
            "node {} '{}' reads node {}, which does not come before it",
            id,
            node.name,
            input);
  }
  if (takes_many_inputs(node.layer)) {
    require(!node.inputs.empty(), "node {} '{}' has no inputs", id, node.name);
  } else {
    require(node.inputs.size() == expected_inputs(node.layer),
            "node {} '{}' has {} inputs, expected {}",
            id,
            node.name,
            node.inputs.size(),
            expected_inputs(node.layer));
  }
}

}  // namespace

bool has_weights(const Layer& layer) {
  const auto* gate = std::get_if<PathAttention>(&layer);
  return std::holds_alternative<Conv>(layer) || std::holds_alternative<BatchNorm>(layer) ||
         std::holds_alternative<Scale>(layer) ||
         (gate != nullptr && gate->gate != PathGate::kUniform &&
          (gate->reads_content() || !gate->given_gamma));
}

NodeId Graph::add(Layer layer, std::vector<NodeId> inputs, Section section, std::string name) {
  nodes.push_back({layer, std::move(inputs), section, std::move(name)});
  return static_cast<NodeId>(nodes.size()) - 1;
}

NodeId Graph::output(std::string_view name) const {
  for (const Output& out : outputs) {
    if (out.name == name) return out.node;
  }
  core::throw_internal_error("the graph has no output '{}'", name);
}

std::vector<std::int64_t> infer_channels(const Graph& graph) {
  std::vector<std::int64_t> channels;
  channels.reserve(graph.nodes.size());
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    check_inputs(graph, id);
    const Node& node = graph[id];
    const auto in = [&](std::size_t i) {
      return channels[static_cast<std::size_t>(node.inputs[i])];
    };
    const auto same_as = [&](std::int64_t expected) {
      require(in(0) == expected,
              "node {} '{}' expects {} channels, gets {}",
              id,
              node.name,
              expected,
              in(0));
    };
    channels.push_back(std::visit(
        Match{[](const Input& input) { return input.channels; },
              [](const Coefficients& coefficients) { return coefficients.count; },
              [&](const Conv& conv) {
                same_as(conv.in_channels);
                require(conv.groups > 0 && conv.in_channels % conv.groups == 0 &&
                            conv.out_channels % conv.groups == 0,
                        "node {} '{}': {} groups do not divide {} -> {} channels",
                        id,
                        node.name,
                        conv.groups,
                        conv.in_channels,
                        conv.out_channels);
                return conv.out_channels;
              },
              [&](const BatchNorm& norm) {
                same_as(norm.channels);
                return norm.channels;
              },
              [&](const Scale& scale) {
                same_as(scale.channels);
                return scale.channels;
              },
              [&](const Slice& slice) {
                require(
                    slice.first >= 0 && slice.channels > 0 && slice.first + slice.channels <= in(0),
                    "node {} '{}' takes {} channels from {} on, of {}",
                    id,
                    node.name,
                    slice.channels,
                    slice.first,
                    in(0));
                return slice.channels;
              },
              [&](const Shuffle& shuffle) {
                require(shuffle.groups > 0 && in(0) % shuffle.groups == 0,
                        "node {} '{}' shuffles {} channels in {} groups",
                        id,
                        node.name,
                        in(0),
                        shuffle.groups);
                return in(0);
              },
              [&](const PathAttention& gate) {
                check_maps(graph, id, channels, gate.channels);
                return gate.channels;
              },
              [&](const WeightedSum&) {
                check_maps(graph, id, channels, in(0));
                return in(0);
              },
              [&](const Add&) {
                for (std::size_t i = 1; i < node.inputs.size(); ++i) same_as(in(i));
                return in(0);
              },
              [&](const Multiply&) {
                same_as(in(1));
                return in(0);
              },
              [&](const Concat&) {
                std::int64_t sum = 0;
                for (std::size_t i = 0; i < node.inputs.size(); ++i) sum += in(i);
                return sum;
              },
              [&](const auto&) { return in(0); }},
        node.layer));
  }
  return channels;
}

void verify(const Graph& graph) {
  infer_channels(graph);
  std::set<std::string> names;
  for (const Node& node : graph.nodes) {
    require(!has_weights(node.layer) || names.insert(node.name).second,
            "two weighted nodes are called '{}'",
            node.name);
  }
  require(!graph.outputs.empty(), "the graph has no output");
  for (const Output& out : graph.outputs) {
    require(out.node >= 0 && out.node < static_cast<NodeId>(graph.nodes.size()),
            "output '{}' points at node {} of {}",
            out.name,
            out.node,
            graph.nodes.size());
  }
}

std::int64_t strided(std::int64_t size, std::int64_t stride) {
  for (; stride > 1; stride /= 2) size = (size + 1) / 2;
  return size;
}

std::vector<Shape> infer_shapes(const Graph& graph, Size picture) {
  const std::vector<std::int64_t> channels = infer_channels(graph);
  std::vector<Shape> shapes;
  shapes.reserve(graph.nodes.size());
  for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
    const Node& node = graph.nodes[id];
    const auto in = [&](std::size_t i) -> const Shape& {
      return shapes[static_cast<std::size_t>(node.inputs[i])];
    };
    const auto size = std::visit(
        Match{[&](const Input& input) {
                return Size{strided(picture.height, input.stride),
                            strided(picture.width, input.stride)};
              },
              [&](const Conv& conv) {
                const auto reach = conv.dilation * (conv.kernel - 1) + 1;
                return Size{windows(in(0).height, reach, conv.stride, conv.padding),
                            windows(in(0).width, reach, conv.stride, conv.padding)};
              },
              [&](const MaxPool& pool) {
                return Size{windows(in(0).height, pool.kernel, pool.stride, pool.padding),
                            windows(in(0).width, pool.kernel, pool.stride, pool.padding)};
              },
              [&](const AvgPool& pool) {
                return Size{windows(in(0).height, pool.kernel, pool.stride, pool.padding),
                            windows(in(0).width, pool.kernel, pool.stride, pool.padding)};
              },
              [&](const Multiply&) {
                require(in(1).height == 1 && in(1).width == 1,
                        "node {} '{}' multiplies by a map of {}x{}, expected 1x1",
                        id,
                        node.name,
                        in(1).height,
                        in(1).width);
                return Size{in(0).height, in(0).width};
              },
              [&](const Resize&) {
                return Size{in(1).height, in(1).width};
              },
              [&](const GlobalPool&) {
                return Size{1, 1};
              },
              [&](const Coefficients&) {
                return Size{1, 1};
              },
              [&](const auto&) {
                for (std::size_t i = 1; i < map_count(node); ++i) {
                  require(in(i).height == in(0).height && in(i).width == in(0).width,
                          "node {} '{}' joins maps of {}x{} and {}x{}",
                          id,
                          node.name,
                          in(0).height,
                          in(0).width,
                          in(i).height,
                          in(i).width);
                }
                return Size{in(0).height, in(0).width};
              }},
        node.layer);
    require(size.height > 0 && size.width > 0,
            "node {} '{}' shrinks a picture of {}x{} to nothing",
            id,
            node.name,
            picture.height,
            picture.width);
    shapes.push_back({channels[id], size.height, size.width});
  }
  return shapes;
}

Graph subgraph(const Graph& graph,
               const std::vector<CutPoint>& inputs,
               const std::vector<Output>& outputs) {
  const std::vector<std::int64_t> channels = infer_channels(graph);
  std::vector<const CutPoint*> cut(graph.nodes.size(), nullptr);
  for (const CutPoint& point : inputs) cut[static_cast<std::size_t>(point.node)] = &point;

  std::vector<bool> needed(graph.nodes.size(), false);
  for (const Output& out : outputs) needed[static_cast<std::size_t>(out.node)] = true;
  for (std::size_t id = graph.nodes.size(); id-- > 0;) {
    if (!needed[id] || cut[id] != nullptr) continue;
    for (const NodeId input : graph.nodes[id].inputs)
      needed[static_cast<std::size_t>(input)] = true;
  }

  Graph part;
  std::vector<NodeId> new_id(graph.nodes.size(), -1);
  for (const CutPoint& point : inputs) {
    const Node& node = graph[point.node];
    new_id[static_cast<std::size_t>(point.node)] =
        part.add(Input{channels[static_cast<std::size_t>(point.node)], point.stride},
                 {},
                 node.section,
                 node.name);
  }
  for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
    if (!needed[id] || cut[id] != nullptr) continue;
    Node node = graph.nodes[id];
    for (NodeId& input : node.inputs) input = new_id[static_cast<std::size_t>(input)];
    part.nodes.push_back(std::move(node));
    new_id[id] = static_cast<NodeId>(part.nodes.size()) - 1;
  }
  for (const Output& out : outputs)
    part.outputs.push_back({out.name, new_id[static_cast<std::size_t>(out.node)]});
  verify(part);
  return part;
}

}  // namespace parsimony::graph
