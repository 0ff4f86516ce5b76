// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/search/search.h"

namespace parsimony::search {

// Proposes the genotypes it was given, in turn: for baselines that are no search, such as a network
// made smaller evenly. Like random search it learns nothing.
class GivenGenotypes final : public Search {
 public:
  // `space` must outlive the search; at least one genotype.
  GivenGenotypes(const space::SearchSpace& space, std::vector<space::Tokens> genotypes);

  std::string_view name() const override { return "given"; }
  // Trial 1 gets the first genotype; behind the last one they begin again.
  space::Tokens ask(std::int64_t trial) override;
  void tell(const Feedback&) override {}
  std::string save() const override;
  void load(std::string_view state) override;

 private:
  const space::SearchSpace& space_;
  const std::vector<space::Tokens> genotypes_;
};

}  // namespace parsimony::search
