// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/search/rl/agent.h"

namespace parsimony::search {

// REINFORCE (Williams 1992) with a moving-average baseline: each reward is one optimiser step along
// (reward - baseline) * gradient of log pi(tokens). The reference code offers it but cannot run it
// (spec rl-cell-search 4.2); this is what it meant.
class Reinforce final : public Search {
 public:
  // `space` must outlive the search.
  Reinforce(const ControllerOptions& controller,
            const LearnerOptions& learner,
            const space::SearchSpace& space,
            core::Rng rng);

  std::string_view name() const override { return "reinforce"; }
  space::Tokens ask(std::int64_t trial) override { return agent_.propose(trial); }
  void tell(const Feedback& feedback) override;
  std::string save() const override;
  void load(std::string_view state) override;
  std::map<std::string, double> diagnostics() const override;

 private:
  const space::SearchSpace& space_;
  Agent agent_;
};

}  // namespace parsimony::search
