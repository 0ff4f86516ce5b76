// SPDX-License-Identifier: Apache-2.0
#include "parsimony/supernet/importance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/supernet/sliced.h"

namespace parsimony::supernet {
namespace {

using graph::Conv;
using graph::Match;
using graph::Node;
using graph::NodeId;

constexpr std::size_t at(NodeId id) {
  return static_cast<std::size_t>(id);
}

bool is_depthwise(const Conv& conv) {
  return conv.groups > 1 && conv.groups == conv.in_channels && conv.groups == conv.out_channels;
}

// A run of channels that the node `source` wrote, in its order.
struct Segment {
  NodeId source = 0;
  std::int64_t channels = 0;
  bool operator==(const Segment&) const = default;
};

// Where the channels of all values come from, and which sources' channels stand for each other.
class Origins {
 public:
  explicit Origins(const graph::Supernet& supernet)
      : graph_(supernet.graph), alike_(supernet.graph.nodes.size()) {
    std::iota(alike_.begin(), alike_.end(), 0);
    const std::vector<std::int64_t> channels = graph::infer_channels(graph_);
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id)
      segments_.push_back(segments(id, channels[at(id)]));
    for (const graph::Site& site : supernet.sites) {
      if (site.kind == graph::SiteKind::kBypass) tie(site.from, site.to);
    }
  }

  // Of a node's result, in order.
  const std::vector<Segment>& of(NodeId id) const { return segments_[at(id)]; }

  // The lowest source that is permuted like `source`.
  NodeId first_alike(NodeId source) const {
    while (alike_[at(source)] != source) source = alike_[at(source)];
    return source;
  }

 private:
  std::vector<Segment> segments(NodeId id, std::int64_t channels) {
    const Node& node = graph_[id];
    const auto kept = [&] { return of(node.inputs[0]); };
    const auto own = [&] { return std::vector{Segment{id, channels}}; };
    const auto joined = [&] {
      for (const NodeId input : node.inputs) tie(node.inputs[0], input);
      return kept();
    };
    return std::visit(Match{[&](const graph::Input&) { return own(); },
                            [&](const graph::Coefficients&) { return own(); },
                            [&](const Conv& conv) { return is_depthwise(conv) ? kept() : own(); },
                            [&](const graph::Add&) { return joined(); },
                            [&](const graph::Multiply&) { return joined(); },
                            [&](const graph::Concat&) {
                              std::vector<Segment> all;
                              for (const NodeId input : node.inputs)
                                all.insert(all.end(), of(input).begin(), of(input).end());
                              return all;
                            },
                            [&](const graph::Slice&) { return refused(node); },
                            [&](const graph::Shuffle&) { return refused(node); },
                            [&](const graph::PathAttention&) { return refused(node); },
                            [&](const graph::WeightedSum&) { return refused(node); },
                            [&](const auto&) { return kept(); }},
                      node.layer);
  }

  static std::vector<Segment> refused(const Node& node) {
    core::throw_internal_error("'{}' needs its channels in their order", node.name);
  }

  void tie(NodeId one, NodeId other) {
    const std::vector<Segment>& a = of(one);
    const std::vector<Segment>& b = of(other);
    const bool fits = std::ranges::equal(a, b, {}, &Segment::channels, &Segment::channels);
    core::require(fits,
                  "'{}' and '{}' stand for each other, but their channels are joined differently",
                  graph_[one].name,
                  graph_[other].name);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const NodeId x = first_alike(a[i].source), y = first_alike(b[i].source);
      alike_[at(std::max(x, y))] = std::min(x, y);
    }
  }

  const graph::Graph& graph_;
  std::vector<std::vector<Segment>> segments_;
  std::vector<NodeId> alike_;  // a source that is permuted alike and not higher
};

