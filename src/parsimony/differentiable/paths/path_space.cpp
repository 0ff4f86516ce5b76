// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/path_space.h"

#include <array>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/paths/gate_range.h"
#include "parsimony/differentiable/paths/pattern_distribution.h"

namespace parsimony::differentiable {
namespace {

using BySet = std::array<double, kNodeSets>;
using ByPattern = std::vector<std::vector<double>>;  // [layer][pattern]

// Sums over all valid continuations, [layer][set of nodes that the layer leaves]: each weighs the
// product of its patterns' weights. Behind the last layer all sets have one, of weight 1.
std::vector<BySet> continuations(const Grid& grid, const ByPattern& weights) {
  std::vector<BySet> sums(grid.layers() + 1, BySet{});
  sums.back().fill(1);
  for (std::size_t l = grid.layers(); l-- > 0;) {
    const GridLayer& layer = grid.layer(l);
    for (std::size_t q = 1; q < layer.patterns(); ++q)
      sums[l][layer.sources[q]] += weights[l][q] * sums[l + 1][layer.sinks[q]];
  }
  return sums;
}

// An index with a probability in proportion to its weight.
std::size_t draw(const std::vector<double>& weights, core::Rng& rng) {
  double left = rng.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  std::size_t last = weights.size();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    last = i;  // where rounding leaves a rest, the last possible one takes it
    left -= weights[i];
    if (left < 0) break;
  }
  core::require(last < weights.size(), "a draw among nothing");
  return last;
}

}  // namespace

double count_paths(const Grid& grid) {
  ByPattern ones;
  for (std::size_t l = 0; l < grid.layers(); ++l) ones.emplace_back(grid.layer(l).patterns(), 1.0);
  const BySet from = continuations(grid, ones)[0];
  double count = 0;
  for (std::size_t a = 1; a < kNodeSets; ++a) {
    if (grid.may_start(static_cast<NodeSet>(a))) count += from[a];
  }
  return count;
}

double count_walks(const Grid& grid) {
  std::array<double, kScales> walks{};
  for (std::size_t node = 0; node < kScales; ++node)
    walks[node] = grid.may_start(static_cast<NodeSet>(1U << node)) ? 1 : 0;
  for (std::size_t l = 0; l < grid.layers(); ++l) {
    std::array<double, kScales> next{};
    for (const Edge& edge : grid.layer(l).edges)
      next[static_cast<std::size_t>(edge.to)] += walks[static_cast<std::size_t>(edge.from)];
    walks = next;
  }
  return std::accumulate(walks.begin(), walks.end(), 0.0);
}

Patterns sample_paths(const Grid& grid, const EdgeValues& gates, core::Rng& rng) {
  require_gates(grid, gates);
  ByPattern weights;
  for (const std::vector<double>& layer : gates) {
    const PatternDistribution distribution(within_gate_range(layer));
    weights.emplace_back(distribution.probabilities().begin(), distribution.probabilities().end());
  }
  const std::vector<BySet> sums = continuations(grid, weights);

  Patterns patterns;
  for (std::size_t l = 0; l < grid.layers(); ++l) {
    const GridLayer& layer = grid.layer(l);
    std::vector<double> chances(layer.patterns(), 0.0);
    for (std::size_t q = 1; q < chances.size(); ++q) {
      const bool fits = l == 0 ? grid.may_start(layer.sources[q])
                               : layer.sources[q] == grid.layer(l - 1).sinks[patterns.back()];
      if (fits) chances[q] = weights[l][q] * sums[l + 1][layer.sinks[q]];
    }
    patterns.push_back(static_cast<Pattern>(draw(chances, rng)));
  }
  return patterns;
}

}  // namespace parsimony::differentiable
