// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/space.h"

#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::space {

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

Tokens mutate(const SearchSpace& space, const Tokens& parent, double rate, core::Rng& rng) {
  check(space, parent);
  const auto& decisions = space.decisions();
  Tokens child = parent;
  const auto change = [&](std::size_t i) {
    if (decisions[i].choices < 2) return;
    const auto step = 1 + rng.below(decisions[i].choices - 1);
    child[i] = static_cast<int>((child[i] + step) % decisions[i].choices);
  };
  for (std::size_t i = 0; i < child.size(); ++i) {
    if (rng.chance(rate)) change(i);
  }
  while (child == parent)
    change(static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(child.size()))));
  return child;
}

Tokens crossover(const SearchSpace& space, const Tokens& a, const Tokens& b, core::Rng& rng) {
  check(space, a);
  check(space, b);
  Tokens child = a;
  for (std::size_t i = 0; i < child.size(); ++i) {
    if (rng.chance(0.5)) child[i] = b[i];
  }
  return child;
}

double log_size(const SearchSpace& space) {
  double sum = 0;
  for (const Decision& decision : space.decisions()) sum += std::log(decision.choices);
  return sum;
}

}  // namespace parsimony::space
