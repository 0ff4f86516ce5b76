// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <malloc.h>

#include <cmath>
#include <limits>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/data/synth.h"
#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/train/candidate.h"
#include "parsimony/train/early_stop.h"
#include "parsimony/train/images.h"
#include "parsimony/train/loss.h"
#include "parsimony/train/measure.h"
#include "parsimony/train/teacher_maps.h"
#include "parsimony/train/trainer.h"

namespace parsimony::train {
namespace {

using network::Network;

// ---- losses ----

TEST(ResizeLabels, TakesPixelCentres) {
  const Tensor labels = at::arange(16, at::kByte).view({1, 4, 4});
  const Tensor small = resize_labels(labels, 2, 2);
  EXPECT_TRUE(at::equal(small.flatten(), at::tensor({5, 7, 13, 15}, at::kByte)));
}

// ---- counting ----

TEST(Distillation, ComparesLogitsOrSoftenedSoftmaxes) {
  // One pixel, two classes; the softmaxes at temperature 2 are (e/(e+1), 1/(e+1)) and (1/2, 1/2).
  const Tensor teacher = at::tensor({2.0, 0.0}).reshape({1, 2, 1, 1});
  const Tensor student = at::tensor({3.0, 3.0}).reshape({1, 2, 1, 1});
  const auto loss = [&](DistillationLoss form, const Tensor& from) {
    return distillation(from, teacher, {.loss = form, .temperature = 2}).item<double>();
  };
  EXPECT_DOUBLE_EQ(loss(DistillationLoss::kLogits, student), (1 + 9) / 2.0);
  const double e = std::exp(1.0);
  const double p = e / (e + 1);
  EXPECT_NEAR(loss(DistillationLoss::kSoftmax, student),
              4 * (p * std::log(2 * p) + (1 - p) * std::log(2 * (1 - p))),
              1e-6);
  EXPECT_EQ(loss(DistillationLoss::kLogits, teacher), 0);
  EXPECT_EQ(loss(DistillationLoss::kSoftmax, teacher), 0);
  // A softmax does not see what all logits share; their difference does.
  EXPECT_NEAR(loss(DistillationLoss::kSoftmax, teacher + 5), 0, 1e-6);
  EXPECT_DOUBLE_EQ(loss(DistillationLoss::kLogits, teacher + 5), 25);
}

TEST(Distillation, IsAMeanOverPixelsAtTheTeachersSize) {
  const at::Generator generator = at::detail::createCPUGenerator(3);
  const auto options = at::TensorOptions(at::kDouble);
  const Tensor teacher = at::randn({2, 3, 8, 8}, generator, options);
  const Tensor student = at::randn({2, 3, 4, 4}, generator, options);
  for (const DistillationLoss form : {DistillationLoss::kLogits, DistillationLoss::kSoftmax}) {
    const DistillationOptions how{.loss = form, .temperature = 3};
    const double once = distillation(student, teacher, how).item<double>();
    EXPECT_GT(once, 0);
    EXPECT_NEAR(
        distillation(at::cat({student, student}), at::cat({teacher, teacher}), how).item<double>(),
        once,
        1e-12);
    EXPECT_NEAR(distillation(network::resize_bilinear(student, 8, 8), teacher, how).item<double>(),
                once,
                1e-12);
    // Stored in half precision, as in the feature cache.
    EXPECT_NEAR(distillation(student, teacher.to(at::kHalf), how).item<double>(), once, 1e-3);
    Tensor learning = student.clone().requires_grad_(true);
    distillation(learning, teacher, how).backward();
    const Tensor step = student - 0.5 * learning.grad();
    EXPECT_LT(distillation(step, teacher, how).item<double>(), once);
  }
}

TEST(PairCounts, AreTheConfusionMatrix) {
  at::manual_seed(3);
  constexpr int kClasses = 5;
  Tensor truth = at::randint(0, kClasses, {2, 9, 7}, at::kByte);
  truth[0][0].fill_(255);       // ignored
  truth[1][3].fill_(kClasses);  // not a class either
  const Tensor predicted = at::randint(0, kClasses, {2, 9, 7}, at::kByte);
  metric::ConfusionMatrix expected(kClasses);
  expected.add(truth.data_ptr<std::uint8_t>(), predicted.data_ptr<std::uint8_t>(), truth.numel());
  const Tensor counts = pair_counts(truth, predicted, kClasses);
  ASSERT_EQ(counts.sizes(), at::IntArrayRef({kClasses, kClasses}));
  for (int t = 0; t < kClasses; ++t) {
    for (int p = 0; p < kClasses; ++p)
      EXPECT_EQ(counts[t][p].item<std::int64_t>(), expected.count(t, p)) << t << ' ' << p;
  }
  EXPECT_EQ(counts.sum().item<std::int64_t>(), 2 * 9 * 7 - 2 * 7);
}

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

TEST(Optimizer, AdamTakesAFirstStepOfTheLearningRate) {
  const graph::Graph graph = graph::simplify(
      graph::lower(space::parse_cell_genotype("[[0],[[3,3]]]"), {.name = "small"}, {.width = 4}, 2)
          .graph);
  Network net(graph, core::Rng(1), {});
  const Tensor before = net.decoder().values.clone();
  Optimizer optimizer(net.decoder(), {.rate = 0.01, .clip = 0});
  net.decoder().gradients.fill_(5);
  optimizer.step();
  EXPECT_LT(((before - net.decoder().values) - 0.01).abs().max().item<double>(), 1e-6);
}

TEST(Optimizer, ClipsLongGradientsAndKeepsMomentum) {
  const graph::Graph graph = graph::simplify(
      graph::lower(space::parse_cell_genotype("[[0],[[3,3]]]"), {.name = "small"}, {.width = 4}, 2)
          .graph);
  Network net(graph, core::Rng(1), {});
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

TEST(PolyakAverage, FollowsTheFormula) {
  const graph::Graph graph = graph::simplify(
      graph::lower(space::parse_cell_genotype("[[0],[[3,3]]]"), {.name = "small"}, {.width = 4}, 2)
          .graph);
  Network net(graph, core::Rng(1), {});
  net.decoder().values.fill_(1);
  PolyakAverage average(net.decoder(), 0.9);
  net.decoder().values.fill_(2);
  average.update();
  average.copy_to_parameters();
  EXPECT_NEAR(net.decoder().values[0].item<double>(), 0.9 + 0.2, 1e-6);
}

TEST(PolyakAverage, WarmedUpForgetsTheBeginning) {
  const graph::Graph graph = graph::simplify(
      graph::lower(space::parse_cell_genotype("[[0],[[3,3]]]"), {.name = "small"}, {.width = 4}, 2)
          .graph);
  Network net(graph, core::Rng(1), {});
  net.decoder().values.fill_(100);
  PolyakAverage average(net.decoder(), 0.9);
  net.decoder().values.fill_(2);
  average.update_warm(0);  // decay 1/10
  EXPECT_NEAR(average.average()[0].item<double>(), 0.1 * 100 + 0.9 * 2, 1e-4);
  average.update_warm(1000);  // its own decay
  EXPECT_NEAR(average.average()[0].item<double>(), 0.9 * 11.8 + 0.1 * 2, 1e-4);
  average.swap_with_parameters();
  EXPECT_NEAR(net.decoder().values[0].item<double>(), 10.82, 1e-4);
  EXPECT_NEAR(average.average()[0].item<double>(), 2, 1e-6);
}

// ---- batches ----

std::vector<data::Sample> portraits(std::int64_t count) {
  data::SynthOptions options;
  options.train = count;
  options.val = options.test = 1;
  options.width = options.height = 64;
  const data::MemoryDataset dataset = data::make_synthetic_dataset(options, 2);
  std::vector<data::Sample> samples;
  for (std::int64_t i = 0; i < count; ++i) samples.push_back(dataset.read(data::Split::kTrain, i));
  return samples;
}

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
    EXPECT_TRUE(at::equal(a.labels, b.labels)) << epoch << " " << index;
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

TEST(Stage0, TakesNoMemoryFromTheSystemOnceItRuns) {
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
  features.labels = at::randint(0, 5, {24, 24, 24}, at::kByte);

  Network decoder(graph::subgraph(lowered.graph, cuts, lowered.graph.outputs), core::Rng(2), {});
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
               5,
               {},
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

// ---- full training ----

struct Trained {
  TrainerResult result;
  Tensor encoder, decoder;
};

TrainerOptions short_training(int epochs) {
  return {.epochs = epochs,
          .batch = 6,
          .validate_every = 2,
          .augment = {.crop = 48, .shorter_side = 48},
          .encoder = {.rate = 2e-3},
          .decoder = {.rate = 3e-3}};
}

// Interrupted after so many progress reports; negative: never.
Trained train_portraits(const std::filesystem::path& checkpoint,
                        int interrupt_after_steps,
                        double polyak = 0) {
  const auto samples = portraits(24);
  const graph::Graph graph =
      graph::simplify(graph::lower(space::parse_cell_genotype("[[2,[1,0,1,9]],[[3,2],[4,0]]]"),
                                   {.name = "small"},
                                   {.width = 12},
                                   8)
                          .graph);
  Network net(graph, core::Rng(1), {});
  core::StopFlag stop;
  class Countdown final : public core::ProgressObserver {
   public:
    Countdown(core::StopFlag& flag, int steps) : flag_(flag), steps_(steps) {}
    void advance(const core::Progress&) override {
      if (steps_ >= 0 && steps_-- == 0) flag_.request();
    }

   private:
    core::StopFlag& flag_;
    int steps_;
  } countdown(stop, interrupt_after_steps);
  core::SilentLog log;
  TrainerOptions options = short_training(6);
  options.polyak = polyak;
  Trained trained;
  trained.result = train_fully(net,
                               samples,
                               {samples.begin(), samples.begin() + 6},
                               8,
                               options,
                               core::Rng(4),
                               checkpoint,
                               {log, countdown, stop, 1},
                               "test");
  trained.encoder = net.encoder().values.clone();
  trained.decoder = net.decoder().values.clone();
  return trained;
}

TEST(Trainer, LearnsAndKeepsTheBestWeights) {
  const Trained trained = train_portraits({}, -1);
  EXPECT_EQ(trained.result.end, TrainerEnd::kFinished);
  EXPECT_EQ(trained.result.history.size(), 6u);
  EXPECT_LT(trained.result.history.back().loss, 0.8 * trained.result.history.front().loss);
  EXPECT_GT(trained.result.best_miou, 0.05);
}

TEST(Trainer, AContinuedTrainingEqualsAnUninterruptedOneBitByBit) {
  for (const double polyak : {0.0, 0.95}) {
    const core::TemporaryFolder folder;
    const Trained whole = train_portraits({}, -1, polyak);
    const std::filesystem::path checkpoint = folder.path() / "checkpoint.safetensors";
    Trained pieces;
    int sessions = 0;
    do {
      pieces = train_portraits(checkpoint, 7 + 3 * sessions, polyak);
      ++sessions;
      ASSERT_LT(sessions, 20);
    } while (pieces.result.end == TrainerEnd::kInterrupted);
    EXPECT_GT(sessions, 1);
    EXPECT_TRUE(at::equal(pieces.encoder, whole.encoder)) << "polyak " << polyak;
    EXPECT_TRUE(at::equal(pieces.decoder, whole.decoder)) << "polyak " << polyak;
    EXPECT_EQ(pieces.result.best_miou, whole.result.best_miou);
  }
}

TEST(Trainer, KeepsTheAverageOfTheWeightsButTrainsOnWithoutIt) {
  const Trained plain = train_portraits({}, -1);
  const Trained averaged = train_portraits({}, -1, 0.95);
  ASSERT_EQ(plain.result.history.size(), averaged.result.history.size());
  for (std::size_t i = 0; i < plain.result.history.size(); ++i)
    EXPECT_EQ(plain.result.history[i].loss, averaged.result.history[i].loss) << "epoch " << i + 1;
  EXPECT_FALSE(at::equal(plain.decoder, averaged.decoder));
}

TEST(Trainer, RefusesACheckpointOfAnotherTraining) {
  const core::TemporaryFolder folder;
  const std::filesystem::path checkpoint = folder.path() / "checkpoint.safetensors";
  train_portraits(checkpoint, 9);
  ASSERT_TRUE(std::filesystem::exists(checkpoint));
  const auto samples = portraits(24);
  const graph::Graph graph =
      graph::simplify(graph::lower(space::parse_cell_genotype("[[2,[1,0,1,9]],[[3,2],[4,0]]]"),
                                   {.name = "small"},
                                   {.width = 12},
                                   8)
                          .graph);
  Network net(graph, core::Rng(1), {});
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  EXPECT_THROW(train_fully(net,
                           samples,
                           samples,
                           8,
                           short_training(7),
                           core::Rng(4),
                           checkpoint,
                           {log, progress, stop, 1},
                           "test"),
               core::Error);
}

// Whatever the teacher thinks, the pupil comes nearer to it than without it, whether the teacher
// looks at whole pictures or at crops.
TEST(Trainer, LearnsFromATeacher) {
  const auto samples = portraits(24);
  const graph::Graph graph =
      graph::simplify(graph::lower(space::parse_cell_genotype("[[2,[1,0,1,9]],[[3,2],[4,0]]]"),
                                   {.name = "small"},
                                   {.width = 12},
                                   8)
                          .graph);
  Network teacher(graph, core::Rng(9), {});
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  TrainerOptions options = short_training(4);
  options.distillation.weight = 3;
  const Tensor pictures = to_batch({samples[0], samples[1]}).pictures;
  const auto distance = [&](Network* from, TeacherView view) {
    options.teacher_view = view;
    Network net(graph, core::Rng(1), {});
    train_fully(net,
                samples,
                {samples.begin(), samples.begin() + 6},
                8,
                options,
                core::Rng(4),
                {},
                {log, progress, stop, 1},
                "test",
                from);
    const at::NoGradGuard no_grad;
    return distillation(net.logits({pictures}, network::Phase::kEvaluation),
                        teacher.logits({pictures}, network::Phase::kEvaluation),
                        {})
        .item<double>();
  };
  const double alone = distance(nullptr, TeacherView::kPicture);
  EXPECT_LT(2 * distance(&teacher, TeacherView::kPicture), alone);
  EXPECT_LT(2 * distance(&teacher, TeacherView::kCrop), alone);
}

// A teacher of whom every pixel of a map can be told from the others.
class TeacherMapsTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kGrid = 16;  // of the logits of a picture of 64 x 64
  std::vector<data::Sample> samples_ = portraits(2);
  Network teacher_{
      graph::simplify(graph::lower(space::parse_cell_genotype("[[2,[1,0,1,9]],[[3,2],[4,0]]]"),
                                   {.name = "small"},
                                   {.width = 12},
                                   8)
                          .graph),
      core::Rng(9),
      {}};
  core::SilentLog log_;
  core::SilentProgress progress_;
  core::StopFlag stop_;

  TeacherMaps maps() { return {teacher_, samples_, {log_, progress_, stop_, 1}, "test"}; }
  Tensor whole(std::int64_t sample) {
    const at::NoGradGuard no_grad;
    const Batch batch = to_batch({samples_[static_cast<std::size_t>(sample)]});
    return teacher_.logits({batch.pictures}, network::Phase::kEvaluation);
  }
  static Batch batch_of(std::int64_t sample, const data::Crop& crop) {
    Batch batch;
    batch.samples = {sample};
    batch.crops = {crop};
    return batch;
  }
  static void expect_close(const Tensor& a, const Tensor& b) {
    EXPECT_LT((a - b).abs().max().item<double>(), 5e-3 * b.abs().max().item<double>());
  }
};

TEST_F(TeacherMapsTest, CropsOfAPictureAreCropsOfItsMap) {
  const TeacherMaps maps = this->maps();
  ASSERT_TRUE(maps.complete());
  data::Crop crop{.scaled_width = 64, .scaled_height = 64, .x = 24, .y = 8, .side = 32};
  const auto straight = maps.cut(batch_of(1, crop), 8, 8);
  const Tensor expected = whole(1).narrow(2, 2, 8).narrow(3, 6, 8);
  expect_close(straight.logits, expected);
  EXPECT_EQ(straight.inside.min().item<double>(), 1);

  crop.mirrored = true;
  expect_close(maps.cut(batch_of(1, crop), 8, 8).logits, expected.flip({3}));
}

TEST_F(TeacherMapsTest, AScaledPictureHasAScaledMap) {
  const TeacherMaps maps = this->maps();
  const data::Crop crop{.scaled_width = 128, .scaled_height = 128, .side = 128};
  const auto doubled = maps.cut(batch_of(0, crop), 2 * kGrid, 2 * kGrid);
  expect_close(doubled.logits, network::resize_bilinear(whole(0), 2 * kGrid, 2 * kGrid));
}

TEST_F(TeacherMapsTest, PaddingIsOutside) {
  const TeacherMaps maps = this->maps();
  // The picture in the lower right quarter of the crop.
  const data::Crop crop{.scaled_width = 64, .scaled_height = 64, .x = -64, .y = -64, .side = 128};
  const auto targets = maps.cut(batch_of(0, crop), 2 * kGrid, 2 * kGrid);
  EXPECT_EQ(targets.inside.sum().item<double>(), kGrid * kGrid);
  EXPECT_EQ(targets.inside.narrow(2, kGrid, kGrid).narrow(3, kGrid, kGrid).min().item<double>(), 1);
  expect_close(targets.logits.narrow(2, kGrid, kGrid).narrow(3, kGrid, kGrid), whole(0));
}

TEST_F(TeacherMapsTest, MirroringSwapsSides) {
  samples_[0].mirror_pairs = {{2, 3}};
  const TeacherMaps maps = this->maps();
  const data::Crop crop{.scaled_width = 64, .scaled_height = 64, .side = 64, .mirrored = true};
  const Tensor mirrored = maps.cut(batch_of(0, crop), kGrid, kGrid).logits;
  const Tensor expected = whole(0).flip({3});
  expect_close(mirrored.select(1, 2), expected.select(1, 3));
  expect_close(mirrored.select(1, 3), expected.select(1, 2));
  expect_close(mirrored.select(1, 4), expected.select(1, 4));
}

TEST_F(TeacherMapsTest, AStreamSaysWhereItsCropsLie) {
  const data::AugmentOptions options{.crop = 48, .shorter_side = 0, .scale_min = 1, .scale_max = 1};
  BatchStream stream(samples_, options, 2, core::Rng(3), 0);
  const Batch batch = stream.get(0, 0);
  ASSERT_EQ(batch.samples.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    // The crop's labels, cut from the sample by hand.
    const data::Crop& crop = batch.crops[i];
    const data::LabelMap& labels = samples_[static_cast<std::size_t>(batch.samples[i])].labels;
    for (std::int64_t x = 0; x < 48; ++x) {
      const std::int64_t from = crop.x + (crop.mirrored ? 47 - x : x);
      EXPECT_EQ(batch.labels[static_cast<std::int64_t>(i)][5][x].item<int>(),
                labels.at(from, crop.y + 5));
    }
  }
}

TEST_F(TeacherMapsTest, StopsWhenAsked) {
  stop_.request();
  EXPECT_FALSE(maps().complete());
}

TEST(Distillation, CountsPixelsWithinThePictureOnly) {
  const Tensor student = at::randn({2, 3, 4, 4});
  const Tensor teacher = at::randn({2, 3, 4, 4});
  Tensor inside = at::zeros({2, 1, 4, 4});
  inside.narrow(2, 0, 2).fill_(1);
  for (const DistillationLoss form : {DistillationLoss::kLogits, DistillationLoss::kSoftmax}) {
    const DistillationOptions how{.loss = form};
    EXPECT_NEAR(distillation(student, teacher, how, inside).item<double>(),
                distillation(student.narrow(2, 0, 2), teacher.narrow(2, 0, 2), how).item<double>(),
                1e-6);
    EXPECT_EQ(distillation(student, teacher, how, at::zeros_like(inside)).item<double>(), 0);
  }
}

TEST(Trainer, ADivergingTrainingIsAnOutcome) {
  const auto samples = portraits(12);
  const graph::Graph graph = graph::simplify(
      graph::lower(space::parse_cell_genotype("[[1],[[3,2]]]"), {.name = "small"}, {.width = 8}, 8)
          .graph);
  Network net(graph, core::Rng(1), {});
  const TrainerOptions options = short_training(4);
  net.decoder().values.fill_(std::numeric_limits<float>::quiet_NaN());
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  EXPECT_EQ(
      train_fully(
          net, samples, samples, 8, options, core::Rng(4), {}, {log, progress, stop, 1}, "test")
          .end,
      TrainerEnd::kDiverged);
}

}  // namespace
}  // namespace parsimony::train
