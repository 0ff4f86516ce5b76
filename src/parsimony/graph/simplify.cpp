// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/simplify.h"

#include <algorithm>

#include "parsimony/core/error.h"

namespace parsimony::graph {
namespace {

constexpr std::size_t at(NodeId id) {
  return static_cast<std::size_t>(id);
}

template <typename L>
bool is(const Node& node) {
  return std::holds_alternative<L>(node.layer);
}

// Which values of the graph are zero, or never negative, whatever the picture.
struct Signs {
  std::vector<bool> zero, non_negative;
};

Signs infer_signs(const Graph& graph) {
  Signs signs;
  for (const Node& node : graph.nodes) {
    const auto all = [&](const std::vector<bool>& property) {
      return std::all_of(
          node.inputs.begin(), node.inputs.end(), [&](NodeId i) { return property[at(i)]; });
    };
    const auto first = [&](const std::vector<bool>& property) {
      return property[at(node.inputs[0])];
    };
    const bool zero = std::visit(
        Match{[](const Input&) { return false; },
              [](const Coefficients&) { return false; },
              [](const Zero&) { return true; },
              [&](const Conv& conv) { return !conv.bias && first(signs.zero); },
              [&](const Add&) { return all(signs.zero); },
              [&](const Concat&) { return all(signs.zero); },
              [&](const PathAttention&) { return all(signs.zero); },
              [&](const WeightedSum&) { return all(signs.zero); },
              [&](const Multiply&) { return first(signs.zero) || signs.zero[at(node.inputs[1])]; },
              [&](const auto&) { return first(signs.zero); }},
        node.layer);
    const bool non_negative =
        zero || std::visit(Match{[](const Relu&) { return true; },
                                 [&](const Add&) { return all(signs.non_negative); },
                                 [&](const Concat&) { return all(signs.non_negative); },
                                 [&](const PathAttention&) { return all(signs.non_negative); },
                                 [&](const Multiply&) { return all(signs.non_negative); },
                                 [&](const Resize&) { return first(signs.non_negative); },
                                 [&](const GlobalPool&) { return first(signs.non_negative); },
                                 [&](const MaxPool&) { return first(signs.non_negative); },
                                 [&](const AvgPool&) { return first(signs.non_negative); },
                                 [&](const Slice&) { return first(signs.non_negative); },
                                 [&](const Shuffle&) { return first(signs.non_negative); },
                                 [&](const Dropout&) { return first(signs.non_negative); },
                                 [&](const DropPath&) { return first(signs.non_negative); },
                                 [](const auto&) { return false; }},
                           node.layer);
    signs.zero.push_back(zero);
    signs.non_negative.push_back(non_negative);
  }
  return signs;
}

// The earliest node that certainly has the size of `id`; never further back than an encoder tap, so
// that a decoder stays separable from its encoder.
NodeId size_origin(const Graph& graph, NodeId id) {
  for (;;) {
    const Node& node = graph[id];
    if (node.section == Section::kEncoder || is<Input>(node) || is<GlobalPool>(node)) return id;
    if (const Conv* conv = std::get_if<Conv>(&node.layer)) {
      const bool keeps =
          conv->stride == 1 && 2 * conv->padding == conv->dilation * (conv->kernel - 1);
      if (!keeps) return id;
    }
    const auto keeps_size = [](const auto& pool) {
      return pool.stride == 1 && 2 * pool.padding == pool.kernel - 1;
    };
    if (const MaxPool* pool = std::get_if<MaxPool>(&node.layer);
        pool != nullptr && !keeps_size(*pool))
      return id;
    if (const AvgPool* pool = std::get_if<AvgPool>(&node.layer);
        pool != nullptr && !keeps_size(*pool))
      return id;
    id = node.inputs[is<Resize>(node) ? 1 : 0];
  }
}

// Whether dropping channels of `id` is possible: its values only reach convolutions that can lose
// the matching weights, through layers that treat every channel alike.
bool channels_can_go(const Graph& graph,
                     const std::vector<std::vector<NodeId>>& readers,
                     NodeId id) {
  for (const Output& out : graph.outputs) {
    if (out.node == id) return false;
  }
  return std::all_of(readers[at(id)].begin(), readers[at(id)].end(), [&](NodeId reader) {
    const Node& node = graph[reader];
    if (const Conv* conv = std::get_if<Conv>(&node.layer)) return conv->groups == 1;
    if (is<Resize>(node) && node.inputs[0] != id) return true;
    if (is<Relu>(node) || is<Resize>(node) || is<GlobalPool>(node) || is<MaxPool>(node) ||
        is<AvgPool>(node) || is<Dropout>(node) || is<DropPath>(node))
      return channels_can_go(graph, readers, reader);
    return false;
  });
}

std::vector<std::vector<NodeId>> readers_of(const Graph& graph) {
  std::vector<std::vector<NodeId>> readers(graph.nodes.size());
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    for (const NodeId input : graph[id].inputs) readers[at(input)].push_back(id);
  }
  return readers;
}

// One pass over the nodes in order; `replacement` maps old nodes to new ones.
class Rewriter {
 public:
  explicit Rewriter(const Graph& graph)
      : old_(graph), signs_(infer_signs(graph)), readers_(readers_of(graph)) {}

  Graph run() {
    for (NodeId id = 0; id < static_cast<NodeId>(old_.nodes.size()); ++id)
      replacement_.push_back(rewrite(id));
    for (const Output& out : old_.outputs)
      new_.outputs.push_back({out.name, replacement_[at(out.node)]});
    return std::move(new_);
  }

