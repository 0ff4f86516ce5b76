// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <span>

#include "parsimony/search/evolution/generations.h"
#include "parsimony/search/evolution/nsga2_options.h"
#include "parsimony/search/evolution/variation.h"
#include "parsimony/search/search.h"

namespace parsimony::search {

// NSGA-II (Deb, Pratap, Agarwal and Meyarivan, IEEE TEC 2002) over any search space: it looks for
// the whole front of the study's objectives at once. How generations fare with several candidates
// in flight is said in generations.h.
//
// Feedback with a point is judged by its point, and by its violation where that is not 0. Where no
// candidate has a point, minus the reward is the one objective. Candidates of which nothing is
// known (failed, invalid, a point that is not finite) are as infeasible as can be: they take their
// place in a generation and lose against everybody else.
//
// A child whose text was proposed before is mutated until it is new, at most `retries` times.
class Nsga2 final : public Search {
 public:
  // `space` must outlive the search. A user error for a population that is odd or below 2, and for
  // siblings in a space whose candidates cannot share so much work.
  Nsga2(const Nsga2Options& options, const space::SearchSpace& space, core::Rng rng);

  std::string_view name() const override { return "nsga2"; }
  space::Tokens ask(std::int64_t trial) override;
  void tell(const Feedback& feedback) override;
  std::string save() const override;
  void load(std::string_view state) override;
  // "generation"; "front": parents that no other parent dominates; "feasible": share of the
  // parents.
  std::map<std::string, double> diagnostics() const override;

 private:
  using Evolution = Generations<space::Tokens>;

  std::uint64_t identity(const space::Tokens& tokens) const;
  // Mutated if need be: in the decisions that are `free`, if these do not help in any.
  space::Tokens novel(space::Tokens tokens,
                      std::span<const std::size_t> free,
                      std::int64_t trial) const;
  Fitness fitness_of(const Feedback& feedback) const;
  void expect_points(std::size_t objectives);

  Nsga2Options options_;
  const space::SearchSpace& space_;
  CategoricalVariation variation_;
  Evolution evolution_;
  std::size_t objectives_ = 0;        // of a point; 0 while only rewards were told
  std::set<std::uint64_t> proposed_;  // identities
  space::Tokens leader_;              // whom siblings follow
};

}  // namespace parsimony::search
