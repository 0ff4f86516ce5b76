// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/grid_space.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/space/grid_patterns.h"

namespace parsimony::space {
namespace {

constexpr int kOps = static_cast<int>(kGridOpNames.size());
constexpr std::size_t kEdgesKept = 2;  // per node of a cell (DARTS)

using Sources = std::vector<int>;

// The sets of sources that a cell's node may keep, in lexicographic order.
std::vector<Sources> source_choices(int candidates) {
  if (candidates == 1) return {{0}};
  std::vector<Sources> choices;
  for (int first = 0; first < candidates; ++first) {
    for (int second = first + 1; second < candidates; ++second) choices.push_back({first, second});
  }
  return choices;
}

using BySet = std::array<double, kGridScaleSets>;

// ways[l][set]: how many patterns the layers from index l on have when they begin with these
// scales.
std::vector<BySet> ways_to_the_head(const std::vector<GridLayerPatterns>& layers) {
  std::vector<BySet> ways(layers.size() + 1, BySet{});
  ways.back().fill(1);
  for (std::size_t l = layers.size(); l-- > 0;) {
    for (std::size_t q = 1; q < layers[l].size(); ++q)
      ways[l][layers[l].sources[q]] += ways[l + 1][layers[l].sinks[q]];
  }
  return ways;
}

// An index drawn in proportion to the weights, never one of weight 0.
std::size_t draw(std::span<const double> weights, core::Rng& rng) {
  double rest = rng.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  std::size_t last = weights.size();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    last = i;  // where rounding leaves a rest, the last possible one takes it
    rest -= weights[i];
    if (rest < 0) break;
  }
  core::require(last < weights.size(), "a draw among nothing");
  return last;
}

// Without edges that no way from the stem to the last layer has.
void drop_dead_ends(std::vector<GridLayer>& layers, const GridRules& rules) {
  unsigned alive = rules.start == GridStart::kTriangular ? 1U : kGridScaleSets - 1;
  for (GridLayer& layer : layers) {
    std::erase_if(layer, [&](const GridEdge& edge) { return (alive >> edge.from & 1U) == 0; });
    alive = sink_set(layer);
  }
  for (std::size_t l = layers.size(); l-- > 0;) {
    std::erase_if(layers[l], [&](const GridEdge& edge) { return (alive >> edge.to & 1U) == 0; });
    alive = source_set(layers[l]);
  }
}

void check_fits(const GridGenotype& genotype, const GridSpaceOptions& options) {
  const GridCell& cell = genotype.cell;
  if (cell.inputs != options.inputs || cell.nodes() != options.nodes ||
      static_cast<int>(genotype.layers.size()) != options.layers) {
    core::throw_user_error(
        "genotype {} has {} cell inputs, {} nodes and {} layers; the space has {}, {} and {}",
        to_text(genotype),
        cell.inputs,
        cell.nodes(),
        genotype.layers.size(),
        options.inputs,
        options.nodes,
        options.layers);
  }
  check_paths(genotype, options.rules);
}

}  // namespace

void GridSpaceOptions::visit(core::FieldVisitor& v) {
  v.field("nodes", nodes, {"intermediate nodes of the cell", 1, 12});
  v.field("inputs", inputs, {"inputs of the cell", 1, 2});
  v.field("layers", layers, {"layers of the grid", 1, 32});
  rules.visit(v);
}

double count_cells(int nodes, int inputs) {
  double count = 1;
  for (int node = 0; node < nodes; ++node) {
    const std::vector<Sources> choices = source_choices(inputs + node);
    count *= static_cast<double>(choices.size()) *
             std::pow(kOps, static_cast<double>(choices[0].size()));
  }
  return count;
}

GridCell random_cell(int nodes, int inputs, core::Rng& rng) {
  GridCell cell{.inputs = inputs, .edges = {}};
  for (int node = inputs; node < inputs + nodes; ++node) {
    const std::vector<Sources> choices = source_choices(node);
    const auto chosen = rng.below(static_cast<std::int64_t>(choices.size()));
    for (const int source : choices[static_cast<std::size_t>(chosen)])
      cell.edges.push_back({node, source, static_cast<GridOp>(rng.below(kOps))});
  }
  return cell;
}

double count_path_patterns(int layers, const GridRules& rules) {
  const BySet first = ways_to_the_head(layer_patterns(layers, rules))[0];
  return std::accumulate(first.begin(), first.end(), 0.0);
}

std::vector<GridLayer> random_paths(int layers, const GridRules& rules, core::Rng& rng) {
  const std::vector<GridLayerPatterns> patterns = layer_patterns(layers, rules);
  const std::vector<BySet> ways = ways_to_the_head(patterns);
  std::vector<GridLayer> paths;
  std::size_t scales = draw(ways[0], rng);
  for (std::size_t l = 0; l < patterns.size(); ++l) {
    std::vector<double> weights(patterns[l].size(), 0.0);
    for (std::size_t q = 1; q < weights.size(); ++q) {
      if (patterns[l].sources[q] == scales) weights[q] = ways[l + 1][patterns[l].sinks[q]];
    }
    const std::size_t chosen = draw(weights, rng);
    paths.push_back(patterns[l].kept(static_cast<GridPattern>(chosen)));
    scales = patterns[l].sinks[chosen];
  }
  return paths;
}

