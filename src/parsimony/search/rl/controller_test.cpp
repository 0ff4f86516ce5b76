// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/rl/controller.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "parsimony/search/rl/ppo.h"
#include "parsimony/search/testing.h"
#include "parsimony/space/cell.h"
#include "parsimony/space/templates.h"

namespace parsimony::search {
namespace {

constexpr std::size_t kFirstInput = 100;
constexpr std::size_t kLstm = 161600;

space::CellSpace refactored_space() {
  space::CellSpaceOptions options;
  options.positions = space::PositionRule::kRefactored;
  return space::CellSpace(options);
}

// Spec rl-cell-search 3: 169 971, less the reference code's 1 100 embedding numbers that it never
// uses.
TEST(Controller, ParameterCounts) {
  const space::CellSpace space;
  EXPECT_EQ(Controller({}, space, core::Rng(1)).parameters().size(), 168871u);
  const space::CellSpace refactored = refactored_space();
  EXPECT_EQ(Controller({}, refactored, core::Rng(1)).parameters().size(), 169365u - 1100u);
  // The template space, spec 7.1: 171 188, less 600 unused ones.
  const space::TemplateSpace templates;
  EXPECT_EQ(Controller({}, templates, core::Rng(1)).parameters().size(), 171188u - 600u);
  const ControllerOptions token{.input = ControllerInput::kToken};
  const std::size_t embeddings = 100 * (11 + 30 + 30);
  EXPECT_EQ(Controller(token, space, core::Rng(1)).parameters().size(), 168871u + embeddings);
}

TEST(Controller, ParametersStartUniform) {
  const space::CellSpace space;
  const Controller controller({}, space, core::Rng(1));
  const auto [low, high] = std::ranges::minmax(controller.parameters());
  EXPECT_NEAR(low, -0.1, 1e-4);
  EXPECT_NEAR(high, 0.1, 1e-4);
}

// Spec 11.5: with all heads zeroed the policy is uniform.
TEST(Controller, UniformPolicyWhenHeadsAreZero) {
  const space::CellSpace published;
  const space::CellSpace refactored = refactored_space();
  for (const auto& [space, expected] :
       {std::pair<const space::CellSpace*, double>{&published, 35.124304},
        {&refactored, 33.024659}}) {
    for (const ControllerInput input : {ControllerInput::kHidden, ControllerInput::kToken}) {
      Controller controller({.input = input}, *space, core::Rng(2));
      const auto heads = controller.parameters().subspan(kFirstInput + kLstm);
      std::ranges::fill(heads, 0.0F);
      core::Rng rng(3);
      const auto sample = controller.sample(rng);
      EXPECT_NEAR(sample.log_prob, -expected, 1e-6);
      EXPECT_NEAR(sample.entropy, expected, 1e-6);
      EXPECT_NEAR(controller.log_prob(space::sample(*space, rng)), -expected, 1e-6);
    }
  }
}

// Spec 3: a freshly initialised controller had 35.0928 of the uniform 35.1243 nats.
TEST(Controller, FreshPolicyIsNearlyUniform) {
  const space::CellSpace space;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    core::Rng rng(seed);
    const double entropy = Controller({}, space, rng.split("weights")).sample(rng).entropy;
    EXPECT_NEAR(entropy, 35.09, 0.03);
    EXPECT_LT(entropy, 35.124304);
  }
}

TEST(Controller, HiddenPolicyIsAProductOfIndependentDecisions) {
  const space::CellSpace space;
  const ControllerOptions wide{.initial_range = 0.3};
  const Controller controller(wide, space, core::Rng(4));
  core::Rng rng(5);
  const auto a = controller.sample(rng), b = controller.sample(rng);
  ASSERT_NE(a.tokens, b.tokens);
  EXPECT_EQ(a.entropy, b.entropy);
  for (std::size_t i = 0; i < a.tokens.size();
       ++i) {  // swapping a token costs the same in any context
    auto a_changed = a.tokens, b_changed = b.tokens;
    a_changed[i] = b.tokens[i];
    b_changed[i] = a.tokens[i];
    EXPECT_NEAR(controller.log_prob(a_changed) - a.log_prob,
                b.log_prob - controller.log_prob(b_changed),
                1e-9);
  }
}

TEST(Controller, TokenPolicyDependsOnWhatWasChosen) {
  const space::CellSpace space;
  const Controller controller(
      {.input = ControllerInput::kToken, .initial_range = 0.5}, space, core::Rng(4));
  core::Rng rng(5);
  EXPECT_NE(controller.sample(rng).entropy, controller.sample(rng).entropy);
}

class EveryInput : public ::testing::TestWithParam<ControllerInput> {
 protected:
  ControllerOptions small_ = {.input = GetParam(), .layers = 2, .units = 4, .initial_range = 0.7};
  ToySpace space_{2, {{"a", 3}, {"b", 2}, {"a", 3}, {"c", 1}, {"b", 2}}};
};

TEST_P(EveryInput, ProbabilitiesOfAllSequencesSumToOne) {
  const Controller controller(small_, space_, core::Rng(6));
  double total = 0;
  for (int code = 0; code < 36; ++code) {
    total += std::exp(controller.log_prob({code % 3, code / 3 % 2, code / 6 % 3, 0, code / 18}));
  }
  EXPECT_NEAR(total, 1.0, 1e-9);
}

TEST_P(EveryInput, SamplesFollowTheirProbabilities) {
  const Controller controller(small_, space_, core::Rng(7));
  core::Rng rng(8);
  std::map<space::Tokens, int> counts;
  constexpr int kSamples = 20000;
  for (int i = 0; i < kSamples; ++i) {
    const auto sample = controller.sample(rng);
    if (counts[sample.tokens]++ == 0) {
      EXPECT_NEAR(sample.log_prob, controller.log_prob(sample.tokens), 1e-12);
    }
  }
  for (const auto& [tokens, count] : counts) {
    const double p = std::exp(controller.log_prob(tokens));
    EXPECT_NEAR(count, kSamples * p, 5 * std::sqrt(kSamples * p * (1 - p)) + 1);
  }
}

TEST_P(EveryInput, GradientAgreesWithFiniteDifferences) {
  BasicController<double> controller(small_, space_, core::Rng(9));
  const std::vector<space::Tokens> batch = {{0, 1, 2, 0, 1}, {2, 0, 2, 0, 0}, {1, 1, 0, 0, 1}};
  const std::vector<double> weights = {0.7, -1.3, 0.4};
  constexpr double kEntropy = 0.6;
  BasicController<double>::Evaluation evaluation;
  const auto objective = [&] {
    controller.evaluate(batch, evaluation);
    double sum = 0;
    for (std::size_t k = 0; k < batch.size(); ++k) {
      const auto& unroll = evaluation.unrolls[evaluation.unrolls.size() == 1 ? 0 : k];
      sum += weights[k] * evaluation.log_probs[k] + kEntropy * unroll.entropy();
    }
    return sum;
  };
  objective();
  const auto parameters = controller.parameters();
  std::vector<double> gradient(parameters.size());
  controller.add_gradient(evaluation, weights, kEntropy, gradient);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double kept = parameters[i];
    parameters[i] = kept + 1e-5;
    const double above = objective();
    parameters[i] = kept - 1e-5;
    const double below = objective();
    parameters[i] = kept;
    ASSERT_NEAR(gradient[i], (above - below) / 2e-5, 1e-8) << "parameter " << i;
  }
}

