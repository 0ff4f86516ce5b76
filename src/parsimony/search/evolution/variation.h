// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

#include "parsimony/core/rng.h"
#include "parsimony/search/evolution/nsga2_options.h"
#include "parsimony/space/space.h"

namespace parsimony::search {

// How genotypes of a search space vary: the genetic operators of NSGA-II over categorical
// decisions. `space` must outlive it.
class CategoricalVariation {
 public:
  CategoricalVariation(const Nsga2Options& options, const space::SearchSpace& space);

  // The space's landmarks come first, then its random founders.
  space::Tokens founder(std::int64_t index, core::Rng& rng) const;

  // Crossover, then mutation of both children.
  std::pair<space::Tokens, space::Tokens> mate(const space::Tokens& a,
                                               const space::Tokens& b,
                                               core::Rng& rng) const;

  // Each decision changes with the mutation rate: an ordered one, by the chance of a step, to a
  // neighbouring choice; else to any other choice.
  space::Tokens mutant(space::Tokens tokens, core::Rng& rng) const;

 private:
  space::Tokens mutant_behind(std::size_t cut, space::Tokens tokens, core::Rng& rng) const;
  void mutate(std::size_t i, double rate, space::Tokens& tokens, core::Rng& rng) const;
  int changed(const space::Decision& decision, int token, core::Rng& rng) const;

  Nsga2Options options_;
  const space::SearchSpace& space_;
  std::vector<space::Tokens> landmarks_;
  double rate_;  // of mutation
};

}  // namespace parsimony::search