double count_walks(int layers, const GridRules& rules) {
  std::vector<double> walks(kGridScales, rules.start == GridStart::kTriangular ? 0 : 1);
  walks[0] = 1;
  for (int layer = 1; layer <= layers; ++layer) {
    std::vector<double> next(kGridScales, 0);
    for (const GridEdge& edge : possible_edges(rules, layer))
      next[static_cast<std::size_t>(edge.to)] += walks[static_cast<std::size_t>(edge.from)];
    walks = std::move(next);
  }
  double count = 0;
  for (const double ends : walks) count += ends;
  return count;
}

GridSpace::GridSpace(GridSpaceOptions options) : options_(options) {
  for (int node = options_.inputs; node < options_.inputs + options_.nodes; ++node) {
    const std::vector<Sources> choices = source_choices(node);
    const std::string sources = fmt::format("cell.{}.sources", node);
    decisions_.push_back({sources, sources, static_cast<int>(choices.size())});
    for (std::size_t i = 1; i <= choices[0].size(); ++i)
      decisions_.push_back({fmt::format("cell.{}.op{}", node, i), "op", kOps});
  }
  for (int layer = 1; layer <= options_.layers; ++layer) {
    for (const GridEdge& edge : possible_edges(options_.rules, layer)) {
      const std::string path = fmt::format("path.{}-{}", edge.from, edge.to);
      decisions_.push_back({fmt::format("layer{}.{}", layer, path), path, 2});
    }
  }
}

GridGenotype GridSpace::genotype(const Tokens& tokens) const {
  check(*this, tokens);
  GridGenotype genotype;
  auto next = tokens.begin();
  genotype.cell.inputs = options_.inputs;
  for (int node = options_.inputs; node < options_.inputs + options_.nodes; ++node) {
    const std::vector<Sources> choices = source_choices(node);
    for (const int source : choices[static_cast<std::size_t>(*next++)])
      genotype.cell.edges.push_back({node, source, GridOp::kSkip});
    for (std::size_t i = choices[0].size(); i > 0; --i)
      genotype.cell.edges[genotype.cell.edges.size() - i].op = static_cast<GridOp>(*next++);
  }
  for (int layer = 1; layer <= options_.layers; ++layer) {
    GridLayer& edges = genotype.layers.emplace_back();
    for (const GridEdge& edge : possible_edges(options_.rules, layer)) {
      if (*next++ == 1) edges.push_back(edge);
    }
  }
  drop_dead_ends(genotype.layers, options_.rules);
  if (genotype.layers[0].empty()) {
    for (GridLayer& layer : genotype.layers) layer = {{0, 0}};
  }
  return genotype;
}

Tokens GridSpace::tokens(const GridGenotype& genotype) const {
  check_fits(genotype, options_);
  Tokens tokens;
  for (int node = options_.inputs; node < options_.inputs + options_.nodes; ++node) {
    Sources sources;
    Tokens ops;
    for (const GridCellEdge& edge : genotype.cell.edges) {
      if (edge.node != node) continue;
      sources.push_back(edge.source);
      ops.push_back(static_cast<int>(edge.op));
    }
    const std::vector<Sources> choices = source_choices(node);
    const auto chosen = std::ranges::find(choices, sources);
    if (chosen == choices.end()) {
      core::throw_user_error(
          "genotype {}: the cell's node {} has {} incoming edges; in this space it has {}",
          to_text(genotype),
          node,
          sources.size(),
          std::min(kEdgesKept, static_cast<std::size_t>(node)));
    }
    tokens.push_back(static_cast<int>(chosen - choices.begin()));
    tokens.insert(tokens.end(), ops.begin(), ops.end());
  }
  for (int layer = 1; layer <= options_.layers; ++layer) {
    const GridLayer& there = genotype.layers[static_cast<std::size_t>(layer - 1)];
    for (const GridEdge& edge : possible_edges(options_.rules, layer))
      tokens.push_back(std::ranges::binary_search(there, edge) ? 1 : 0);
  }
  return tokens;
}

std::string GridSpace::text(const Tokens& tokens) const {
  return to_text(genotype(tokens));
}

Tokens GridSpace::parse(std::string_view text) const {
  return tokens(parse_grid_genotype(text));
}

std::vector<Tokens> GridSpace::landmarks() const {
  GridGenotype full{.cell = {.inputs = options_.inputs, .edges = {}}, .layers = {}};
  GridGenotype finest;
  for (int node = options_.inputs; node < options_.inputs + options_.nodes; ++node) {
    const Sources sources = source_choices(node)[0];
    for (const int source : sources) full.cell.edges.push_back({node, source, GridOp::kSepConv3x3});
  }
  finest.cell = full.cell;
  for (int layer = 1; layer <= options_.layers; ++layer) {
    full.layers.push_back(possible_edges(options_.rules, layer));
    finest.layers.push_back({{0, 0}});
  }
  return {tokens(full), tokens(finest)};
}

Tokens GridSpace::founder(core::Rng& rng) const {
  GridGenotype genotype;
  genotype.cell = random_cell(options_.nodes, options_.inputs, rng);
  genotype.layers = random_paths(options_.layers, options_.rules, rng);
  return tokens(genotype);
}

}  // namespace parsimony::space