// The PPO objective itself, with rollouts inside and on either side of the clipping range.
TEST_P(EveryInput, PpoGradientAgreesWithFiniteDifferences) {
  BasicController<double> controller(small_, space_, core::Rng(10));
  const std::vector<space::Tokens> batch = {{0, 1, 2, 0, 1},
                                            {2, 0, 2, 0, 0},
                                            {1, 1, 0, 0, 1},
                                            {1, 0, 1, 0, 0},
                                            {0, 0, 0, 0, 1},
                                            {2, 1, 1, 0, 0}};
  const std::vector<double> advantages = {0.5, 0.8, -0.6, -0.9, 0.3, -0.2};
  const std::vector<double> log_ratios = {
      0.03, 0.2, -0.04, -0.3, -0.5, 0.4};  // 2nd and 4th are clipped
  constexpr double kClip = 0.1;
  BasicController<double>::Evaluation evaluation;
  controller.evaluate(batch, evaluation);
  std::vector<double> old_log_probs, weights;
  for (std::size_t k = 0; k < batch.size(); ++k) {
    old_log_probs.push_back(evaluation.log_probs[k] - log_ratios[k]);
    weights.push_back(clipped_weight(log_ratios[k], advantages[k], kClip));
  }
  EXPECT_EQ(weights[1], 0);
  EXPECT_EQ(weights[3], 0);
  std::vector<double> gradient(controller.parameters().size());
  controller.add_gradient(evaluation, weights, 0, gradient);
  const auto objective = [&] {
    double sum = 0;
    for (std::size_t k = 0; k < batch.size(); ++k) {
      const double ratio = std::exp(controller.log_prob(batch[k]) - old_log_probs[k]);
      sum +=
          std::min(ratio * advantages[k], std::clamp(ratio, 1 - kClip, 1 + kClip) * advantages[k]);
    }
    return sum;
  };
  const auto parameters = controller.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double kept = parameters[i];
    parameters[i] = kept + 1e-5;
    const double above = objective();
    parameters[i] = kept - 1e-5;
    const double below = objective();
    parameters[i] = kept;
    ASSERT_NEAR(gradient[i], (above - below) / 2e-5, 1e-8) << "parameter " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Controller,
                         EveryInput,
                         ::testing::Values(ControllerInput::kHidden, ControllerInput::kToken),
                         [](const auto& test) {
                           return std::string(
                               kControllerInputNames[static_cast<std::size_t>(test.param)]);
                         });

}  // namespace
}  // namespace parsimony::search
