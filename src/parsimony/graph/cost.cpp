// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/cost.h"

#include <algorithm>

namespace parsimony::graph {
namespace {

std::int64_t parameters(const Layer& layer) {
  return std::visit(
      Match{[](const Conv& conv) {
              const auto weights =
                  conv.out_channels * (conv.in_channels / conv.groups) * conv.kernel * conv.kernel;
              return weights + (conv.bias ? conv.out_channels : 0);
            },
            [](const BatchNorm& norm) { return norm.affine ? 2 * norm.channels : 0; },
            [](const Scale& scale) { return scale.channels; },
            [](const PathAttention& gate) {
              if (gate.gate == PathGate::kUniform) return std::int64_t{0};
              // W, b, v, v0 and one gamma for each map.
              const std::int64_t content = gate.hidden() * gate.channels + 2 * gate.hidden() + 1;
              return (gate.reads_content() ? content : 0) + (gate.given_gamma ? 0 : gate.inputs);
            },
            [](const auto&) { return std::int64_t{0}; }},
      layer);
}

std::int64_t macs(const Layer& layer, const Shape& out) {
  return std::visit(Match{[&](const Conv& conv) {
                            return out.elements() * (conv.in_channels / conv.groups) * conv.kernel *
                                   conv.kernel;
                          },
                          [](const auto&) { return std::int64_t{0}; }},
                    layer);
}

std::int64_t thop_extra(const Layer& layer, const Shape& out) {
  return std::visit(Match{[&](const Conv& conv) { return conv.bias ? out.elements() : 0; },
                          [&](const BatchNorm&) { return 2 * out.elements(); },
                          [](const auto&) { return std::int64_t{0}; }},
                    layer);
}

bool works_in_place(const Layer& layer) {
  return std::visit(Match{[](const BatchNorm&) { return true; },
                          [](const Relu&) { return true; },
                          [](const Add&) { return true; },
                          [](const Multiply&) { return true; },
                          [](const WeightedSum&) { return true; },
                          [](const Dropout&) { return true; },
                          [](const DropPath&) { return true; },
                          [](const PathAttention&) { return true; },
                          [](const Scale&) { return true; },
                          [](const Zero&) { return true; },
                          [](const auto&) { return false; }},
                    layer);
}

}  // namespace

std::int64_t& SectionCounts::operator[](Section section) {
  switch (section) {
    case Section::kEncoder:
      return encoder;
    case Section::kDecoder:
      return decoder;
    case Section::kAuxiliary:
      return auxiliary;
  }
  return encoder;
}

SectionCounts count_parameters(const Graph& graph) {
  SectionCounts counts;
  for (const Node& node : graph.nodes) counts[node.section] += parameters(node.layer);
  return counts;
}

SectionCounts count_macs(const Graph& graph, Size picture) {
  const std::vector<Shape> shapes = infer_shapes(graph, picture);
  SectionCounts counts;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    counts[graph.nodes[i].section] += macs(graph.nodes[i].layer, shapes[i]);
  }
  return counts;
}

SectionCounts count_thop_flops(const Graph& graph, Size picture) {
  const std::vector<Shape> shapes = infer_shapes(graph, picture);
  SectionCounts counts;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    counts[node.section] += macs(node.layer, shapes[i]) + thop_extra(node.layer, shapes[i]);
  }
  return counts;
}

std::int64_t peak_activation_bytes(const Graph& graph, Size picture) {
  const Graph used = subgraph(graph, {}, {{"logits", graph.output("logits")}});
  const std::vector<Shape> shapes = infer_shapes(used, picture);
  const auto count = used.nodes.size();

  std::vector<std::size_t> last_reader(count, 0);
  std::vector<int> readers(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& inputs = used.nodes[i].inputs;
    // The reference of a resize gives its size only; it need not stay alive for that.
    const std::size_t content =
        std::holds_alternative<Resize>(used.nodes[i].layer) ? 1 : inputs.size();
    for (std::size_t k = 0; k < content; ++k) {
      last_reader[static_cast<std::size_t>(inputs[k])] = i;
      ++readers[static_cast<std::size_t>(inputs[k])];
    }
  }
  last_reader[static_cast<std::size_t>(used.output("logits"))] = count;

  constexpr std::int64_t kBytes = 4;
  std::int64_t alive = 0;
  std::int64_t peak = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Node& node = used.nodes[i];
    const auto first = node.inputs.empty() ? i : static_cast<std::size_t>(node.inputs[0]);
    const bool in_place =
        first != i && works_in_place(node.layer) && readers[first] == 1 && last_reader[first] == i;
    if (!in_place) alive += kBytes * shapes[i].elements();
    peak = std::max(peak, alive);
    std::vector<NodeId> done = node.inputs;
    std::sort(done.begin(), done.end());
    done.erase(std::unique(done.begin(), done.end()), done.end());
    for (const NodeId input : done) {
      const auto id = static_cast<std::size_t>(input);
      if (last_reader[id] == i && !(in_place && id == first))
        alive -= kBytes * shapes[id].elements();
    }
    if (readers[i] == 0 && last_reader[i] != count) alive -= kBytes * shapes[i].elements();
  }
  return peak;
}

}  // namespace parsimony::graph
