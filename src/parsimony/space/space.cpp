// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/space.h"

#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::space {

Tokens SearchSpace::founder(core::Rng& rng) const {
  return sample(*this, rng);
}

void check(const SearchSpace& space, const Tokens& tokens) {
  const auto& decisions = space.decisions();
  core::require(tokens.size() == decisions.size(),
                "space {} has {} decisions, got {} tokens",
                space.name(),
                decisions.size(),
                tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    core::require(tokens[i] >= 0 && tokens[i] < decisions[i].choices,
                  "token {} of decision {} is outside [0, {})",
                  tokens[i],
                  decisions[i].name,
                  decisions[i].choices);
  }
}

Tokens sample(const SearchSpace& space, core::Rng& rng) {
  Tokens tokens;
  tokens.reserve(space.decisions().size());
  for (const Decision& decision : space.decisions()) {
    tokens.push_back(static_cast<int>(rng.below(decision.choices)));
  }
  return tokens;
}

double log_size(const SearchSpace& space) {
  double sum = 0;
  for (const Decision& decision : space.decisions()) sum += std::log(decision.choices);
  return sum;
}

}  // namespace parsimony::space
