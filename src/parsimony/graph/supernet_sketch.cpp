// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/supernet_sketch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "parsimony/core/text.h"

namespace parsimony::graph {
namespace {

using Block = SupernetSketch::Block;

constexpr std::int64_t kSide = 1024;  // of the picture by which strides are told

std::string_view block_name(std::string_view name) {
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = name.find('.', end + 1);
    const std::string_view front = name.substr(0, end);
    if (!front.empty() && std::isdigit(static_cast<unsigned char>(front.back())) != 0) return front;
  }
  for (const std::string_view layer : {".conv", ".bn", ".relu", ".pool", ".resize", ".add"}) {
    if (name.size() > layer.size() && name.ends_with(layer))
      return name.substr(0, name.size() - layer.size());
  }
  return name;
}

class Sketcher {
 public:
  Sketcher(const Supernet& supernet, const Choices& choices)
      : supernet_(supernet),
        graph_(supernet.graph),
        candidate_(subsample(supernet, choices)),
        choices_(canonical(supernet, choices)) {
    const std::vector<std::int64_t> channels = infer_channels(candidate_);
    for (std::size_t id = 0; id < channels.size(); ++id)
      kept_channels_.emplace(candidate_.nodes[id].name, channels[id]);
  }

  SupernetSketch run() {
    find_blocks();
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) follow(id);
    describe_results();
    for (std::size_t site = 0; site < supernet_.sites.size(); ++site)
      describe(supernet_.sites[site], choices_[site]);
    sketch_.summary = summary();
    return std::move(sketch_);
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  // Weighted layers make blocks; the others belong to the block of their name, if there is one.
  void find_blocks() {
    std::map<std::string, std::size_t, std::less<>> blocks;
    for (const Node& node : graph_.nodes) {
      if (!has_weights(node.layer)) continue;
      const auto [found, is_new] = blocks.emplace(block_name(node.name), sketch_.blocks.size());
      if (is_new) {
        sketch_.blocks.emplace_back();
        sketch_.blocks.back().name = found->first;
        sketch_.blocks.back().left_out = true;
      }
      if (kept_channels_.contains(node.name)) sketch_.blocks[found->second].left_out = false;
    }
    for (const Node& node : graph_.nodes) {
      const auto found = blocks.find(block_name(node.name));
      owner_.push_back(found == blocks.end() ? kNone : found->second);
    }
  }

  // Which blocks' results make up a node's value, and who reads whom.
  void follow(NodeId id) {
    const Node& node = graph_[id];
    const std::size_t owner = owner_[static_cast<std::size_t>(id)];
    std::set<std::size_t> sources;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (i > 0 && std::holds_alternative<Resize>(node.layer)) break;  // only its size matters
      sources.merge(std::set(sources_[static_cast<std::size_t>(node.inputs[i])]));
    }
    if (owner != kNone) {
      Block& block = sketch_.blocks[owner];
      for (const std::size_t source : sources) {
        if (source < owner && std::ranges::find(block.inputs, source) == block.inputs.end())
          block.inputs.insert(std::ranges::upper_bound(block.inputs, source), source);
      }
      sources = {owner};
    }
    sources_.push_back(std::move(sources));
  }

  void describe_results() {
    const std::vector<Shape> shapes = infer_shapes(graph_, {kSide, kSide});
    for (std::size_t id = 0; id < graph_.nodes.size(); ++id) {
      if (owner_[id] == kNone) continue;
      Block& block = sketch_.blocks[owner_[id]];
      const Node& node = graph_.nodes[id];
      block.stride = shapes[id].height > 1 ? kSide / shapes[id].height : 0;
      const auto kept = kept_channels_.find(node.name);
      block.channels = kept == kept_channels_.end() ? shapes[id].channels : kept->second;
      if (block.style.empty()) block.style = "conv";
      if (std::holds_alternative<GlobalPool>(node.layer)) block.style = "pool";
      if (const auto* conv = std::get_if<Conv>(&node.layer)) {
        if (conv->groups > 1 && block.style == "conv") block.style = "sep";
        block.kernel = std::max(block.kernel, conv->kernel);
        block.dilation = std::max(block.dilation, conv->dilation);
      }
    }
  }

  void describe(const Site& site, int choice) {
    if (site.kind == SiteKind::kWidth) return describe_width(site);
    const NodeId node = site.kind == SiteKind::kBypass ? site.to : site.from;
    const std::set<std::size_t>& blocks = sources_[static_cast<std::size_t>(node)];
    for (const std::size_t b : blocks) {
      Block& block = sketch_.blocks[b];
      if (site.kind == SiteKind::kBypass && choice != 0) block.passed_by = true;
      block.remarks.push_back(fmt::format("{}: {}", site.name, choice == 0 ? "kept" : "dropped"));
    }
  }

  void describe_width(const Site& site) {
    std::set<std::size_t> seen;
    for (const NodeId producer : site.producers) {
      const std::size_t owner = owner_[static_cast<std::size_t>(producer)];
      if (!seen.insert(owner).second) continue;
      Block& block = sketch_.blocks[owner];
      const auto kept = kept_channels_.find(graph_[producer].name);
      if (kept == kept_channels_.end()) {
        block.remarks.push_back(fmt::format("{}: does not matter here", site.name));
        continue;
      }
      const std::int64_t full = site.channels.front();
      block.widths.push_back({site.name, kept->second, full});
      block.remarks.push_back(
          fmt::format("{}: keeps {} of {} channels", site.name, kept->second, full));
    }
  }

  std::string summary() const {
    struct Kind {
      std::string_view noun, done;
      int sites = 0, chosen = 0;
    };
    std::array<Kind, 3> kinds = {
        {{"blocks", "dropped"}, {"branches", "dropped"}, {"widths", "cut"}}};
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      Kind& kind = kinds[static_cast<std::size_t>(supernet_.sites[i].kind)];
      ++kind.sites;
      if (choices_[i] != 0) ++kind.chosen;
    }
    std::vector<std::string> parts;
    for (const Kind& kind : kinds) {
      if (kind.sites > 0)
        parts.push_back(
            fmt::format("{} of {} {} {}", kind.chosen, kind.sites, kind.noun, kind.done));
    }
    return core::join(parts, " · ");
  }

  const Supernet& supernet_;
  const Graph& graph_;
  const Graph candidate_;
  const Choices choices_;                              // in canonical form
  std::map<std::string, std::int64_t> kept_channels_;  // by the names of the candidate's nodes
  std::vector<std::size_t> owner_;                     // of each node
  std::vector<std::set<std::size_t>> sources_;         // of each node's value
  SupernetSketch sketch_;
};

}  // namespace

SupernetSketch sketch_of(const Supernet& supernet, const Choices& choices) {
  return Sketcher(supernet, choices).run();
}

}  // namespace parsimony::graph
