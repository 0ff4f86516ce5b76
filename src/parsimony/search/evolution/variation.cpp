// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/evolution/variation.h"

#include <algorithm>

namespace parsimony::search {
namespace {

double mutation_rate(const Nsga2Options& options, const space::SearchSpace& space) {
  if (options.mutation > 0) return options.mutation;
  const auto open = std::ranges::count_if(
      space.decisions(), [](const space::Decision& decision) { return decision.choices > 1; });
  return open > 0 ? 1.0 / static_cast<double>(open) : 0;
}

}  // namespace

CategoricalVariation::CategoricalVariation(const Nsga2Options& options,
                                           const space::SearchSpace& space)
    : options_(options),
      space_(space),
      landmarks_(space.landmarks()),
      rate_(mutation_rate(options, space)) {
  for (const space::Tokens& landmark : landmarks_) space::check(space, landmark);
}

space::Tokens CategoricalVariation::founder(std::int64_t index, core::Rng& rng) const {
  if (index < std::ssize(landmarks_)) return landmarks_[static_cast<std::size_t>(index)];
  return space_.founder(rng);
}

std::pair<space::Tokens, space::Tokens> CategoricalVariation::mate(const space::Tokens& a,
                                                                   const space::Tokens& b,
                                                                   core::Rng& rng) const {
  space::Tokens elder = a, younger = b;
  const bool exchanges = rng.chance(options_.crossover);
  if (options_.exchange == Exchange::kOnePoint) {
    const auto cut = static_cast<std::size_t>(rng.below(std::ssize(elder)));
    for (std::size_t i = cut; exchanges && i < elder.size(); ++i) std::swap(elder[i], younger[i]);
    return {mutant_behind(cut, std::move(elder), rng), mutant_behind(cut, std::move(younger), rng)};
  }
  for (std::size_t i = 0; exchanges && i < elder.size(); ++i) {
    if (rng.chance(options_.swap)) std::swap(elder[i], younger[i]);
  }
  elder = mutant(std::move(elder), rng);
  younger = mutant(std::move(younger), rng);
  return {std::move(elder), std::move(younger)};
}

space::Tokens CategoricalVariation::mutant(space::Tokens tokens, core::Rng& rng) const {
  for (std::size_t i = 0; i < tokens.size(); ++i) mutate(i, rate_, tokens, rng);
  return tokens;
}

// Decision i lies behind (i + 1) of as many cuts as there are decisions.
space::Tokens CategoricalVariation::mutant_behind(std::size_t cut,
                                                  space::Tokens tokens,
                                                  core::Rng& rng) const {
  const auto cuts = static_cast<double>(tokens.size());
  for (std::size_t i = cut; i < tokens.size(); ++i)
    mutate(i, std::min(1.0, rate_ * cuts / static_cast<double>(i + 1)), tokens, rng);
  return tokens;
}

void CategoricalVariation::mutate(std::size_t i,
                                  double rate,
                                  space::Tokens& tokens,
                                  core::Rng& rng) const {
  const space::Decision& decision = space_.decisions()[i];
  if (decision.choices > 1 && rng.chance(rate)) tokens[i] = changed(decision, tokens[i], rng);
}

int CategoricalVariation::changed(const space::Decision& decision,
                                  int token,
                                  core::Rng& rng) const {
  const int last = decision.choices - 1;
  if (decision.ordered && rng.chance(options_.step)) {
    if (token == 0) return 1;
    if (token == last) return last - 1;
    return rng.chance(0.5) ? token + 1 : token - 1;
  }
  return (token + 1 + static_cast<int>(rng.below(last))) % decision.choices;
}

}  // namespace parsimony::search
