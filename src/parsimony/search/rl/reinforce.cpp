// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/rl/reinforce.h"

namespace parsimony::search {

Reinforce::Reinforce(const ControllerOptions& controller,
                     const LearnerOptions& learner,
                     const space::SearchSpace& space,
                     core::Rng rng)
    : space_(space), agent_(controller, learner, space, rng) {}

void Reinforce::tell(const Feedback& feedback) {
  const auto rollout = agent_.settle(feedback);
  if (!rollout) return;
  const double advantage = rollout->reward - agent_.baseline();
  agent_.improve({&rollout->tokens, 1}, [advantage](std::size_t, double) { return advantage; });
}

std::string Reinforce::save() const {
  StateWriter writer(name(), space_);
  agent_.save(writer);
  return std::move(writer).finish();
}

void Reinforce::load(std::string_view state) {
  StateReader reader(state, name(), space_);
  Agent loaded = agent_;  // so that a bad state leaves this search as it was
  loaded.load(reader);
  reader.finish();
  agent_ = std::move(loaded);
}

std::map<std::string, double> Reinforce::diagnostics() const {
  return {{"entropy", agent_.entropy()}, {"baseline", agent_.baseline()}};
}

}  // namespace parsimony::search
