// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

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

  // A child that differs from `leader` in late decisions only: some are exchanged with another's,
  // then one of them changes on average.
  space::Tokens sibling(const space::Tokens& leader,
                        const space::Tokens& other,
                        core::Rng& rng) const;

  // Each of the given decisions changes with the mutation rate, which is the options' for all and
  // one over their number for late ones: an ordered one, by the chance of a step, to a neighbouring
  // choice; else to any other choice.
  space::Tokens mutant(space::Tokens tokens,
                       std::span<const std::size_t> decisions,
                       core::Rng& rng) const;

  // Decisions with more than one choice, and those of them that siblings may differ in.
  std::span<const std::size_t> all() const { return all_; }
  std::span<const std::size_t> late() const { return late_; }

 private:
  int changed(const space::Decision& decision, int token, core::Rng& rng) const;

  Nsga2Options options_;
  const space::SearchSpace& space_;
  std::vector<space::Tokens> landmarks_;
  std::vector<std::size_t> all_, late_;
};

}  // namespace parsimony::search
