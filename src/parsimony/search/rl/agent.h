// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>

#include "parsimony/search/rl/adam.h"
#include "parsimony/search/rl/controller.h"
#include "parsimony/search/search.h"

namespace parsimony::search {

// What every policy-gradient search needs to be told; defaults are those of Nekrasov et al. (CVPR
// 2019).
struct LearnerOptions {
  double learning_rate = 1e-4;
  double baseline_decay = 0.95;
  double gradient_clip = 2.0;  // L2 norm
  double entropy = 0.0;        // weight of the entropy bonus, in reward units per nat
  void visit(core::FieldVisitor& v);
};

// A proposal whose reward is known.
struct Rollout {
  space::Tokens tokens;
  double log_prob = 0;  // when it was proposed
  double reward = 0;
};

// The half of a policy-gradient search that does not depend on the estimator: proposes from the
// controller, remembers what is in flight and how likely it was when proposed, keeps the baseline,
// and takes optimiser steps.
class Agent {
 public:
  Agent(const ControllerOptions& controller,
        const LearnerOptions& learner,
        const space::SearchSpace& space,
        core::Rng rng);

  space::Tokens propose(std::int64_t trial);

  // Ends a proposal. Its reward moves the baseline, an exponential moving average that starts at
  // the first reward and includes the newest. A failed candidate leaves no trace: nothing is
  // returned.
  std::optional<Rollout> settle(const Feedback& feedback);
  double baseline() const { return baseline_.value_or(0); }

  // One optimiser step on the mean over `batch` of weight(k, log pi(batch[k])) * log pi(batch[k]),
  // with the weight held constant, plus the entropy bonus. If nothing in the batch has a weight,
  // the gradient is known to be zero and only the optimiser's momentum acts.
  using Weight = std::function<double(std::size_t k, double log_prob)>;
  void improve(std::span<const space::Tokens> batch, const Weight& weight);

  // Of the policy, in nats per decision: the mean of log(choices) while nothing is learnt. For
  // controllers that read tokens, along one sampled sequence.
  double entropy() const;
  const core::Rng& rng() const { return rng_; }

  void save(StateWriter& writer) const;
  void load(StateReader& reader);

 private:
  struct Proposal {
    space::Tokens tokens;
    double log_prob = 0;
  };

  LearnerOptions options_;
  core::Rng rng_;  // never advanced: every use splits its own stream from it
  Controller controller_;
  Adam adam_;
  std::optional<double> baseline_;
  std::map<std::int64_t, Proposal> in_flight_;  // by trial
  // Scratch memory.
  Controller::Evaluation evaluation_;
  std::vector<double> weights_;
  std::vector<float> gradient_;
};

}  // namespace parsimony::search
