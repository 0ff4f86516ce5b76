// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "parsimony/core/files.h"
#include "parsimony/core/rng.h"
#include "parsimony/graph/simplify.h"

namespace parsimony::graph {
namespace {

constexpr std::size_t at(NodeId id) {
  return static_cast<std::size_t>(id);
}

std::string describe(const Layer& layer) {
  return std::visit(
      Match{[](const Input& input) { return fmt::format("in{}s{}", input.channels, input.stride); },
            [](const Conv& conv) {
              return fmt::format("conv{}>{}k{}s{}p{}d{}g{}{}",
                                 conv.in_channels,
                                 conv.out_channels,
                                 conv.kernel,
                                 conv.stride,
                                 conv.padding,
                                 conv.dilation,
                                 conv.groups,
                                 conv.bias ? "b" : "");
            },
            [](const BatchNorm&) { return std::string("bn"); },
            [](const Relu& relu) {
              return relu.bounded() ? fmt::format("relu{}", relu.ceiling) : std::string("relu");
            },
            [](const Add&) { return std::string("add"); },
            [](const Multiply&) { return std::string("multiply"); },
            [](const Concat&) { return std::string("concat"); },
            [](const Resize&) { return std::string("resize"); },
            [](const GlobalPool&) { return std::string("pool"); },
            [](const MaxPool& pool) {
              return fmt::format("max{}s{}p{}", pool.kernel, pool.stride, pool.padding);
            },
            [](const Scale&) { return std::string("scale"); },
            [](const Zero&) { return std::string("zero"); }},
      layer);
}

bool commutes(const Layer& layer) {
  return std::holds_alternative<Add>(layer) || std::holds_alternative<Concat>(layer);
}

using Colour = std::uint64_t;

Colour combine(Colour colour, Colour with) {
  return core::Rng(colour).split(with).state();
}

// Colours every node by everything below it and then everything above it; after two rounds nodes of
// one colour play the same part in the network in all but contrived cases.
std::vector<Colour> colour(const Graph& graph) {
  const std::size_t count = graph.nodes.size();
  std::vector<Colour> colours(count);
  for (std::size_t id = 0; id < count; ++id) {
    colours[id] = core::Rng(0).split(describe(graph.nodes[id].layer)).state();
  }
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t id = 0; id < count; ++id) {
      std::vector<Colour> below;
      for (const NodeId input : graph.nodes[id].inputs) below.push_back(colours[at(input)]);
      if (commutes(graph.nodes[id].layer)) std::sort(below.begin(), below.end());
      for (const Colour c : below) colours[id] = combine(colours[id], c);
    }
    std::vector<std::vector<Colour>> above(count);
    for (std::size_t id = count; id-- > 0;) {
      std::sort(above[id].begin(), above[id].end());
      for (const Colour c : above[id]) colours[id] = combine(colours[id], c);
      const Node& node = graph.nodes[id];
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        above[at(node.inputs[k])].push_back(combine(colours[id], commutes(node.layer) ? 0 : k));
      }
    }
  }
  return colours;
}

}  // namespace

std::string canonical_text(const Graph& simplified) {
  const Graph graph = subgraph(simplified, {}, {{"logits", simplified.output("logits")}});
  const std::vector<Colour> colours = colour(graph);
  std::vector<int> number(graph.nodes.size(), -1);
  std::string text;
  int next = 0;
  const std::function<int(NodeId)> write = [&](NodeId id) {
    if (number[at(id)] >= 0) return number[at(id)];
    const Node& node = graph[id];
    std::vector<NodeId> inputs = node.inputs;
    if (commutes(node.layer)) {
      std::stable_sort(inputs.begin(), inputs.end(), [&](NodeId a, NodeId b) {
        return colours[at(a)] < colours[at(b)];
      });
    }
    std::vector<int> numbers;
    for (const NodeId input : inputs) numbers.push_back(write(input));
    text += fmt::format("{} {}({})\n", next, describe(node.layer), fmt::join(numbers, ","));
    return number[at(id)] = next++;
  };
  write(graph.output("logits"));
  return text;
}

std::string canonical_id(const Graph& simplified) {
  return core::sha256(canonical_text(simplified)).substr(0, 16);
}

std::vector<std::uint64_t> structures(const Graph& graph) {
  std::vector<Colour> colours;
  for (const Node& node : graph.nodes) {
    Colour colour = core::Rng(0).split(describe(node.layer)).state();
    if (std::holds_alternative<Input>(node.layer))
      colour = core::Rng(colour).split(node.name).state();
    std::vector<Colour> below;
    for (const NodeId input : node.inputs) below.push_back(colours[at(input)]);
    if (std::holds_alternative<Add>(node.layer)) std::sort(below.begin(), below.end());
    for (const Colour c : below) colour = combine(colour, c);
    colours.push_back(colour);
  }
  return colours;
}

}  // namespace parsimony::graph
