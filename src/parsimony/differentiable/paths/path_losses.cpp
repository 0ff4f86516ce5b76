// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/path_losses.h"

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

}  // namespace

GateLoss pattern_entropy(const Grid& grid, const EdgeValues& gates) {
  double count = 0;
  for (std::size_t l = 0; l < grid.size(); ++l) count += static_cast<double>(grid[l].size() - 1);

  GateLoss loss;
  for (const PatternDistribution& layer : distributions(grid, gates)) {
    const std::span<const double> probabilities = layer.probabilities();
    std::vector<double> slope(probabilities.size(), 0.0);
    for (std::size_t q = 1; q < slope.size(); ++q) {
      const EntropyTerm term = entropy_term(probabilities[q]);
      loss.value += term.value / count;
      slope[q] = term.slope / count;
    }
    loss.gradient.push_back(layer.backward(slope));
  }
  return loss;
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
