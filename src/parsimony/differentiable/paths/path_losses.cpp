// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/path_losses.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "parsimony/differentiable/entropy_term.h"
#include "parsimony/differentiable/paths/pattern_distribution.h"

namespace parsimony::differentiable {
namespace {

using BySet = std::array<double, space::kGridScaleSets>;

std::vector<PatternDistribution> distributions(const Grid& grid, const EdgeValues& gates) {
  require_gates(grid, gates);
  std::vector<PatternDistribution> layers;
  for (const std::vector<double>& layer : gates) layers.emplace_back(layer);
  return layers;
}

// Probability of each set of nodes, given each pattern's set and probability.
BySet marginal(const std::vector<unsigned>& sets, std::span<const double> probabilities) {
  BySet sums{};
  for (std::size_t q = 1; q < sets.size(); ++q) sums[sets[q]] += probabilities[q];
  return sums;
}

// The sum over layers and patterns of -P log(P + 1e-5), each layer's times a weight that its number
// of patterns decides.
template <typename Weight>
GateLoss weighed_entropy(const Grid& grid, const EdgeValues& gates, Weight weight_of) {
  GateLoss loss;
  for (const PatternDistribution& layer : distributions(grid, gates)) {
    const std::span<const double> probabilities = layer.probabilities();
    const double weight = weight_of(probabilities.size() - 1);
    std::vector<double> slope(probabilities.size(), 0.0);
    for (std::size_t q = 1; q < slope.size(); ++q) {
      const EntropyTerm term = entropy_term(probabilities[q]);
      loss.value += weight * term.value;
      slope[q] = weight * term.slope;
    }
    loss.gradient.push_back(layer.backward(slope));
  }
  return loss;
}

}  // namespace

GateLoss pattern_entropy(const Grid& grid, const EdgeValues& gates) {
  double count = 0;
  for (const space::GridLayerPatterns& layer : grid) count += static_cast<double>(layer.size() - 1);
  return weighed_entropy(grid, gates, [count](std::size_t) { return 1 / count; });
}

GateLoss layer_entropy(const Grid& grid, const EdgeValues& gates) {
  return weighed_entropy(grid, gates, [&grid](std::size_t patterns) {
    // A layer of one pattern has nothing to decide.
    const double largest = std::log(static_cast<double>(std::max<std::size_t>(2, patterns)));
    return 1 / (largest * static_cast<double>(grid.size()));
  });
}

GateLoss topology_disagreement(const Grid& grid, const EdgeValues& gates) {
  const std::vector<PatternDistribution> layers = distributions(grid, gates);
  GateLoss loss;
  std::vector<std::vector<double>> slopes;
  for (const PatternDistribution& layer : layers)
    slopes.emplace_back(layer.probabilities().size(), 0.0);

  for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
    const std::vector<unsigned>& sinks = grid[l].sinks;
    const std::vector<unsigned>& sources = grid[l + 1].sources;
    const BySet entered = marginal(sinks, layers[l].probabilities());
    const BySet left = marginal(sources, layers[l + 1].probabilities());
    BySet by_entered{}, by_left{};
    for (std::size_t a = 1; a < space::kGridScaleSets; ++a) {
      const double in = left[a] + kLogFloor, not_in = 1 - left[a] + kLogFloor;
      loss.value -= entered[a] * std::log(in) + (1 - entered[a]) * std::log(not_in);
      by_entered[a] = std::log(not_in) - std::log(in);
      by_left[a] = (1 - entered[a]) / not_in - entered[a] / in;
    }
    for (std::size_t q = 1; q < sinks.size(); ++q) slopes[l][q] += by_entered[sinks[q]];
    for (std::size_t q = 1; q < sources.size(); ++q) slopes[l + 1][q] += by_left[sources[q]];
  }
  for (std::size_t l = 0; l < layers.size(); ++l)
    loss.gradient.push_back(layers[l].backward(slopes[l]));
  return loss;
}

}  // namespace parsimony::differentiable