// Groups of producers and, by all of a group's nodes, the group.
class Groups {
 public:
  explicit Groups(const graph::Supernet& supernet)
      : graph_(supernet.graph), origins_(supernet), group_(graph_.nodes.size(), kNone) {
    std::set<NodeId> producers;
    for (const graph::Site& site : supernet.sites)
      producers.insert(site.producers.begin(), site.producers.end());
    for (const NodeId producer : producers) {
      const NodeId first = origins_.first_alike(producer);
      if (producer == first) {
        group_[at(producer)] = groups_.size();
        groups_.emplace_back().importance.resize(
            static_cast<std::size_t>(std::get<Conv>(graph_[producer].layer).out_channels));
      }
      check_is_site(producers, first);
      group_[at(producer)] = group_[at(first)];
      groups_[group_[at(first)]].producers.push_back(producer);
    }
    check_rest(producers);
  }

  std::vector<ChannelGroup>& all() { return groups_; }

  // The group of the source, or none.
  ChannelGroup* of(NodeId source) {
    return group_[at(source)] == kNone ? nullptr : &groups_[group_[at(source)]];
  }

  // Calls `visit(group, channel, position)` for the channels of groups in a node's result.
  template <typename Visit>
  void each_channel(NodeId id, Visit visit) {
    std::size_t offset = 0;
    for (const Segment& segment : origins_.of(id)) {
      const auto channels = static_cast<std::size_t>(segment.channels);
      if (ChannelGroup* group = of(segment.source)) {
        for (std::size_t c = 0; c < channels; ++c) visit(*group, c, offset + c);
      }
      offset += channels;
    }
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  void check_is_site(const std::set<NodeId>& producers, NodeId source) const {
    core::require(producers.contains(source),
                  "channels of a width site are tied to those of '{}', which has none",
                  graph_[source].name);
  }

  void check_rest(const std::set<NodeId>& producers) {
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) {
      if (of(origins_.first_alike(id)) != nullptr) check_is_site(producers, id);
      const auto* conv = std::get_if<Conv>(&graph_[id].layer);
      if (conv != nullptr && conv->groups > 1 && !is_depthwise(*conv))
        check_fixed(graph_[id].inputs[0]);
    }
    for (const graph::Output& output : graph_.outputs) check_fixed(output.node);
  }

  // The order of the node's channels is seen by somebody who cannot follow a permutation.
  void check_fixed(NodeId id) {
    for (const Segment& segment : origins_.of(id)) {
      core::require(of(segment.source) == nullptr,
                    "channels of the width site of '{}' cannot be permuted: they reach '{}'",
                    graph_[segment.source].name,
                    graph_[id].name);
    }
  }

  const graph::Graph& graph_;
  Origins origins_;
  std::vector<std::size_t> group_;
  std::vector<ChannelGroup> groups_;
};

// Sums of |W| over all but the dimension given, 0 or 1.
std::vector<double> l1_norms(const weights::Array& array, std::size_t dimension) {
  const std::vector<float> values = array.to_floats();
  const auto channels = static_cast<std::size_t>(array.shape[dimension]);
  const std::size_t outer = dimension == 0 ? 1 : static_cast<std::size_t>(array.shape[0]);
  const std::size_t inner = values.size() / (outer * channels);
  std::vector<double> sums(channels, 0.0);
  for (std::size_t i = 0; i < values.size(); ++i)
    sums[i / inner % channels] += std::abs(static_cast<double>(values[i]));
  return sums;
}

class Measured {
 public:
  Measured(const graph::Graph& graph, const weights::ArrayMap& weights, Groups& groups)
      : graph_(graph), weights_(weights), groups_(groups) {}

