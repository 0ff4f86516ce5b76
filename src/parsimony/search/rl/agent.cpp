// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/rl/agent.h"

#include <algorithm>
#include <cmath>

namespace parsimony::search {

void LearnerOptions::visit(core::FieldVisitor& v) {
  v.field("learning_rate", learning_rate, {"Adam's learning rate", 0, 1});
  v.field("baseline_decay", baseline_decay, {"decay of the moving average of rewards", 0, 1});
  v.field("gradient_clip", gradient_clip, {"largest L2 norm of a gradient", 0, 1e9});
  v.field("entropy", entropy, {"weight of the entropy bonus, reward units per nat", 0, 1e3});
}

Agent::Agent(const ControllerOptions& controller,
             const LearnerOptions& learner,
             const space::SearchSpace& space,
             core::Rng rng)
    : options_(learner),
      rng_(rng),
      controller_(controller, space, rng.split("controller")),
      adam_(controller_.parameters().size()),
      gradient_(controller_.parameters().size()) {}

space::Tokens Agent::propose(std::int64_t trial) {
  core::require(!in_flight_.contains(trial), "trial {} was asked for twice", trial);
  core::Rng rng = rng_.split("ask").split(static_cast<std::uint64_t>(trial));
  const Controller::Sample sample = controller_.sample(rng);
  in_flight_[trial] = {sample.tokens, sample.log_prob};
  return sample.tokens;
}

std::optional<Rollout> Agent::settle(const Feedback& feedback) {
  const auto found = in_flight_.find(feedback.trial);
  core::require(
      found != in_flight_.end(), "trial {} was told but is not in flight", feedback.trial);
  core::require(found->second.tokens == feedback.tokens,
                "trial {} was told with other tokens than were proposed",
                feedback.trial);
  // One bad number would stay in the baseline for good (a trap of the reference code).
  core::require(!feedback.reward || std::isfinite(*feedback.reward),
                "trial {} was told with reward {}; a diverged candidate is a failure, not a reward",
                feedback.trial,
                feedback.reward.value_or(0));
  const Proposal proposal = found->second;
  in_flight_.erase(found);
  if (!feedback.reward) return std::nullopt;

  const double reward = *feedback.reward;
  const double decay = options_.baseline_decay;
  baseline_ = baseline_ ? decay * *baseline_ + (1 - decay) * reward : reward;
  return Rollout{proposal.tokens, proposal.log_prob, reward};
}

void Agent::improve(std::span<const space::Tokens> batch, const Weight& weight) {
  controller_.evaluate(batch, evaluation_);
  const double mean = 1.0 / static_cast<double>(batch.size());
  weights_.resize(batch.size());
  for (std::size_t k = 0; k < batch.size(); ++k)
    weights_[k] = mean * weight(k, evaluation_.log_probs[k]);

  const bool all_zero =
      std::all_of(weights_.begin(), weights_.end(), [](double w) { return w == 0; });
  if (all_zero && options_.entropy == 0) {
    adam_.ascend_without_gradient(controller_.parameters(), options_.learning_rate);
    return;
  }
  std::fill(gradient_.begin(), gradient_.end(), 0.0F);
  controller_.add_gradient(evaluation_, weights_, mean * options_.entropy, gradient_);
  adam_.ascend(controller_.parameters(), gradient_, options_.learning_rate, options_.gradient_clip);
}

double Agent::entropy() const {
  core::Rng rng = rng_.split("entropy");
  const Controller::Sample sample = controller_.sample(rng);
  return sample.entropy / static_cast<double>(sample.tokens.size());
}

void Agent::save(StateWriter& writer) const {
  writer.integer(static_cast<std::int64_t>(rng_.state()));
  writer.integer(static_cast<std::int64_t>(controller_.options().input));
  writer.integer(controller_.options().layers);
  writer.integer(controller_.options().units);
  writer.floats(controller_.parameters());
  adam_.save(writer);
  writer.optional_real(baseline_);
  writer.integer(static_cast<std::int64_t>(in_flight_.size()));
  for (const auto& [trial, proposal] : in_flight_) {
    writer.integer(trial);
    writer.tokens(proposal.tokens);
    writer.real(proposal.log_prob);
  }
}

void Agent::load(StateReader& reader) {
  rng_ = core::Rng::from_state(static_cast<std::uint64_t>(reader.integer()));
  reader.expect(static_cast<std::int64_t>(controller_.options().input), "controller input");
  reader.expect(controller_.options().layers, "controller layers");
  reader.expect(controller_.options().units, "controller units");
  reader.floats(controller_.parameters());
  adam_.load(reader);
  baseline_ = reader.optional_real();
  in_flight_.clear();
  const std::int64_t count = reader.integer();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t trial = reader.integer();
    Proposal proposal;
    proposal.tokens = reader.tokens();
    proposal.log_prob = reader.real();
    in_flight_[trial] = std::move(proposal);
  }
}

}  // namespace parsimony::search
