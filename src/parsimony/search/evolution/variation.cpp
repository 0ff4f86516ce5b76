// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/evolution/variation.h"

#include "parsimony/core/error.h"

namespace parsimony::search {
namespace {

std::vector<std::size_t> open_decisions(const space::SearchSpace& space, double work_before) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < space.decisions().size(); ++i) {
    const space::Decision& decision = space.decisions()[i];
    if (decision.choices > 1 && decision.work_before >= work_before) open.push_back(i);
  }
  return open;
}

}  // namespace

CategoricalVariation::CategoricalVariation(const Nsga2Options& options,
                                           const space::SearchSpace& space)
    : options_(options),
      space_(space),
      landmarks_(space.landmarks()),
      all_(open_decisions(space, 0)),
      late_(open_decisions(space, options.shared_work)) {
  for (const space::Tokens& landmark : landmarks_) space::check(space, landmark);
  if (options.siblings > 1 && late_.empty()) {
    core::throw_user_error(
        "nsga2.siblings is {} with shared_work {}, but no decision of the space '{}' has that share of a network's work "
        "before it; expected siblings 1, or in the space of a supernet a smaller shared_work",
        options.siblings,
        options.shared_work,
        space.name());
  }
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
  for (std::size_t i = 0; exchanges && i < elder.size(); ++i) {
    if (rng.chance(options_.swap)) std::swap(elder[i], younger[i]);
  }
  elder = mutant(std::move(elder), all_, rng);
  younger = mutant(std::move(younger), all_, rng);
  return {std::move(elder), std::move(younger)};
}

space::Tokens CategoricalVariation::sibling(const space::Tokens& leader,
                                            const space::Tokens& other,
                                            core::Rng& rng) const {
  space::Tokens tokens = leader;
  for (const std::size_t i : late_) {
    if (rng.chance(options_.swap)) tokens[i] = other[i];
  }
  return mutant(std::move(tokens), late_, rng);
}

space::Tokens CategoricalVariation::mutant(space::Tokens tokens,
                                           std::span<const std::size_t> decisions,
                                           core::Rng& rng) const {
  const bool all = decisions.size() == all_.size();
  const double rate = all && options_.mutation > 0 ? options_.mutation
                                                   : 1.0 / static_cast<double>(decisions.size());
  for (const std::size_t i : decisions) {
    if (rng.chance(rate)) tokens[i] = changed(space_.decisions()[i], tokens[i], rng);
  }
  return tokens;
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