 private:
  NodeId rewrite(NodeId id) {
    const Node& node = old_[id];
    if (signs_.zero[at(id)]) return zero(id);
    if (is<Add>(node)) return sum(node);
    if (is<Concat>(node)) return concatenation(id);
    if (is<Relu>(node) && !std::get<Relu>(node.layer).bounded() &&
        signs_.non_negative[at(node.inputs[0])]) {
      return replacement_[at(node.inputs[0])];
    }
    Node copy = node;
    for (NodeId& input : copy.inputs) input = replacement_[at(input)];
    if (is<Resize>(node)) copy.inputs[1] = replacement_[at(size_origin(old_, node.inputs[1]))];
    if (Conv* conv = std::get_if<Conv>(&copy.layer); conv != nullptr && conv->groups == 1) {
      conv->in_channels = channels_[at(copy.inputs[0])];
    }
    return append(std::move(copy));
  }

  // A zero keeps nothing alive but the tap it takes its size from. Only one that is read by
  // something that cannot drop it (the classifier) survives the final removal of what is not
  // needed.
  NodeId zero(NodeId id) {
    const Node& node = old_[id];
    if (!is<Zero>(node) && signs_.zero[at(node.inputs[0])]) return replacement_[at(node.inputs[0])];
    const NodeId origin = size_origin(old_, node.inputs[0]);
    return append({Zero{}, {replacement_[at(origin)]}, node.section, node.name});
  }

  NodeId sum(const Node& node) {
    std::vector<NodeId> terms;
    for (const NodeId input : node.inputs) {
      if (signs_.zero[at(input)]) continue;
      const NodeId term = replacement_[at(input)];
      const bool only_here = readers_[at(input)].size() == 1 && is<Add>(old_[input]);
      if (only_here && is<Add>(new_[term])) {
        terms.insert(terms.end(), new_[term].inputs.begin(), new_[term].inputs.end());
      } else {
        terms.push_back(term);
      }
    }
    if (terms.size() == 1) return terms[0];
    return append({Add{}, std::move(terms), node.section, node.name});
  }

  NodeId concatenation(NodeId id) {
    const Node& node = old_[id];
    const bool can_drop = channels_can_go(old_, readers_, id);
    std::vector<NodeId> parts;
    for (const NodeId input : node.inputs) {
      if (!(can_drop && signs_.zero[at(input)])) parts.push_back(replacement_[at(input)]);
    }
    if (parts.size() == 1) return parts[0];
    return append({Concat{}, std::move(parts), node.section, node.name});
  }

  NodeId append(Node node) {
    const auto in = [&](std::size_t i) { return channels_[at(node.inputs[i])]; };
    channels_.push_back(std::visit(Match{[](const Input& input) { return input.channels; },
                                         [](const Coefficients& values) { return values.count; },
                                         [](const Conv& conv) { return conv.out_channels; },
                                         [](const Slice& slice) { return slice.channels; },
                                         [&](const Concat&) {
                                           std::int64_t all = 0;
                                           for (std::size_t i = 0; i < node.inputs.size(); ++i)
                                             all += in(i);
                                           return all;
                                         },
                                         [&](const auto&) { return in(0); }},
                                   node.layer));
    new_.nodes.push_back(std::move(node));
    return static_cast<NodeId>(new_.nodes.size()) - 1;
  }

  const Graph& old_;
  const Signs signs_;
  const std::vector<std::vector<NodeId>> readers_;
  Graph new_;
  std::vector<std::int64_t> channels_;
  std::vector<NodeId> replacement_;
};

std::vector<bool> needed_for(const Graph& graph, NodeId output) {
  std::vector<bool> needed(graph.nodes.size(), false);
  needed[at(output)] = true;
  for (std::size_t id = graph.nodes.size(); id-- > 0;) {
    if (!needed[id]) continue;
    for (const NodeId input : graph.nodes[id].inputs) needed[at(input)] = true;
  }
  return needed;
}

// An auxiliary output helps the network only through the block it is attached to.
std::vector<Output> useful_outputs(const Graph& graph) {
  const std::vector<bool> used = needed_for(graph, graph.output("logits"));
  std::vector<Output> useful;
  for (const Output& out : graph.outputs) {
    const std::vector<bool> branch = needed_for(graph, out.node);
    bool attached = out.name == "logits" || graph[out.node].section != Section::kAuxiliary;
    for (std::size_t id = 0; id < graph.nodes.size() && !attached; ++id) {
      if (!branch[id] || graph.nodes[id].section != Section::kAuxiliary ||
          is<Zero>(graph.nodes[id]))
        continue;
      attached = std::any_of(
          graph.nodes[id].inputs.begin(), graph.nodes[id].inputs.end(), [&](NodeId input) {
            return graph[input].section == Section::kDecoder && used[at(input)];
          });
    }
    if (attached) useful.push_back(out);
  }
  return useful;
}

}  // namespace

Graph simplify(const Graph& graph) {
  const bool is_network = std::any_of(graph.outputs.begin(),
                                      graph.outputs.end(),
                                      [](const Output& o) { return o.name == "logits"; });
  Graph rewritten = Rewriter(graph).run();
  return subgraph(rewritten, {}, is_network ? useful_outputs(rewritten) : rewritten.outputs);
}

bool is_constant(const Graph& simplified) {
  std::vector<bool> depends;
  for (const Node& node : simplified.nodes) {
    const std::size_t content = is<Resize>(node) ? 1 : node.inputs.size();
    bool any = is<Input>(node);
    for (std::size_t i = 0; i < content && !is<Zero>(node); ++i)
      any = any || depends[at(node.inputs[i])];
    depends.push_back(any);
  }
  return !depends[at(simplified.output("logits"))];
}

}  // namespace parsimony::graph
