// SPDX-License-Identifier: Apache-2.0
#include "parsimony/supernet/space.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "parsimony/graph/cost.h"
#include "parsimony/space/list_reader.h"
#include "parsimony/supernet/stages.h"

namespace parsimony::supernet {
namespace {

using graph::NodeId;
using graph::Site;
using graph::SiteKind;
using space::Tokens;

std::string head_of(const Site& site) {
  switch (site.kind) {
    case SiteKind::kBypass:
      return "bypass";
    case SiteKind::kBranch:
      return "branch";
    case SiteKind::kWidth:
      break;
  }
  return fmt::format("width of {}", site.options());
}

std::vector<int> count_readers(const graph::Graph& graph) {
  std::vector<int> readers(graph.nodes.size(), 0);
  for (const graph::Node& node : graph.nodes) {
    for (const NodeId input : node.inputs) ++readers[static_cast<std::size_t>(input)];
  }
  return readers;
}

// Whether the branch that ends in `id` has no window and no pooling between where it leaves the
// trunk, a value with several readers, and its end.
bool looks_at_single_pixels(const graph::Graph& graph, const std::vector<int>& readers, NodeId id) {
  while (readers[static_cast<std::size_t>(id)] == 1 && !graph[id].inputs.empty()) {
    const graph::Layer& layer = graph[id].layer;
    const auto* conv = std::get_if<graph::Conv>(&layer);
    if ((conv != nullptr && conv->kernel > 1) || std::holds_alternative<graph::MaxPool>(layer) ||
        std::holds_alternative<graph::AvgPool>(layer) ||
        std::holds_alternative<graph::PathAttention>(layer) ||
        std::holds_alternative<graph::GlobalPool>(layer))
      return false;
    id = graph[id].inputs[0];
  }
  return true;
}

// For each site the share of the supernet's multiply-accumulates in the stages before its own.
std::vector<double> work_before(const graph::Supernet& supernet) {
  const std::vector<Stage> stages = stages_of(supernet);
  const auto parts = staged(supernet, stages, graph::Choices(supernet.sites.size(), 0));
  std::vector<double> before(supernet.sites.size(), 0);
  double done = 0;
  for (std::size_t k = 0; k < stages.size(); ++k) {
    for (const std::size_t site : stages[k].sites) before[site] = done;
    // Shares hardly depend on the picture's size.
    done += static_cast<double>(graph::count_macs(parts[k].graph, {512, 512}).total());
  }
  for (double& share : before) share /= done;
  return before;
}

// Each once, in the order of first occurrences.
std::vector<Tokens> distinct(const std::vector<Tokens>& all) {
  std::vector<Tokens> once;
  for (const Tokens& tokens : all)
    if (std::ranges::find(once, tokens) == once.end()) once.push_back(tokens);
  return once;
}

}  // namespace

SupernetSpace::SupernetSpace(graph::Supernet supernet) : supernet_(std::move(supernet)) {
  std::map<NodeId, std::vector<std::size_t>> joined;  // branches by concatenation
  const std::vector<double> work = work_before(supernet_);
  for (std::size_t i = 0; i < supernet_.sites.size(); ++i) {
    const Site& site = supernet_.sites[i];
    decisions_.push_back(
        {site.name, head_of(site), site.options(), site.kind == SiteKind::kWidth, work[i]});
    if (site.kind == SiteKind::kBranch) joined[site.to].push_back(i);
  }
  const std::vector<int> readers = count_readers(supernet_.graph);
  for (const auto& [concat, sites] : joined) {
    if (sites.size() < supernet_.graph[concat].inputs.size()) continue;
    const auto kept = std::ranges::find_if(sites, [&](std::size_t i) {
      return looks_at_single_pixels(supernet_.graph, readers, supernet_.sites[i].from);
    });
    branches_.push_back({sites, kept == sites.end() ? sites.front() : *kept});
  }
}

graph::Choices SupernetSpace::choices(const Tokens& tokens) const {
  space::check(*this, tokens);
  graph::Choices choices = tokens;
  for (const Branches& branches : branches_) {
    const bool none = std::ranges::all_of(branches.sites, [&](auto i) { return choices[i] != 0; });
    if (none) choices[branches.kept] = 0;
  }
  return graph::canonical(supernet_, choices);
}

std::string SupernetSpace::text(const Tokens& tokens) const {
  return fmt::format("[{}]", fmt::join(choices(tokens), ","));
}

Tokens SupernetSpace::parse(std::string_view text) const {
  const std::string form = fmt::format(
      "[c,c,...] with the {} choices of the supernet's sites, or []", decisions_.size());
  space::ListReader reader(text, form);
  Tokens tokens;
  reader.expect('[');
  if (reader.accept(']')) {
    reader.expect_end();
    return Tokens(decisions_.size(), 0);
  }
  for (const space::Decision& decision : decisions_) {
    if (!tokens.empty()) reader.expect(',');
    tokens.push_back(reader.code(decision.choices, decision.name, "choices"));
  }
  reader.expect(']');
  reader.expect_end();
  return graph::canonical(supernet_, tokens);
}

Tokens SupernetSpace::uniform_width(double share) const {
  Tokens tokens;
  for (const Site& site : supernet_.sites) {
    int nearest = 0;
    const auto distance = [&](int choice) {
      const auto channels = static_cast<double>(site.channels[static_cast<std::size_t>(choice)]);
      return std::abs(channels / static_cast<double>(site.channels[0]) - share);
    };
    for (int choice = 1; site.kind == SiteKind::kWidth && choice < site.options(); ++choice) {
      if (distance(choice) < distance(nearest)) nearest = choice;
    }
    tokens.push_back(nearest);
  }
  return choices(tokens);
}

std::vector<Tokens> SupernetSpace::landmarks() const {
  Tokens smallest;
  for (const space::Decision& decision : decisions_) smallest.push_back(decision.choices - 1);
  return distinct({Tokens(decisions_.size(), 0),
                   choices(smallest),
                   uniform_width(3.0 / 4),
                   uniform_width(1.0 / 2)});
}

std::vector<Tokens> SupernetSpace::scalings() const {
  std::vector<Tokens> all = {Tokens(decisions_.size(), 0)};
  for (const double share : {7.0 / 8, 3.0 / 4, 5.0 / 8, 1.0 / 2})
    all.push_back(uniform_width(share));
  return distinct(all);
}

Tokens SupernetSpace::founder(core::Rng& rng) const {
  const double keep = rng.uniform(0.5, 1);
  Tokens tokens;
  for (const space::Decision& decision : decisions_) {
    const bool kept = decision.choices < 2 || rng.chance(keep);
    tokens.push_back(kept ? 0 : 1 + static_cast<int>(rng.below(decision.choices - 1)));
  }
  return choices(tokens);
}

}  // namespace parsimony::supernet
