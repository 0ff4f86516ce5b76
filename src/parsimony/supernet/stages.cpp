// SPDX-License-Identifier: Apache-2.0
#include "parsimony/supernet/stages.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>

#include "parsimony/core/error.h"

namespace parsimony::supernet {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::Supernet;

constexpr std::size_t at(NodeId id) {
  return static_cast<std::size_t>(id);
}

std::vector<std::vector<NodeId>> readers_of(const Graph& graph) {
  std::vector<std::vector<NodeId>> readers(graph.nodes.size());
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    for (const NodeId input : graph[id].inputs) readers[at(input)].push_back(id);
  }
  return readers;
}

// The first layer that is there for `id` alone.
NodeId branch_start(const std::vector<std::vector<NodeId>>& readers, NodeId id) {
  std::set<NodeId> branch = {id};
  for (NodeId before = id; before-- > 0;) {
    const auto& of_it = readers[at(before)];
    if (!of_it.empty() &&
        std::ranges::all_of(of_it, [&](NodeId reader) { return branch.contains(reader); }))
      branch.insert(before);
  }
  return *branch.begin();
}

// Layers that one stage computes because of a site: what the site leaves out. A width's layers go
// on far behind the first, but who comes to them knows the choice.
struct Extent {
  NodeId first = 0, last = 0;
  std::vector<std::size_t> sites;
};

Extent extent_of(const std::vector<std::vector<NodeId>>& readers,
                 const graph::Site& site,
                 std::size_t index) {
  switch (site.kind) {
    case graph::SiteKind::kBypass:
      return {site.from + 1, site.to, {index}};
    case graph::SiteKind::kBranch:
      return {branch_start(readers, site.from), site.to, {index}};
    case graph::SiteKind::kWidth: {
      const NodeId first = std::ranges::min(site.producers);
      return {first, first, {index}};
    }
  }
  core::throw_internal_error("no site has the kind {}", static_cast<int>(site.kind));
}

// Sites whose layers interleave belong together.
std::vector<Extent> merged_extents(const Supernet& supernet) {
  const auto readers = readers_of(supernet.graph);
  std::vector<Extent> extents;
  for (std::size_t i = 0; i < supernet.sites.size(); ++i)
    extents.push_back(extent_of(readers, supernet.sites[i], i));
  std::ranges::sort(extents, {}, &Extent::first);
  std::vector<Extent> merged;
  for (const Extent& extent : extents) {
    if (merged.empty() || extent.first > merged.back().last) {
      merged.push_back(extent);
      continue;
    }
    merged.back().last = std::max(merged.back().last, extent.last);
    merged.back().sites.push_back(extent.sites[0]);
  }
  return merged;
}

// Stride of every value; 0 for a pooled one and what is computed from it alone.
std::vector<std::int64_t> strides_of(const Graph& graph) {
  std::vector<std::int64_t> strides;
  for (const graph::Node& node : graph.nodes) {
    const auto in = [&](std::size_t i) { return strides[at(node.inputs.at(i))]; };
    strides.push_back(
        std::visit(graph::Match{[](const graph::Input& input) { return input.stride; },
                                [&](const graph::Conv& conv) { return in(0) * conv.stride; },
                                [&](const graph::MaxPool& pool) { return in(0) * pool.stride; },
                                [&](const graph::AvgPool& pool) { return in(0) * pool.stride; },
                                [](const graph::GlobalPool&) { return std::int64_t{0}; },
                                [&](const graph::Resize&) { return in(1); },
                                [&](const auto&) { return in(0); }},
                   node.layer));
  }
  return strides;
}

// Node of the supernet for each node of a candidate, which has some of them in the same order.
std::vector<NodeId> origins_of(const Graph& candidate, const Graph& supernet) {
  std::vector<NodeId> origins;
  NodeId next = 0;
  for (const graph::Node& node : candidate.nodes) {
    while (supernet[next].name != node.name || supernet[next].layer.index() != node.layer.index())
      ++next;
    origins.push_back(next++);
  }
  return origins;
}

// One stage of a candidate, cut out of it.
class Cutter {
 public:
  Cutter(const Graph& candidate, std::vector<NodeId> origins)
      : candidate_(candidate),
        origins_(std::move(origins)),
        strides_(strides_of(candidate)),
        last_reader_(candidate.nodes.size(), -1) {
    for (NodeId id = 0; id < size(); ++id) {
      for (const NodeId input : candidate_[id].inputs) last_reader_[at(input)] = origins_[at(id)];
    }
    for (const graph::Output& out : candidate_.outputs)
      last_reader_[at(out.node)] = std::numeric_limits<NodeId>::max();
  }

  StageGraph cut(const Stage& stage) const {
    StageGraph result;
    std::set<NodeId> inputs;
    std::vector<graph::Output> outputs;
    for (NodeId id = 0; id < size(); ++id) {
      const NodeId origin = origins_[at(id)];
      if (origin > stage.last) break;
      if (last_reader_[at(id)] > stage.last) result.live.push_back(origin);
      if (origin < stage.first) continue;
      for (const NodeId input : candidate_[id].inputs) {
        if (origins_[at(input)] < stage.first) inputs.insert(input);
      }
      if (last_reader_[at(id)] > stage.last) {
        outputs.push_back({candidate_[id].name, id});
        result.outputs.push_back(origin);
      }
    }
    if (outputs.empty()) return result;
    std::vector<graph::CutPoint> cuts;
    for (const NodeId input : inputs) {
      core::require(strides_[at(input)] > 0, "'{}' is pooled: no cut", candidate_[input].name);
      cuts.push_back({input, strides_[at(input)]});
      result.inputs.push_back(origins_[at(input)]);
    }
    result.graph = graph::subgraph(candidate_, cuts, outputs);
    return result;
  }

 private:
  NodeId size() const { return static_cast<NodeId>(candidate_.nodes.size()); }

  const Graph& candidate_;
  std::vector<NodeId> origins_;
  std::vector<std::int64_t> strides_;
  std::vector<NodeId> last_reader_;  // of each value, as a node of the supernet
};

}  // namespace

std::vector<Stage> stages_of(const Supernet& supernet) {
  const auto end = static_cast<NodeId>(supernet.graph.nodes.size()) - 1;
  std::vector<Stage> stages;
  NodeId first = 0;
  const auto close = [&](NodeId last, std::vector<std::size_t> sites) {
    std::ranges::sort(sites);
    stages.push_back({first, last, std::move(sites)});
    first = last + 1;
  };
  const std::vector<Extent> extents = merged_extents(supernet);
  // A stage ends where the sites of the next begin.
  std::vector<std::size_t> sites;
  for (const Extent& extent : extents) {
    if (extent.first > first) close(extent.first - 1, std::move(sites));
    sites = extent.sites;
  }
  close(end, std::move(sites));
  return stages;
}

std::vector<StageGraph> staged(const Supernet& supernet,
                               const std::vector<Stage>& stages,
                               const graph::Choices& choices) {
  const Graph candidate = graph::subsample(supernet, choices);
  const Cutter cutter(candidate, origins_of(candidate, supernet.graph));
  std::vector<StageGraph> parts;
  for (const Stage& stage : stages) parts.push_back(cutter.cut(stage));
  return parts;
}

}  // namespace parsimony::supernet
