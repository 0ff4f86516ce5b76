// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/trainer.h"

#include <gtest/gtest.h>

#include <limits>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/graph/grid_network.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/task/segmentation.h"
#include "parsimony/train/fixtures_for_test.h"
#include "parsimony/train/images.h"
#include "parsimony/train/teacher_maps.h"

namespace parsimony::train {
namespace {

using network::Network;

Network network_of(std::uint64_t seed) {
  return {small_network("[[2,[1,0,1,9]],[[3,2],[4,0]]]", 12, 8), core::Rng(seed), {}};
}

// Without an encoder, with dropout and drop path.
Network grid_of(std::uint64_t seed) {
  graph::GridOptions options;
  options.filters = 4;
  options.cells = 1;
  options.head = {.scale_channels = 8, .channels = 16, .dropout = 0.2};
  options.drop_path = 0.3;
  const auto genotype = space::parse_grid_genotype(
      "{cell:[[1,0,sep3],[2,0,skip],[2,1,dil3]],paths:[[0-0,0-1],[0-0,1-0,1-1]]}");
  return {graph::simplify(graph::grid_network(genotype, options, 8)), core::Rng(seed), {}};
}

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
                        const TrainerOptions& options = short_training(6),
                        Network (*make)(std::uint64_t) = network_of) {
  const auto samples = portraits(24);
  Network net = make(1);
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
  Trained trained;
  trained.result = train_fully(net,
                               samples,
                               {samples.begin(), samples.begin() + 6},
                               task::Segmentation(8),
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
  EXPECT_GT(trained.result.best, 0.05);
}

TEST(Trainer, AContinuedTrainingEqualsAnUninterruptedOneBitByBit) {
  for (const double polyak : {0.0, 0.95}) {
    const core::TemporaryFolder folder;
    TrainerOptions options = short_training(6);
    options.polyak = polyak;
    const Trained whole = train_portraits({}, -1, options);
    const std::filesystem::path checkpoint = folder.path() / "checkpoint.safetensors";
    Trained pieces;
    int sessions = 0;
    do {
      pieces = train_portraits(checkpoint, 7 + 3 * sessions, options);
      ++sessions;
      ASSERT_LT(sessions, 20);
    } while (pieces.result.end == TrainerEnd::kInterrupted);
    EXPECT_GT(sessions, 1);
    EXPECT_TRUE(at::equal(pieces.encoder, whole.encoder)) << "polyak " << polyak;
    EXPECT_TRUE(at::equal(pieces.decoder, whole.decoder)) << "polyak " << polyak;
    EXPECT_EQ(pieces.result.best, whole.result.best);
  }
}

// With all that the recipe of grids has.
TEST(Trainer, AContinuedTrainingDropsWhatAnUninterruptedOneDrops) {
  const core::TemporaryFolder folder;
  TrainerOptions options = short_training(6);
  options.loss = task::PixelLoss::kOhem;
  options.decoder = {.kind = OptimizerKind::kSgd,
                     .rate = 0.05,
                     .weight_decay = 1e-4,
                     .decay_norms = false,
                     .clip = 5};
  const Trained whole = train_portraits({}, -1, options, grid_of);
  EXPECT_LT(whole.result.history.back().loss, 0.9 * whole.result.history.front().loss);
  const std::filesystem::path checkpoint = folder.path() / "checkpoint.safetensors";
  for (const int steps : {9, 10}) {
    EXPECT_EQ(train_portraits(checkpoint, steps, options, grid_of).result.end,
              TrainerEnd::kInterrupted);
  }
  EXPECT_TRUE(at::equal(train_portraits(checkpoint, -1, options, grid_of).decoder, whole.decoder));
}

TEST(Trainer, LearnsFromTheHardPixelsAlone) {
  TrainerOptions options = short_training(2);
  const Trained plain = train_portraits({}, -1, options);
  options.loss = task::PixelLoss::kOhem;
  options.ohem = {.threshold = 1, .kept = 0};  // every pixel is hard
  const Trained all = train_portraits({}, -1, options);
  EXPECT_TRUE(at::equal(all.decoder, plain.decoder));
  options.ohem = {.threshold = 0, .kept = 0.1};
  const Trained hard = train_portraits({}, -1, options);
  EXPECT_GT(hard.result.history[0].loss, 1.1 * plain.result.history[0].loss);
}

TEST(Trainer, KeepsTheAverageOfTheWeightsButTrainsOnWithoutIt) {
  const Trained plain = train_portraits({}, -1);
  TrainerOptions options = short_training(6);
  options.polyak = 0.95;
  const Trained averaged = train_portraits({}, -1, options);
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
  Network net = network_of(1);
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  EXPECT_THROW(train_fully(net,
                           samples,
                           samples,
                           task::Segmentation(8),
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
  Network teacher = network_of(9);
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  TrainerOptions options = short_training(4);
  options.distillation.weight = 3;
  const Tensor pictures = to_batch({samples[0], samples[1]}).pictures;
  const auto distance = [&](Network* from, TeacherView view) {
    options.teacher_view = view;
    Network net = network_of(1);
    train_fully(net,
                samples,
                {samples.begin(), samples.begin() + 6},
                task::Segmentation(8),
                options,
                core::Rng(4),
                {},
                {log, progress, stop, 1},
                "test",
                from);
    const at::NoGradGuard no_grad;
    return task::distillation(net.logits({pictures}, network::Phase::kEvaluation),
                              teacher.logits({pictures}, network::Phase::kEvaluation),
                              {})
        .item<double>();
  };
  const double alone = distance(nullptr, TeacherView::kPicture);
  EXPECT_LT(2 * distance(&teacher, TeacherView::kPicture), alone);
  EXPECT_LT(2 * distance(&teacher, TeacherView::kCrop), alone);
}

TEST(Trainer, ADivergingTrainingIsAnOutcome) {
  const auto samples = portraits(12);
  Network net = network_of(1);
  const TrainerOptions options = short_training(4);
  net.decoder().values.fill_(std::numeric_limits<float>::quiet_NaN());
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  EXPECT_EQ(train_fully(net,
                        samples,
                        samples,
                        task::Segmentation(8),
                        options,
                        core::Rng(4),
                        {},
                        {log, progress, stop, 1},
                        "test")
                .end,
            TrainerEnd::kDiverged);
}

// A teacher of whom every pixel of a map can be told from the others.
class TeacherMapsTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kGrid = 16;  // of the logits of a picture of 64 x 64
  std::vector<data::Sample> samples_ = portraits(2);
  Network teacher_ = network_of(9);
  core::SilentLog log_;
  core::SilentProgress progress_;
  core::StopFlag stop_;

  const task::Segmentation task_{8};

  TeacherMaps maps() { return {teacher_, task_, samples_, {log_, progress_, stop_, 1}, "test"}; }
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
  expect_close(straight.outputs, expected);
  EXPECT_EQ(straight.inside.min().item<double>(), 1);

  crop.mirrored = true;
  expect_close(maps.cut(batch_of(1, crop), 8, 8).outputs, expected.flip({3}));
}

TEST_F(TeacherMapsTest, AScaledPictureHasAScaledMap) {
  const TeacherMaps maps = this->maps();
  const data::Crop crop{.scaled_width = 128, .scaled_height = 128, .side = 128};
  const auto doubled = maps.cut(batch_of(0, crop), 2 * kGrid, 2 * kGrid);
  expect_close(doubled.outputs, network::resize_bilinear(whole(0), 2 * kGrid, 2 * kGrid));
}

TEST_F(TeacherMapsTest, PaddingIsOutside) {
  const TeacherMaps maps = this->maps();
  // The picture in the lower right quarter of the crop.
  const data::Crop crop{.scaled_width = 64, .scaled_height = 64, .x = -64, .y = -64, .side = 128};
  const auto targets = maps.cut(batch_of(0, crop), 2 * kGrid, 2 * kGrid);
  EXPECT_EQ(targets.inside.sum().item<double>(), kGrid * kGrid);
  EXPECT_EQ(targets.inside.narrow(2, kGrid, kGrid).narrow(3, kGrid, kGrid).min().item<double>(), 1);
  expect_close(targets.outputs.narrow(2, kGrid, kGrid).narrow(3, kGrid, kGrid), whole(0));
}

TEST_F(TeacherMapsTest, MirroringSwapsSides) {
  samples_[0].mirror_pairs = {{2, 3}};
  const TeacherMaps maps = this->maps();
  const data::Crop crop{.scaled_width = 64, .scaled_height = 64, .side = 64, .mirrored = true};
  const Tensor mirrored = maps.cut(batch_of(0, crop), kGrid, kGrid).outputs;
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
      EXPECT_EQ(batch.labels.classes[static_cast<std::int64_t>(i)][5][x].item<int>(),
                labels.at(from, crop.y + 5));
    }
  }
}

TEST_F(TeacherMapsTest, StopsWhenAsked) {
  stop_.request();
  EXPECT_FALSE(maps().complete());
}

}  // namespace
}  // namespace parsimony::train
