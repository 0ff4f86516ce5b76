// SPDX-License-Identifier: Apache-2.0
#include "parsimony/bilevel/gradients.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "parsimony/bilevel/fixtures_for_test.h"
#include "parsimony/task/segmentation.h"

namespace parsimony::bilevel {
namespace {

using network::Phase;
using testing::gated;
using testing::in_doubles;
using testing::mixed;
using testing::small_design;
using testing::waves;

constexpr int kClasses = 3;
const task::Segmentation kTask(kClasses);

double loss_at(Relaxation& relaxation, const Lesson& lesson) {
  const at::NoGradGuard no_grad;
  return lesson_loss(relaxation, relaxation.coefficients(), lesson, Phase::kBatchStatistics)
      .item<double>();
}

// Central differences of some values, each against its gradient.
void expect_gradients(network::ParameterGroup& group,
                      std::int64_t stride,
                      const std::function<double()>& loss) {
  constexpr double kStep = 1e-7;
  const Tensor gradients = group.gradients.clone();
  double largest = 0;
  for (std::int64_t i = 0; i < group.values.numel(); i += stride) {
    const double before = group.values[i].item<double>();
    group.values[i].fill_(before + kStep);
    const double above = loss();
    group.values[i].fill_(before - kStep);
    const double below = loss();
    group.values[i].fill_(before);
    const double gradient = gradients[i].item<double>();
    EXPECT_NEAR(gradient, (above - below) / (2 * kStep), 1e-6 + 1e-4 * std::abs(gradient)) << i;
    largest = std::max(largest, std::abs(gradient));
  }
  EXPECT_GT(largest, 1e-4) << "a test of gradients that are all zero";
}

void expect_both_levels(Relaxation& relaxation) {
  const train::Batch batch = waves(2, 32, kClasses, 0.3);
  const Lesson lesson{batch, core::Rng(1), kTask};
  network::ParameterGroup& weights = relaxation.network().decoder();
  network::ParameterGroup& architecture = relaxation.architecture();

  const double loss = add_architecture_gradient(relaxation, lesson, Phase::kBatchStatistics);
  EXPECT_NEAR(loss, loss_at(relaxation, lesson), 1e-12);
  EXPECT_EQ(weights.gradients.abs().sum().item<double>(), 0) << "the weights' gradient was touched";
  expect_gradients(architecture, 1, [&] { return loss_at(relaxation, lesson); });

  architecture.gradients.zero_();
  add_weight_gradient(relaxation, relaxation.coefficients(), lesson, Phase::kBatchStatistics);
  EXPECT_EQ(architecture.gradients.abs().sum().item<double>(), 0)
      << "the architecture's gradient was touched";
  expect_gradients(
      weights, weights.values.numel() / 60, [&] { return loss_at(relaxation, lesson); });
}

TEST(Gradients, OfAlphasAndWeightsAreThoseOfFiniteDifferences) {
  CellRelaxation relaxation(mixed(small_design(), kClasses), core::Rng(3), in_doubles());
  relaxation.set_auxiliary_skip(0.4);
  expect_both_levels(relaxation);
}

TEST(Gradients, OfPartialChannelsAreThoseOfFiniteDifferences) {
  Design design = small_design();
  design.options.supernet.partial_channels = 2;
  CellRelaxation relaxation(mixed(design, kClasses), core::Rng(3), in_doubles());
  ASSERT_EQ(relaxation.architecture().tensors.size(), 2U);
  expect_both_levels(relaxation);
}

TEST(Gradients, OfGammasAndWeightsAreThoseOfFiniteDifferences) {
  PathRelaxation relaxation(gated(small_design(), kClasses), core::Rng(5), in_doubles());
  expect_both_levels(relaxation);
}

// L_A = (w - a)^2 / 2 and L_B = w^2 / 2: the unrolled gradient is rate * w'.
TEST(Gradients, OfSecondOrderIsThatOfAnAnalyticCase) {
  Tensor weights = at::tensor({0.7, -1.3}, at::kDouble);
  const Tensor before = weights.clone();
  const Tensor a = at::tensor({0.2, 0.5}, at::kDouble);
  Tensor gradient = at::zeros({2}, at::kDouble);
  const WeightStep step{.rate = 0.1,
                        .momentum = 0.9,
                        .weight_decay = 0.01,
                        .velocity = at::tensor({0.3, -0.2}, at::kDouble)};
  add_unrolled_gradient(
      {.weights = weights,
       .weight_gradient_a = [&] { return weights - a; },
       .weight_gradient_b = [&] { return weights.clone(); },
       .add_architecture_gradient_a = [&](double factor) { gradient.add_(a - weights, factor); },
       .add_architecture_gradient_b = [](double) {}},
      step,
      0.01);
  const Tensor next = before - 0.1 * (0.9 * step.velocity + (before - a) + 0.01 * before);
  EXPECT_TRUE(at::allclose(gradient, 0.1 * next, 1e-9, 1e-12)) << gradient;
  EXPECT_TRUE(at::equal(weights, before));
}

// By differences of L_B(w'(a), a) itself.
TEST(Gradients, OfSecondOrderAreThoseOfTheUnrolledLoss) {
  CellRelaxation relaxation(mixed(small_design(), kClasses), core::Rng(3), in_doubles());
  const train::Batch a = waves(2, 32, kClasses, 0.3), b = waves(2, 32, kClasses, 1.1);
  const Lesson weights_lesson{a, core::Rng(1), kTask}, lesson{b, core::Rng(2), kTask};
  Tensor& weights = relaxation.network().decoder().values;
  const WeightStep step{.rate = 0.2,
                        .momentum = 0.9,
                        .weight_decay = 3e-4,
                        .velocity = 0.01 * at::cos(at::arange(weights.numel(), at::kDouble))};
  const auto unrolled = [&] {
    const Tensor before = weights.clone();
    network::ParameterGroup& group = relaxation.network().decoder();
    group.gradients.zero_();
    add_weight_gradient(
        relaxation, relaxation.coefficients(), weights_lesson, Phase::kBatchStatistics);
    weights.copy_(before - step.rate * (step.momentum * step.velocity + group.gradients +
                                        step.weight_decay * before));
    const double loss = loss_at(relaxation, lesson);
    weights.copy_(before);
    return loss;
  };
  add_unrolled_gradient(relaxation, weights_lesson, lesson, step, 1e-7);
  expect_gradients(relaxation.architecture(), 5, unrolled);
}

TEST(Gradients, OfSecondOrderLeaveWeightsAndStatisticsBitByBit) {
  CellRelaxation relaxation(mixed(small_design(), kClasses), core::Rng(3), {});
  const train::Batch a = waves(2, 32, kClasses, 0.3), b = waves(2, 32, kClasses, 1.1);
  const auto before = relaxation.network().save();
  const Tensor velocity = at::ones_like(relaxation.network().decoder().values);
  add_unrolled_gradient(relaxation,
                        {a, core::Rng(1), kTask},
                        {b, core::Rng(2), kTask},
                        {.rate = 0.1, .momentum = 0.9, .weight_decay = 1e-4, .velocity = velocity},
                        0.01);
  const auto after = relaxation.network().save();
  ASSERT_EQ(before.arrays.size(), after.arrays.size());
  for (const auto& [name, array] : before.arrays)
    EXPECT_EQ(array.bytes, after.arrays.at(name).bytes) << name;
  EXPECT_GT(relaxation.architecture().gradients.abs().sum().item<double>(), 0);
}

}  // namespace
}  // namespace parsimony::bilevel
