// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/subsample.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "parsimony/core/error.h"

namespace parsimony::graph {
namespace {

using Channels = std::vector<std::int64_t>;

constexpr std::size_t at(NodeId id) {
  return static_cast<std::size_t>(id);
}

Channels first_channels(std::int64_t count) {
  Channels channels(static_cast<std::size_t>(count));
  std::iota(channels.begin(), channels.end(), 0);
  return channels;
}

bool is_depthwise(const Conv& conv) {
  return conv.groups > 1 && conv.groups == conv.in_channels && conv.groups == conv.out_channels;
}

void check(const Supernet& supernet, const Choices& choices) {
  if (choices.size() != supernet.sites.size()) {
    core::throw_user_error("{} choices for a supernet of {} sites: expected one for each",
                           choices.size(),
                           supernet.sites.size());
  }
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const Site& site = supernet.sites[i];
    if (choices[i] < 0 || choices[i] >= site.options()) {
      core::throw_user_error("choice {} at site {} ({}): expected 0 to {}",
                             choices[i],
                             i,
                             site.name,
                             site.options() - 1);
    }
  }
}

// What takes the place of a supernet's value in a candidate.
struct Value {
  NodeId node = 0;    // that computes it
  Channels channels;  // of the supernet's value that it has
};

// Follows every channel of the supernet through a candidate. Node ids are the supernet's.
class Trace {
 public:
  Trace(const Supernet& supernet, const Choices& choices)
      : graph_(supernet.graph),
        full_(infer_channels(supernet.graph)),
        kept_outputs_(graph_.nodes.size(), kAll),
        replacement_(graph_.nodes.size(), -1),
        inputs_(graph_.nodes.size()) {
    check(supernet, choices);
    for (std::size_t i = 0; i < choices.size(); ++i) {
      if (choices[i] != 0) apply(supernet.sites[i], choices[i]);
    }
    values_.reserve(graph_.nodes.size());
    for (NodeId id = 0; id < size(); ++id) values_.push_back(value(id));
    find_wanted();
  }

  // Whether the candidate needs the value, from whichever node.
  bool wanted(NodeId id) const { return wanted_[at(id)]; }
  // Whether the node itself is part of the candidate.
  bool computed(NodeId id) const { return wanted(id) && values_[at(id)].node == id; }

  ChannelSlice slice(NodeId id) const {
    return {values_[at(id)].channels, values_[at(graph_[id].inputs[0])].channels};
  }

  Graph candidate() const {
    Graph result;
    std::vector<NodeId> new_id(graph_.nodes.size(), -1);
    for (NodeId id = 0; id < size(); ++id) {
      if (!computed(id)) continue;
      std::vector<NodeId> inputs;
      for (const NodeId input : inputs_[at(id)])
        inputs.push_back(new_id[at(values_[at(input)].node)]);
      new_id[at(id)] =
          result.add(narrowed(id), std::move(inputs), graph_[id].section, graph_[id].name);
    }
    for (const Output& out : graph_.outputs)
      result.outputs.push_back({out.name, new_id[at(values_[at(out.node)].node)]});
    verify(result);
    return result;
  }

 private:
  static constexpr std::int64_t kAll = -1;

  NodeId size() const { return static_cast<NodeId>(graph_.nodes.size()); }

  void apply(const Site& site, int choice) {
    switch (site.kind) {
      case SiteKind::kBypass:
        replacement_[at(site.to)] = site.from;
        return;
      case SiteKind::kBranch:
        dropped_.insert({site.from, site.to});
        return;
      case SiteKind::kWidth:
        for (const NodeId producer : site.producers)
          kept_outputs_[at(producer)] = site.channels[static_cast<std::size_t>(choice)];
        return;
    }
  }

  Value value(NodeId id) {
    if (const NodeId from = replacement_[at(id)]; from >= 0) {
      core::require(from < id && full_[at(from)] == full_[at(id)],
                    "'{}' of {} channels cannot be replaced by '{}' of {}",
                    graph_[id].name,
                    full_[at(id)],
                    graph_[from].name,
                    full_[at(from)]);
      inputs_[at(id)] = {from};
      return values_[at(from)];
    }
    for (const NodeId input : graph_[id].inputs) {
      if (!dropped_.contains({input, id})) inputs_[at(id)].push_back(input);
    }
    if (inputs_[at(id)].empty() && !graph_[id].inputs.empty()) {
      core::throw_user_error("all {} branches of '{}' are dropped: keep at least one",
                             graph_[id].inputs.size(),
                             graph_[id].name);
    }
    // A concatenation of one map is that map.
    const bool joins_nothing = inputs_[at(id)].size() == 1 && graph_[id].inputs.size() > 1 &&
                               std::holds_alternative<Concat>(graph_[id].layer);
    return {joins_nothing ? values_[at(inputs_[at(id)][0])].node : id, channels(id)};
  }

