// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/exact_decoding.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <queue>
#include <tuple>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

using space::GridLayerPatterns;
using space::GridPattern;
using space::kGridScaleSets;

// Gates are held within this and 1 less this: a sigmoid in single precision saturates at 0 and 1,
// which would make valid networks impossible where two layers are sure of different things (ours).
constexpr double kLeastGate = 1e-7;
constexpr double kUnitsPerNat = 0x1p40;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What is minimised, before patterns break ties.
struct Score {
  std::int64_t surprise = 0;  // negative log-likelihood, in units
  int edges = 0;
  auto operator<=>(const Score&) const = default;
};
constexpr Score kImpossible{std::numeric_limits<std::int64_t>::max(), 0};

Score operator+(const Score& a, const Score& b) {
  return {a.surprise + b.surprise, a.edges + b.edges};
}

std::int64_t units(double nats) {
  return std::llround(nats * kUnitsPerNat);
}

// Of all patterns of a layer; that of the empty one means nothing.
std::vector<std::int64_t> surprises(std::vector<double> gates) {
  for (double& gate : gates) gate = std::clamp(gate, kLeastGate, 1 - kLeastGate);
  std::int64_t nothing_open = 0;
  double any_open = 0;
  for (const double gate : gates) {
    nothing_open += units(-std::log1p(-gate));
    any_open += gate * (1 - any_open);
  }
  std::vector<std::int64_t> sums{nothing_open + units(std::log(any_open))};
  for (const double gate : gates) {
    const std::int64_t opening = units(-std::log(gate)) - units(-std::log1p(-gate));
    const std::size_t without = sums.size();
    for (std::size_t q = 0; q < without; ++q) sums.push_back(sums[q] + opening);
  }
  return sums;
}

// A pattern as a step from the set of nodes it leaves to the set it enters.
struct Step {
  Score score;
  GridPattern pattern = 0;
  unsigned sources = 0, sinks = 0;
  double cost = 0;
};
using StepsBySource = std::array<std::vector<Step>, kGridScaleSets>;

// Without those that no best network needs: another between the same sets comes first and costs no
// more.
StepsBySource useful_steps(std::vector<Step> steps) {
  std::ranges::sort(steps, [](const Step& a, const Step& b) {
    return std::tie(a.score, a.pattern) < std::tie(b.score, b.pattern);
  });
  std::array<std::array<double, kGridScaleSets>, kGridScaleSets> cheapest;
  for (auto& row : cheapest) row.fill(kInfinity);
  StepsBySource useful;
  for (const Step& step : steps) {
    double& least = cheapest[step.sources][step.sinks];
    if (step.cost >= least) continue;
    least = step.cost;
    useful[step.sources].push_back(step);
  }
  return useful;
}

std::vector<StepsBySource> steps_of(const Grid& grid,
                                    const EdgeValues& gates,
                                    const std::optional<CostCap>& cap) {
  std::vector<StepsBySource> layers;
  for (std::size_t l = 0; l < grid.size(); ++l) {
    const GridLayerPatterns& layer = grid[l];
    const std::vector<std::int64_t> surprise = surprises(gates[l]);
    std::vector<Step> steps;
    for (GridPattern q = 1; q < layer.size(); ++q) {
      steps.push_back({.score = {surprise[q], std::popcount(q)},
                       .pattern = q,
                       .sources = layer.sources[q],
                       .sinks = layer.sinks[q],
                       .cost = cap ? cost_of(grid, cap->costs, l, q) : 0});
    }
    layers.push_back(useful_steps(std::move(steps)));
  }
  return layers;
}

// The least that is still to come, by the set of nodes that a layer leaves.
struct Remainder {
  Score score = kImpossible;
  double cost = kInfinity;
};
using Remainders = std::vector<std::array<Remainder, kGridScaleSets>>;

Remainders remainders(const std::vector<StepsBySource>& layers) {
  Remainders least(layers.size() + 1);
  least.back().fill({.score = {}, .cost = 0});
  for (std::size_t l = layers.size(); l-- > 0;) {
    for (std::size_t a = 1; a < kGridScaleSets; ++a) {
      Remainder& best = least[l][a];
      for (const Step& step : layers[l][a]) {
        const Remainder& rest = least[l + 1][step.sinks];
        best.score = std::min(best.score, step.score + rest.score);
        best.cost = std::min(best.cost, step.cost + rest.cost);
      }
    }
  }
  return least;
}

// The first layers of a network.
struct Partial {
  Score total;  // of its steps and of the least that is still to come
  Patterns patterns;
  Score score;
  double cost = 0;
  unsigned alive = 0;

  bool operator>(const Partial& other) const {
    return std::tie(total, patterns) > std::tie(other.total, other.patterns);
  }
};

// Best first (A*): the remainders are exact bounds, so the first complete network that is taken out
// of the queue is the best. Of two that are taken out at the same place the second is of use only
// if it costs less.
Patterns best_first(const std::vector<StepsBySource>& layers, double most) {
  const Remainders least = remainders(layers);
  std::vector<std::array<double, kGridScaleSets>> cheapest(layers.size() + 1);
  for (auto& row : cheapest) row.fill(kInfinity);
  std::priority_queue<Partial, std::vector<Partial>, std::greater<>> queue;
  double cheapest_network = kInfinity;
  const auto offer = [&](Partial partial) {
    const Remainder& rest = least[partial.patterns.size()][partial.alive];
    partial.total = partial.score + rest.score;
    if (partial.cost + rest.cost <= most) queue.push(std::move(partial));
  };
  for (unsigned start = 1; start < kGridScaleSets; ++start) {
    if (layers[0][start].empty()) continue;
    cheapest_network = std::min(cheapest_network, least[0][start].cost);
    offer({.total = {}, .patterns = {}, .score = {}, .cost = 0, .alive = start});
  }

  while (!queue.empty()) {
    const Partial partial = queue.top();
    queue.pop();
    const std::size_t depth = partial.patterns.size();
    if (depth == layers.size()) return partial.patterns;
    double& cheapest_here = cheapest[depth][partial.alive];
    if (partial.cost >= cheapest_here) continue;
    cheapest_here = partial.cost;
    for (const Step& step : layers[depth][partial.alive]) {
      Partial longer = partial;
      longer.patterns.push_back(step.pattern);
      longer.score = partial.score + step.score;
      longer.cost += step.cost;
      longer.alive = step.sinks;
      offer(std::move(longer));
    }
  }
  core::throw_user_error(
      "no valid network costs {} or less, the cheapest costs {}; expected a larger cap",
      most,
      cheapest_network);
}

}  // namespace

std::int64_t negative_log_likelihood(const Grid& grid,
                                     const EdgeValues& gates,
                                     const Patterns& patterns) {
  require_gates(grid, gates);
  core::require(patterns.size() == grid.size(),
                "patterns of {} layers, the grid has {}",
                patterns.size(),
                grid.size());
  std::int64_t sum = 0;
  for (std::size_t l = 0; l < grid.size(); ++l) sum += surprises(gates[l])[patterns[l]];
  return sum;
}

double to_nats(std::int64_t negative_log_likelihood) {
  return static_cast<double>(negative_log_likelihood) / kUnitsPerNat;
}

Patterns most_likely_paths(const Grid& grid,
                           const EdgeValues& gates,
                           const std::optional<CostCap>& cap) {
  require_gates(grid, gates);
  if (cap) require_costs(grid, cap->costs);
  return best_first(steps_of(grid, gates, cap), cap ? cap->most : kInfinity);
}

}  // namespace parsimony::differentiable
