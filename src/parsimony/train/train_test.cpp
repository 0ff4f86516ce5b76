// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <malloc.h>

#include <cmath>

#include "parsimony/graph/cell_decoder.h"
#include "parsimony/network/simd/bf16_loops.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/task/segmentation.h"
#include "parsimony/train/candidate.h"
#include "parsimony/train/early_stop.h"
#include "parsimony/train/fixtures_for_test.h"
#include "parsimony/train/images.h"
#include "parsimony/train/measure.h"
#include "parsimony/train/optimizer.h"

namespace parsimony::train {
namespace {

using network::Network;

// ---- early termination, spec rl-cell-search 6.3 ----

// P(continue) for rho = reward / mean, at a given level of delta, by the rule itself.
double continue_share(double rho, double delta, EarlyStopRule rule) {
  int continued = 0;
  constexpr int kDraws = 20000;
  core::Rng rng(3);
  for (int i = 0; i < kDraws; ++i) {
    // A fresh point whose mean is 1 before this reward and hardly moves.
    EarlyStopPoint point({.rule = rule, .mean_decay = 0.9999999, .start = delta});
    // The mean starts at 0.01, so scale the reward to it.
    if (point.decide(rho * 0.01, rng.uniform())) ++continued;
  }
  return static_cast<double>(continued) / kDraws;
}

TEST(EarlyStop, RatioRuleMatchesThePublishedTable) {
  EXPECT_NEAR(continue_share(0.5, 0.9, EarlyStopRule::kRatio), 0.44, 0.012);
  EXPECT_NEAR(continue_share(0.7, 0.9, EarlyStopRule::kRatio), 0.67, 0.012);
  EXPECT_NEAR(continue_share(0.9, 0.9, EarlyStopRule::kRatio), 0.89, 0.012);
  EXPECT_NEAR(continue_share(0.95, 0.9, EarlyStopRule::kRatio), 0.94, 0.012);
  EXPECT_NEAR(continue_share(0.7, 0.27216, EarlyStopRule::kRatio), 0, 0.012);
  EXPECT_NEAR(continue_share(0.9, 0.27216, EarlyStopRule::kRatio), 0.63, 0.012);
}

TEST(EarlyStop, PaperRuleIsBlindToTheDeficit) {
  EXPECT_NEAR(continue_share(0.2, 0.9, EarlyStopRule::kPaper), 0.9, 0.012);
  EXPECT_NEAR(continue_share(0.9, 0.9, EarlyStopRule::kPaper), 0.9, 0.012);
}

TEST(EarlyStop, BetterThanTheMeanAlwaysContinues) {
  EXPECT_EQ(continue_share(1.1, 0.9, EarlyStopRule::kRatio), 1);
  EXPECT_EQ(continue_share(1.1, 0.9, EarlyStopRule::kPaper), 1);
  EXPECT_EQ(continue_share(0.1, 0.9, EarlyStopRule::kOff), 1);
}

TEST(EarlyStop, DeltaFallsAtTheMilestones) {
  // Rewards below the mean advance the counter by one: every milestone is met.
  EarlyStopPoint point({.rule = EarlyStopRule::kRatio});
  double reward = 0.0099;
  for (int i = 0; i <= 400; ++i) {
    point.decide(reward, 0.5);
    reward *= 0.999;
  }
  EXPECT_NEAR(point.level(), 0.9 * 0.9 * 0.8 * 0.7 * 0.6, 1e-12);
}

TEST(Halving, RungsArePowersOfTheReduction) {
  std::vector<int> rungs;
  for (int index = 0; index < 30; ++index) {
    if (is_rung(index, 3)) rungs.push_back(index + 1);
  }
  EXPECT_EQ(rungs, (std::vector<int>{1, 3, 9, 27}));
  EXPECT_TRUE(is_rung(2, 1.5));   // 1, 1.5 -> 2, 2.25 -> 2, 3.4 -> 3
  EXPECT_FALSE(is_rung(3, 1.5));  // 5.06 -> 5
}

TEST(Halving, WithoutCostsOneInSoManyPasses) {
  HalvingRung rung(4);
  core::Rng rng(5);
  int passed = 0;
  constexpr int kCandidates = 2000;
  for (int i = 0; i < kCandidates; ++i) passed += rung.decide(rng.uniform(), 0) ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(passed) / kCandidates, 0.25, 0.02);
}

TEST(Halving, WhatNobodyDominatesGoesOn) {
  HalvingRung rung(10);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(rung.decide(0.01 * i, i)) << i;  // better but larger
  EXPECT_FALSE(rung.decide(0.2, 30));   // ten are better and smaller
  EXPECT_TRUE(rung.decide(0.001, -1));  // weak but the smallest
}

TEST(Halving, RungsOfAStudyAreApart) {
  EarlyStop stop({.rule = EarlyStopRule::kHalving, .reduction = 2});
  const objective::Scores costs = {{"params", 1}, {"macs", 1}};
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(stop.decide({0, 0, 0.5, 0}, costs));
  EXPECT_FALSE(stop.decide({0, 0, 0.4, 0}, costs));
  EXPECT_TRUE(stop.decide({0, 1, 0.4, 0}, costs));  // the first at its rung
  EXPECT_TRUE(stop.decide({1, 0, 0.4, 0}, costs));
  EXPECT_TRUE(stop.decide({0, 2, 0.1, 0}, costs));  // three validations are no rung
}

// ---- optimisers ----

Network tiny_network() {
  return {small_network("[[0],[[3,3]]]", 4, 2), core::Rng(1), {}};
}

TEST(Optimizer, AdamTakesAFirstStepOfTheLearningRate) {
  Network net = tiny_network();
  const Tensor before = net.decoder().values.clone();
  Optimizer optimizer(net.decoder(), {.rate = 0.01, .clip = 0});
  net.decoder().gradients.fill_(5);
  optimizer.step();
  EXPECT_LT(((before - net.decoder().values) - 0.01).abs().max().item<double>(), 1e-6);
}

TEST(Optimizer, ClipsLongGradientsAndKeepsMomentum) {
  Network net = tiny_network();
  Optimizer optimizer(net.decoder(),
                      {.kind = OptimizerKind::kSgd, .rate = 1, .momentum = 0.5, .clip = 2});
  const Tensor start = net.decoder().values.clone();
  net.decoder().gradients.fill_(1000);
  optimizer.step();
  EXPECT_NEAR((start - net.decoder().values).norm().item<double>(), 2, 1e-3);
  const Tensor after = net.decoder().values.clone();
  optimizer.zero_gradients();
  optimizer.step();
  EXPECT_NEAR((after - net.decoder().values).norm().item<double>(), 1, 1e-3);
}

TEST(Optimizer, LeavesNormsAndBiasesWithoutDecayWhereAsked) {
  for (const bool decay_norms : {true, false}) {
    Network net = tiny_network();
    network::ParameterGroup& group = net.decoder();
    group.values.fill_(1);
    Optimizer optimizer(group,
                        {.kind = OptimizerKind::kSgd,
                         .rate = 1,
                         .weight_decay = 0.25,
                         .decay_norms = decay_norms,
                         .momentum = 0,
                         .clip = 0});
    group.gradients.fill_(0.125);
    optimizer.step();
    int spared = 0;
    for (const auto& [name, tensor] : group.tensors) {
      const bool norm_or_bias = name.ends_with(".bias") || name.ends_with(".bn.weight");
      const bool decays = decay_norms || !norm_or_bias;
      EXPECT_TRUE(at::equal(tensor, at::full_like(tensor, decays ? 0.625 : 0.875))) << name;
      if (!decays) ++spared;
    }
    EXPECT_EQ(spared > 2, !decay_norms);
  }
}

TEST(PolyakAverage, FollowsTheFormula) {
  Network net = tiny_network();
  net.decoder().values.fill_(1);
  PolyakAverage average(net.decoder(), 0.9);
  net.decoder().values.fill_(2);
  average.update();
  average.copy_to_parameters();
  EXPECT_NEAR(net.decoder().values[0].item<double>(), 0.9 + 0.2, 1e-6);
}

TEST(PolyakAverage, WarmedUpForgetsTheBeginning) {
  Network net = tiny_network();
  net.decoder().values.fill_(100);
  PolyakAverage average(net.decoder(), 0.9);
  net.decoder().values.fill_(2);
  average.update(0);  // decay 1/10
  EXPECT_NEAR(average.average()[0].item<double>(), 0.1 * 100 + 0.9 * 2, 1e-4);
  average.update(1000);  // its own decay
  EXPECT_NEAR(average.average()[0].item<double>(), 0.9 * 11.8 + 0.1 * 2, 1e-4);
  average.swap_with_parameters();
  EXPECT_NEAR(net.decoder().values[0].item<double>(), 10.82, 1e-4);
  EXPECT_NEAR(average.average()[0].item<double>(), 2, 1e-6);
}

// ---- batches ----

TEST(BatchStream, DependsOnTheSeedOnly) {
  const auto samples = portraits(10);
  const data::AugmentOptions augment{.crop = 48, .shorter_side = 48};
  BatchStream alone(samples, augment, 4, core::Rng(9), 0);
  BatchStream ahead(samples, augment, 4, core::Rng(9), 3);
  EXPECT_EQ(alone.batches_per_epoch(), 2);
  for (const auto& [epoch, index] :
       {std::pair(0, 0), std::pair(0, 1), std::pair(1, 0), std::pair(5, 1)}) {
    const Batch a = alone.get(epoch, index);
    const Batch b = ahead.get(epoch, index);
    EXPECT_TRUE(at::equal(a.pictures, b.pictures)) << epoch << " " << index;
    EXPECT_TRUE(at::equal(a.labels.classes, b.labels.classes)) << epoch << " " << index;
  }
  BatchStream other(samples, augment, 4, core::Rng(10), 0);
  EXPECT_FALSE(at::equal(other.get(0, 0).pictures, alone.get(0, 0).pictures));
}

TEST(BatchStream, NormalisesPictures) {
  data::Sample grey{data::Image(8, 8), data::LabelMap(8, 8)};
  std::fill(grey.image.pixels.begin(), grey.image.pixels.end(), std::uint8_t{124});
  const Batch batch = to_batch({grey});
  EXPECT_NEAR(batch.pictures[0][0][3][3].item<double>(), (124 / 255.0 - 0.485) / 0.229, 1e-6);
  EXPECT_NEAR(batch.pictures[0][2][3][3].item<double>(), (124 / 255.0 - 0.406) / 0.225, 1e-6);
}

// ---- candidates ----

// What the process holds of the system's memory: tensors' pools and the C library's heap.
std::int64_t memory_from_the_system() {
  std::int64_t held = network::tensor_memory().held_bytes;
#ifdef __GLIBC__
  const auto heap = mallinfo2();
  held += static_cast<std::int64_t>(heap.arena + heap.hblkhd);
#endif
  return held;
}

class Stage0Memory : public testing::TestWithParam<network::Arithmetic> {};
INSTANTIATE_TEST_SUITE_P(Arithmetics,
                         Stage0Memory,
                         testing::Values(network::Arithmetic::kFp32, network::Arithmetic::kBf16),
                         [](const auto& arithmetic) {
                           return std::string(network::name_of(arithmetic.param));
                         });

TEST_P(Stage0Memory, TakesNothingFromTheSystemOnceItRuns) {
  if (GetParam() == network::Arithmetic::kBf16 && network::simd::bf16_loops() == nullptr)
    GTEST_SKIP() << "this processor has no bf16 products (AMX, AVX-512 BF16)";
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "sanitizers have their own memory management";
#endif
  network::keep_tensor_memory();
  const graph::LoweredNetwork lowered = graph::lower(
      space::parse_cell_genotype("[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]"),
      {.name = "small"},
      {.width = 16, .auxiliary_cells = true},
      5);
  std::vector<graph::CutPoint> cuts;
  std::vector<graph::Output> taps;
  for (const graph::Tap& tap : lowered.taps) {
    cuts.push_back({tap.node, tap.stride});
    taps.push_back({"tap" + std::to_string(taps.size()), tap.node});
  }
  Network encoder(graph::subgraph(lowered.graph, {}, taps), core::Rng(1), {});
  at::manual_seed(1);
  FeatureBatch features;
  features.taps = encoder.forward({at::randn({24, 3, 96, 96})}, network::Phase::kTraining);
  for (Tensor& tap : features.taps) tap = tap.detach().to(at::kHalf);
  features.labels.classes = at::randint(0, 5, {24, 24, 24}, at::kByte);

  Network decoder(graph::subgraph(lowered.graph, cuts, lowered.graph.outputs),
                  core::Rng(2),
                  {.arithmetic = GetParam()});
  Stage0Options options;
  options.epochs = 10;
  options.validate_every = 1;
  options.batch = 8;
  const core::StopFlag stop;
  std::vector<std::int64_t> held;
  train_stage0(decoder,
               {0, 1, 2, 3},
               features,
               {},
               task::Segmentation(5),
               options,
               core::Rng(3),
               {stop, std::nullopt},
               [&](int, int, const objective::Scores&) {
                 held.push_back(memory_from_the_system());
                 return true;
               });
  ASSERT_EQ(held.size(), 10U);
  EXPECT_GT(network::tensor_memory().growths, 0);
  EXPECT_EQ(held.back(), held[2]);
}

}  // namespace
}  // namespace parsimony::train