  void by(ImportanceRule rule, const core::Rng& rng) {
    switch (rule) {
      case ImportanceRule::kFirstK:
        return;
      case ImportanceRule::kRandom:
        for (ChannelGroup& group : groups_.all()) {
          core::Rng stream = rng.split(graph_[group.producers[0]].name);
          for (double& value : group.importance) value = stream.uniform();
        }
        return;
      case ImportanceRule::kL1Consumer:
      case ImportanceRule::kL1Producer:
      case ImportanceRule::kBnGamma:
        for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) add(rule, id);
        return;
    }
  }

 private:
  void add(ImportanceRule rule, NodeId id) {
    const Node& node = graph_[id];
    const auto* conv = std::get_if<Conv>(&node.layer);
    if (rule == ImportanceRule::kL1Consumer && conv != nullptr && conv->groups == 1) {
      add(node.inputs[0], l1_norms(weight(node), 1));
    } else if (rule == ImportanceRule::kL1Producer && groups_.of(id) != nullptr) {
      add(id, l1_norms(weight(node), 0));
    } else if (rule == ImportanceRule::kBnGamma &&
               std::holds_alternative<graph::BatchNorm>(node.layer) &&
               groups_.of(node.inputs[0]) != nullptr) {
      add(node.inputs[0], l1_norms(weight(node), 0));
    }
  }

  // Values of the channels of a node's result.
  void add(NodeId id, const std::vector<double>& values) {
    groups_.each_channel(id, [&](ChannelGroup& group, std::size_t channel, std::size_t position) {
      group.importance[channel] += values[position];
    });
  }

  const weights::Array& weight(const Node& node) const {
    return weights_.arrays.at(node.name + ".weight");
  }

  const graph::Graph& graph_;
  const weights::ArrayMap& weights_;
  Groups& groups_;
};

Groups measured(const graph::Supernet& supernet,
                const weights::ArrayMap& weights,
                ImportanceRule rule,
                const core::Rng& rng) {
  check_weights(supernet.graph, weights);
  Groups groups(supernet);
  Measured(supernet.graph, weights, groups).by(rule, rng);
  return groups;
}

using Channels = std::vector<std::int64_t>;

Channels as_they_are(std::int64_t count) {
  Channels channels(static_cast<std::size_t>(count));
  std::iota(channels.begin(), channels.end(), 0);
  return channels;
}

Channels descending(const std::vector<double>& importance) {
  Channels order = as_they_are(std::ssize(importance));
  std::ranges::stable_sort(order, std::greater(), [&](std::int64_t channel) {
    return importance[static_cast<std::size_t>(channel)];
  });
  return order;
}

// The old channels of every node's result in their new order.
std::vector<Channels> new_orders(const graph::Graph& graph, Groups& groups) {
  std::map<const ChannelGroup*, Channels> order;
  for (const ChannelGroup& group : groups.all()) order[&group] = descending(group.importance);
  std::vector<Channels> result;
  for (const std::int64_t count : graph::infer_channels(graph)) {
    const auto id = static_cast<NodeId>(result.size());
    Channels& channels = result.emplace_back(as_they_are(count));
    groups.each_channel(id, [&](const ChannelGroup& group, std::size_t c, std::size_t position) {
      channels[position] = static_cast<std::int64_t>(position - c) + order.at(&group)[c];
    });
  }
  return result;
}

}  // namespace

std::vector<ChannelGroup> channel_groups(const graph::Supernet& supernet,
                                         const weights::ArrayMap& weights,
                                         ImportanceRule rule,
                                         core::Rng rng) {
  return measured(supernet, weights, rule, rng).all();
}

weights::ArrayMap ordered(const graph::Supernet& supernet,
                          const weights::ArrayMap& weights,
                          ImportanceRule rule,
                          core::Rng rng) {
  Groups groups = measured(supernet, weights, rule, rng);
  const std::vector<Channels> orders = new_orders(supernet.graph, groups);
  std::map<std::string, graph::ChannelSlice> channels;
  for (std::size_t id = 0; id < orders.size(); ++id) {
    const Node& node = supernet.graph.nodes[id];
    if (graph::has_weights(node.layer))
      channels[node.name] = {orders[id], orders[at(node.inputs[0])]};
  }
  return selected(supernet.graph, weights, channels);
}

}  // namespace parsimony::supernet
