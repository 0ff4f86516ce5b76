// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/rl/ppo.h"

#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/search/testing.h"

namespace parsimony::search {
namespace {

const ToySpace& toy() {
  static const ToySpace space(1, {{"a", 3}, {"b", 4}, {"a", 3}});
  return space;
}
constexpr ControllerOptions kSmall{.units = 6};

// Section 4.1 written down a second time, with a backward pass for every slot of the ring, filled
// or not, clipped or not.
class Transcript {
 public:
  explicit Transcript(core::Rng rng)
      : rng_(rng),
        controller_(kSmall, toy(), rng.split("controller")),
        adam_(controller_.parameters().size()),
        ring_(100, Rollout{.tokens = {0, 0, 0}}) {}

  space::Tokens ask(std::int64_t trial) {
    core::Rng rng = rng_.split("ask").split(static_cast<std::uint64_t>(trial));
    const auto sample = controller_.sample(rng);
    proposed_[trial] = {sample.tokens, sample.log_prob, 0};
    return sample.tokens;
  }

  void tell(std::int64_t trial, double reward) {
    baseline_ = count_ == 0 ? reward : 0.95 * baseline_ + 0.05 * reward;
    Rollout rollout = proposed_.at(trial);
    rollout.reward = reward;
    ring_[count_++ % 100] = rollout;
    std::vector<std::size_t> order(100);
    for (std::size_t i = 0; i < 100; ++i) order[i] = i;
    core::Rng shuffle = rng_.split("replay").split(count_).split(std::uint64_t{0});
    shuffle.shuffle(order);
    for (const std::size_t slot : order) step(ring_[slot]);
  }

 private:
  void step(const Rollout& rollout) {
    Controller::Evaluation evaluation;
    controller_.evaluate({&rollout.tokens, 1}, evaluation);
    const double ratio = std::exp(evaluation.log_probs[0] - rollout.log_prob);
    const double advantage = rollout.reward - baseline_;
    const double plain = ratio * advantage;
    const double clipped = std::clamp(ratio, 0.9, 1.1) * advantage;
    const double weight = plain <= clipped ? ratio * advantage : 0.0;
    std::vector<float> gradient(controller_.parameters().size());
    controller_.add_gradient(evaluation, {&weight, 1}, 0, gradient);
    adam_.ascend(controller_.parameters(), gradient, 1e-4, 2.0);
  }

  core::Rng rng_;
  Controller controller_;
  Adam adam_;
  std::vector<Rollout> ring_;
  std::map<std::int64_t, Rollout> proposed_;
  std::size_t count_ = 0;
  double baseline_ = 0;
};

TEST(Ppo, DefaultsAreThePublishedAlgorithmStepByStep) {
  Ppo ppo(kSmall, {}, {}, toy(), core::Rng(11));
  Transcript transcript(core::Rng(11));
  const PlantedOptimum task(toy(), core::Rng(12));
  for (std::int64_t trial = 1; trial <= 150; ++trial) {
    const auto tokens = ppo.ask(trial);
    ASSERT_EQ(tokens, transcript.ask(trial)) << "trial " << trial;
    const double reward = task.noisy_reward(trial, tokens);
    ppo.tell({trial, tokens, reward});
    transcript.tell(trial, reward);
  }
  EXPECT_GT(ppo.diagnostics().at("clipped"), 0);  // so that the shortcut was taken
}

TEST(Ppo, OnlyFilledSlotsAreReplayedWhenAsked) {
  PpoOptions options;
  options.replay_unfilled = false;
  Ppo ppo(kSmall, {}, options, toy(), core::Rng(1));
  const auto tokens = ppo.ask(1);
  ppo.tell({1, tokens, 0.5});
  // The first reward is its own baseline: one step, of zero gradient and no momentum.
  EXPECT_EQ(ppo.ask(2), Ppo(kSmall, {}, options, toy(), core::Rng(1)).ask(2));
  EXPECT_EQ(ppo.diagnostics().at("clipped"), 1);
}

TEST(Ppo, MeanRewardIsThatOfTheRing) {
  PpoOptions options;
  options.capacity = 2;
  Ppo ppo(kSmall, {}, options, toy(), core::Rng(1));
  EXPECT_EQ(ppo.diagnostics().at("mean_reward"), 0);
  std::int64_t trial = 0;
  for (const auto& [reward, mean] : {std::pair(0.2, 0.2), {0.4, 0.3}, {0.8, 0.6}}) {
    ++trial;
    ppo.tell({trial, ppo.ask(trial), reward});
    EXPECT_DOUBLE_EQ(ppo.diagnostics().at("mean_reward"), mean);
  }
}

TEST(Ppo, ClippedWeight) {
  EXPECT_NEAR(clipped_weight(std::log(1.05), 2, 0.1), 2.1, 1e-12);
  EXPECT_EQ(clipped_weight(std::log(1.2), 2, 0.1), 0);           // already likelier
  EXPECT_NEAR(clipped_weight(std::log(0.5), 2, 0.1), 1, 1e-12);  // good but forgotten
  EXPECT_EQ(clipped_weight(std::log(0.8), -2, 0.1), 0);          // already unlikelier
  EXPECT_NEAR(clipped_weight(std::log(1.5), -2, 0.1), -3, 1e-12);
  EXPECT_EQ(clipped_weight(-35, -1, 0.1), 0);  // an unfilled slot
}

TEST(Ppo, BaselineStartsAtTheFirstRewardAndIncludesTheNewest) {
  Ppo ppo(kSmall, {}, {}, toy(), core::Rng(1));
  const auto tell = [&ppo](std::int64_t trial, std::optional<double> reward) {
    ppo.tell({trial, ppo.ask(trial), reward});
    return ppo.diagnostics().at("baseline");
  };
  EXPECT_EQ(tell(1, std::nullopt), 0);
  EXPECT_DOUBLE_EQ(tell(2, 0.4), 0.4);
  EXPECT_DOUBLE_EQ(tell(3, 0.8), 0.95 * 0.4 + 0.05 * 0.8);
  EXPECT_DOUBLE_EQ(tell(4, std::nullopt), 0.95 * 0.4 + 0.05 * 0.8);
}

}  // namespace
}  // namespace parsimony::search
