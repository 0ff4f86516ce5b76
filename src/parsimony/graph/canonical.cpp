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
      Match{
          [](const Input& input) { return fmt::format("in{}s{}", input.channels, input.stride); },
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
          [](const Coefficients& values) { return fmt::format("given{}", values.count); },
          [](const BatchNorm& norm) { return std::string(norm.affine ? "bn" : "norm"); },
          [](const Relu& relu) {
            return relu.bounded() ? fmt::format("relu{}", relu.ceiling) : std::string("relu");
          },
          [](const Add&) { return std::string("add"); },
          [](const WeightedSum&) { return std::string("weighted"); },
          [](const Multiply&) { return std::string("multiply"); },
          [](const Concat&) { return std::string("concat"); },
          [](const Resize&) { return std::string("resize"); },
          [](const GlobalPool&) { return std::string("pool"); },
          [](const MaxPool& pool) {
            return fmt::format("max{}s{}p{}", pool.kernel, pool.stride, pool.padding);
          },
          [](const AvgPool& pool) {
            return fmt::format("avg{}s{}p{}", pool.kernel, pool.stride, pool.padding);
          },
          [](const Slice& slice) { return fmt::format("slice{}+{}", slice.first, slice.channels); },
          [](const Shuffle& shuffle) { return fmt::format("shuffle{}", shuffle.groups); },
          [](const Dropout& dropout) { return fmt::format("dropout{}", dropout.rate); },
          [](const DropPath& drop) { return fmt::format("droppath{}", drop.rate); },
          [](const PathAttention& gate) {
            std::string text(kPathGateNames[static_cast<std::size_t>(gate.gate)]);
            if (gate.gate == PathGate::kHardTopK) text += fmt::format("{}", gate.kept);
            if (gate.temperature != 1) text += fmt::format("t{}", gate.temperature);
            return text + (gate.reads_content() ? "" : "!");
          },
          [](const Scale&) { return std::string("scale"); },
          [](const Zero&) { return std::string("zero"); }},
      layer);
}

// Nodes whose inputs may be put in any order. The order of a concatenation's parts is the order of
// weights behind it, which does not matter, unless channels are picked, dealt out or joined with
// others before they reach a convolution of all of them.
std::vector<bool> commuting(const Graph& graph) {
  std::vector<bool> order_matters(graph.nodes.size(), false);
  std::vector<bool> commutes(graph.nodes.size(), false);
  for (std::size_t id = graph.nodes.size(); id-- > 0;) {
    const Node& node = graph.nodes[id];
    const auto* gate = std::get_if<PathAttention>(&node.layer);
    commutes[id] = std::holds_alternative<Add>(node.layer) ||
                   (gate != nullptr && !gate->given_gamma) ||
                   (std::holds_alternative<Concat>(node.layer) && !order_matters[id]);
    const Conv* conv = std::get_if<Conv>(&node.layer);
    const bool mixes = conv != nullptr && conv->groups == 1;
    const bool picks = std::holds_alternative<Slice>(node.layer) ||
                       std::holds_alternative<Shuffle>(node.layer) || gate != nullptr;
    if (!picks && (mixes || !order_matters[id])) continue;
    for (const NodeId input : node.inputs) order_matters[at(input)] = true;
  }
  return commutes;
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
  const std::vector<bool> commutes = commuting(graph);
  for (std::size_t id = 0; id < count; ++id) {
    colours[id] = core::Rng(0).split(describe(graph.nodes[id].layer)).state();
  }
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t id = 0; id < count; ++id) {
      std::vector<Colour> below;
      for (const NodeId input : graph.nodes[id].inputs) below.push_back(colours[at(input)]);
      if (commutes[id]) std::sort(below.begin(), below.end());
      for (const Colour c : below) colours[id] = combine(colours[id], c);
    }
    std::vector<std::vector<Colour>> above(count);
    for (std::size_t id = count; id-- > 0;) {
      std::sort(above[id].begin(), above[id].end());
      for (const Colour c : above[id]) colours[id] = combine(colours[id], c);
      const Node& node = graph.nodes[id];
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        above[at(node.inputs[k])].push_back(combine(colours[id], commutes[id] ? 0 : k));
      }
    }
  }
  return colours;
}

}  // namespace

std::string canonical_text(const Graph& simplified) {
  const Graph graph = subgraph(simplified, {}, {{"logits", simplified.output("logits")}});
  const std::vector<Colour> colours = colour(graph);
  const std::vector<bool> commutes = commuting(graph);
  std::vector<int> number(graph.nodes.size(), -1);
  std::string text;
  int next = 0;
  const std::function<int(NodeId)> write = [&](NodeId id) {
    if (number[at(id)] >= 0) return number[at(id)];
    const Node& node = graph[id];
    std::vector<NodeId> inputs = node.inputs;
    if (commutes[at(id)]) {
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