  Channels channels(NodeId id) const {
    const auto in = [&](std::size_t i) -> const Channels& {
      return values_[at(graph_[id].inputs[i])].channels;
    };
    return std::visit(Match{[](const Input& input) { return first_channels(input.channels); },
                            [](const Coefficients& given) { return first_channels(given.count); },
                            [&](const Conv& conv) { return convolved(id, conv); },
                            [&](const Add&) { return joined(id); },
                            [&](const Multiply&) { return joined(id); },
                            [&](const Concat&) { return concatenated(id); },
                            [&](const Slice&) { return unnarrowed(id); },
                            [&](const Shuffle&) { return unnarrowed(id); },
                            [&](const PathAttention&) { return unnarrowed(id); },
                            [&](const WeightedSum&) { return unnarrowed(id); },
                            [&](const auto&) { return in(0); }},
                      graph_[id].layer);
  }

  Channels convolved(NodeId id, const Conv& conv) const {
    const Channels& in = values_[at(graph_[id].inputs[0])].channels;
    const std::int64_t kept = kept_outputs_[at(id)];
    if (is_depthwise(conv)) {
      core::require(kept == kAll, "the depthwise '{}' cannot be narrowed", graph_[id].name);
      return in;
    }
    const bool whole = kept == kAll && static_cast<std::int64_t>(in.size()) == conv.in_channels;
    core::require(
        conv.groups == 1 || whole, "'{}' has groups: cannot be narrowed", graph_[id].name);
    core::require(kept <= conv.out_channels,
                  "'{}' has {} channels, {} are to be kept",
                  graph_[id].name,
                  conv.out_channels,
                  kept);
    return first_channels(kept == kAll ? conv.out_channels : kept);
  }

  Channels joined(NodeId id) const {
    const Channels& first = values_[at(graph_[id].inputs[0])].channels;
    for (const NodeId input : graph_[id].inputs) {
      core::require(values_[at(input)].channels == first,
                    "'{}' joins maps that keep different channels",
                    graph_[id].name);
    }
    return first;
  }

  // Of layers that cannot be told which channels are gone.
  Channels unnarrowed(NodeId id) const {
    for (const NodeId input : graph_[id].inputs) {
      core::require(
          static_cast<std::int64_t>(values_[at(input)].channels.size()) == full_[at(input)],
          "'{}' cannot read narrowed maps",
          graph_[id].name);
    }
    return first_channels(full_[at(id)]);
  }

  Channels concatenated(NodeId id) const {
    Channels all;
    std::int64_t offset = 0;
    for (const NodeId input : graph_[id].inputs) {
      if (!dropped_.contains({input, id})) {
        for (const std::int64_t channel : values_[at(input)].channels)
          all.push_back(offset + channel);
      }
      offset += full_[at(input)];
    }
    return all;
  }

  void find_wanted() {
    wanted_.assign(graph_.nodes.size(), false);
    for (const Output& out : graph_.outputs) wanted_[at(out.node)] = true;
    for (NodeId id = size(); id-- > 0;) {
      if (!wanted(id)) continue;
      for (const NodeId input : inputs_[at(id)]) wanted_[at(input)] = true;
    }
  }

  Layer narrowed(NodeId id) const {
    const auto outputs = static_cast<std::int64_t>(values_[at(id)].channels.size());
    return std::visit(Match{[&](Conv conv) -> Layer {
                              if (is_depthwise(conv)) conv.groups = outputs;
                              conv.in_channels = static_cast<std::int64_t>(
                                  values_[at(graph_[id].inputs[0])].channels.size());
                              conv.out_channels = outputs;
                              return conv;
                            },
                            [&](BatchNorm norm) -> Layer {
                              norm.channels = outputs;
                              return norm;
                            },
                            [&](const Scale&) -> Layer { return Scale{outputs}; },
                            [](const auto& layer) -> Layer { return layer; }},
                      graph_[id].layer);
  }

  const Graph& graph_;
  const std::vector<std::int64_t> full_;         // channels in the supernet
  std::vector<std::int64_t> kept_outputs_;       // of narrowed convolutions
  std::vector<NodeId> replacement_;              // of bypassed values, else -1
  std::set<std::pair<NodeId, NodeId>> dropped_;  // branches and their concatenations
  std::vector<std::vector<NodeId>> inputs_;      // that are read in the candidate
  std::vector<Value> values_;
  std::vector<bool> wanted_;
};

bool matters(const Site& site, const Trace& trace) {
  if (site.kind != SiteKind::kWidth) return trace.wanted(site.to);
  return std::any_of(site.producers.begin(), site.producers.end(), [&](NodeId producer) {
    return trace.wanted(producer);
  });
}

}  // namespace

Graph subsample(const Supernet& supernet, const Choices& choices) {
  return Trace(supernet, choices).candidate();
}

Choices canonical(const Supernet& supernet, const Choices& choices) {
  const Trace trace(supernet, choices);
  Choices result = choices;
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (!matters(supernet.sites[i], trace)) result[i] = 0;
  }
  return result;
}

std::map<std::string, ChannelSlice> channel_slices(const Supernet& supernet,
                                                   const Choices& choices) {
  const Trace trace(supernet, choices);
  std::map<std::string, ChannelSlice> slices;
  for (NodeId id = 0; id < static_cast<NodeId>(supernet.graph.nodes.size()); ++id) {
    const Node& node = supernet.graph[id];
    if (has_weights(node.layer) && trace.computed(id)) slices.emplace(node.name, trace.slice(id));
  }
  return slices;
}

}  // namespace parsimony::graph
