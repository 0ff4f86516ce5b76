// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/rl/ppo.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace parsimony::search {

void PpoOptions::visit(core::FieldVisitor& v) {
  v.field("capacity", capacity, {"rollouts that are kept and replayed", 1, 1e6});
  v.field("minibatch", minibatch, {"rollouts per optimiser step", 1, 1e6});
  v.field("epochs", epochs, {"passes over the rollouts per reward", 1, 1000});
  v.field("clip", clip, {"probability ratios are held within 1 - clip and 1 + clip", 0, 1});
  v.field("replay_unfilled",
          replay_unfilled,
          {"step the optimiser for rollouts not yet there, as published"});
  v.field(
      "normalise_advantages", normalise_advantages, {"scale advantages to mean 0 and variance 1"});
}

double clipped_weight(double log_ratio, double advantage, double clip) {
  const double ratio = std::exp(log_ratio);
  const bool flat = advantage > 0 ? ratio > 1 + clip : ratio < 1 - clip;
  return flat ? 0 : ratio * advantage;
}

Ppo::Ppo(const ControllerOptions& controller,
         const LearnerOptions& learner,
         const PpoOptions& options,
         const space::SearchSpace& space,
         core::Rng rng)
    : options_(options),
      space_(space),
      agent_(controller, learner, space, rng),
      ring_(static_cast<std::size_t>(options.capacity),
            Rollout{.tokens = space::Tokens(space.decisions().size(), 0)}) {}

void Ppo::tell(const Feedback& feedback) {
  const auto rollout = agent_.settle(feedback);
  if (!rollout) return;
  remember(*rollout);
  clipped_ = 0;
  const Slots slots = replayed();
  const std::vector<double> advantage = advantages(slots);
  for (int epoch = 0; epoch < options_.epochs; ++epoch) {
    for (const Slots& batch : minibatches(slots, epoch)) improve(batch, advantage);
  }
}

void Ppo::remember(const Rollout& rollout) {
  ring_[static_cast<std::size_t>(rewards_) % ring_.size()] = rollout;
  ++rewards_;
}

Ppo::Slots Ppo::replayed() const {
  const auto filled = std::min(static_cast<std::size_t>(rewards_), ring_.size());
  Slots slots(options_.replay_unfilled ? ring_.size() : filled);
  std::iota(slots.begin(), slots.end(), std::size_t{0});
  return slots;
}

std::vector<double> Ppo::advantages(const Slots& slots) const {
  std::vector<double> advantage;
  for (const std::size_t slot : slots) advantage.push_back(ring_[slot].reward - agent_.baseline());
  if (!options_.normalise_advantages) return advantage;
  const auto count = static_cast<double>(advantage.size());
  const double mean = std::accumulate(advantage.begin(), advantage.end(), 0.0) / count;
  double squares = 0;
  for (const double a : advantage) squares += (a - mean) * (a - mean);
  const double deviation = std::sqrt(squares / count);
  for (double& a : advantage) a = (a - mean) / (deviation + 1e-8);
  return advantage;
}

std::vector<Ppo::Slots> Ppo::minibatches(Slots slots, int epoch) const {
  core::Rng rng = agent_.rng()
                      .split("replay")
                      .split(static_cast<std::uint64_t>(rewards_))
                      .split(static_cast<std::uint64_t>(epoch));
  rng.shuffle(slots);
  std::vector<Slots> batches;
  const auto size = static_cast<std::size_t>(options_.minibatch);
  for (auto at = slots.begin(); at != slots.end(); at += std::ssize(batches.back())) {
    const auto left = static_cast<std::size_t>(slots.end() - at);
    batches.emplace_back(at, at + static_cast<std::ptrdiff_t>(std::min(size, left)));
  }
  return batches;
}

void Ppo::improve(const Slots& batch, const std::vector<double>& advantages) {
  std::vector<space::Tokens> tokens;
  for (const std::size_t slot : batch) tokens.push_back(ring_[slot].tokens);
  agent_.improve(tokens, [&](std::size_t k, double log_prob) {
    const std::size_t slot = batch[k];
    const double weight =
        clipped_weight(log_prob - ring_[slot].log_prob, advantages[slot], options_.clip);
    clipped_ += weight == 0;
    return weight;
  });
}

std::string Ppo::save() const {
  StateWriter writer(name(), space_);
  agent_.save(writer);
  writer.integer(std::ssize(ring_));
  writer.integer(rewards_);
  writer.integer(clipped_);
  for (const Rollout& rollout : ring_) {
    writer.tokens(rollout.tokens);
    writer.real(rollout.log_prob);
    writer.real(rollout.reward);
  }
  return std::move(writer).finish();
}

void Ppo::load(std::string_view state) {
  StateReader reader(state, name(), space_);
  Agent agent = agent_;  // copies, so that a bad state leaves this search as it was
  std::vector<Rollout> ring = ring_;
  agent.load(reader);
  reader.expect(std::ssize(ring), "ppo capacity");
  const std::int64_t rewards = reader.integer();
  const std::int64_t clipped = reader.integer();
  for (Rollout& rollout : ring) {
    rollout.tokens = reader.tokens();
    rollout.log_prob = reader.real();
    rollout.reward = reader.real();
  }
  reader.finish();
  agent_ = std::move(agent);
  ring_ = std::move(ring);
  rewards_ = rewards;
  clipped_ = clipped;
}

std::map<std::string, double> Ppo::diagnostics() const {
  const auto replays = static_cast<double>(replayed().size()) * options_.epochs;
  const auto filled = std::min(rewards_, std::ssize(ring_));
  double sum = 0;
  for (std::int64_t slot = 0; slot < filled; ++slot)
    sum += ring_[static_cast<std::size_t>(slot)].reward;
  return {{"entropy", agent_.entropy()},
          {"baseline", agent_.baseline()},
          {"mean_reward", filled > 0 ? sum / static_cast<double>(filled) : 0},
          {"clipped", replays > 0 ? static_cast<double>(clipped_) / replays : 0}};
}

}  // namespace parsimony::search
