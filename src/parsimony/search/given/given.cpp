// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/given/given.h"

#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/search/state.h"

namespace parsimony::search {

GivenGenotypes::GivenGenotypes(const space::SearchSpace& space,
                               std::vector<space::Tokens> genotypes)
    : space_(space), genotypes_(std::move(genotypes)) {
  core::require(!genotypes_.empty(), "no genotypes are given");
  for (const space::Tokens& genotype : genotypes_) space::check(space, genotype);
}

space::Tokens GivenGenotypes::ask(std::int64_t trial) {
  return genotypes_[static_cast<std::size_t>(trial - 1) % genotypes_.size()];
}

std::string GivenGenotypes::save() const {
  return StateWriter(name(), space_).finish();
}

void GivenGenotypes::load(std::string_view state) {
  StateReader(state, name(), space_).finish();
}

}  // namespace parsimony::search
