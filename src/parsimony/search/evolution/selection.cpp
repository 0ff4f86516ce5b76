// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/evolution/selection.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "parsimony/core/error.h"

namespace parsimony::search {
namespace {

std::vector<std::size_t> indices(std::size_t count) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

}  // namespace

bool dominates(const Fitness& a, const Fitness& b) {
  if (a.feasible() && b.feasible()) return objective::dominates(a.point, b.point);
  return a.violation < b.violation;
}

// Sorting by constrained domination puts the fronts of the feasible first, then a front for each
// amount of violation.
Standing standing_of(const std::vector<Fitness>& population) {
  std::vector<std::size_t> feasible;
  std::vector<objective::Point> points;
  std::set<double> violations;
  for (std::size_t i = 0; i < population.size(); ++i) {
    if (population[i].feasible()) {
      feasible.push_back(i);
      points.push_back(population[i].point);
    } else {
      violations.insert(population[i].violation);
    }
  }

  Standing standing{std::vector<int>(population.size(), 0),
                    std::vector<double>(population.size(), 0.0)};
  const std::vector<int> ranks = objective::non_dominated_ranks(points);
  const std::vector<double> crowding = objective::crowding_distances(points);
  int fronts = 0;
  for (std::size_t k = 0; k < feasible.size(); ++k) {
    standing.ranks[feasible[k]] = ranks[k];
    standing.crowding[feasible[k]] = crowding[k];
    fronts = std::max(fronts, ranks[k] + 1);
  }
  for (std::size_t i = 0; i < population.size(); ++i) {
    if (population[i].feasible()) continue;
    const auto before = std::distance(violations.begin(), violations.find(population[i].violation));
    standing.ranks[i] = fronts + static_cast<int>(before);
  }
  return standing;
}

std::vector<std::size_t> survivors(const std::vector<Fitness>& pool, std::size_t count) {
  core::require(count <= pool.size(), "{} survivors of {}", count, pool.size());
  const Standing standing = standing_of(pool);
  std::vector<std::size_t> order = indices(pool.size());
  std::stable_sort(order.begin(), order.end(), [&standing](std::size_t a, std::size_t b) {
    if (standing.ranks[a] != standing.ranks[b]) return standing.ranks[a] < standing.ranks[b];
    return standing.crowding[a] > standing.crowding[b];
  });
  order.resize(count);
  return order;
}

std::vector<Pair> tournaments(const Standing& population, core::Rng& rng) {
  const std::size_t size = population.ranks.size();
  core::require(size % 2 == 0, "tournaments of {} members, expected an even number", size);
  std::vector<std::size_t> line;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::size_t> order = indices(size);
    rng.shuffle(order);
    line.insert(line.end(), order.begin(), order.end());
  }
  const auto winner = [&](std::size_t a, std::size_t b) {
    if (population.ranks[a] != population.ranks[b])
      return population.ranks[a] < population.ranks[b] ? a : b;
    if (population.crowding[a] != population.crowding[b])
      return population.crowding[a] > population.crowding[b] ? a : b;
    return rng.chance(0.5) ? a : b;
  };
  std::vector<Pair> pairs;
  for (auto four = line.begin(); four != line.end(); four += 4) {
    const std::size_t first = winner(four[0], four[1]);
    pairs.push_back({first, winner(four[2], four[3])});
  }
  return pairs;
}

}  // namespace parsimony::search
