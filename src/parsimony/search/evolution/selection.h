// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "parsimony/core/rng.h"
#include "parsimony/objective/objective.h"

namespace parsimony::search {

// Who survives and who mates in NSGA-II (Deb, Pratap, Agarwal and Meyarivan, IEEE TEC 2002). All of
// it sees fitness only; what genes are is not known here.

// How good a member is: feasible members by their points, the others by how infeasible they are.
struct Fitness {
  objective::Point point;  // smaller is better, one length for all; empty unless feasible
  double violation = 0;    // 0: feasible; infinite: failed, nothing is known of it

  bool feasible() const { return violation == 0; }
  bool operator==(const Fitness&) const = default;
};

inline Fitness failed() {
  return {{}, std::numeric_limits<double>::infinity()};
}

// Constrained domination (ibid., section VI): feasible before infeasible, a smaller violation
// before a larger one, and among the feasible Pareto dominance.
bool dominates(const Fitness& a, const Fitness& b);

// Where each member stands in its population.
struct Standing {
  std::vector<int> ranks;        // by non-dominated sorting under constrained domination; 0: front
  std::vector<double> crowding;  // within the rank (objective::crowding_distances); 0 if infeasible
};
Standing standing_of(const std::vector<Fitness>& population);

// Indices of the `count` best members, best first: front by front, the last one by crowding. Ties
// go to the earlier member.
std::vector<std::size_t> survivors(const std::vector<Fitness>& pool, std::size_t count);

// Two parents, by index.
struct Pair {
  std::size_t first = 0, second = 0;
};

// As many parents as members, an even number: two random orders of the population, one behind the
// other, are walked in fours; the winner of the first two and the winner of the last two mate. So
// everybody takes part exactly twice. The better rank wins, then the larger crowding distance, then
// a coin.
std::vector<Pair> tournaments(const Standing& population, core::Rng& rng);

}  // namespace parsimony::search
