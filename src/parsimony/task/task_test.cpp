// SPDX-License-Identifier: Apache-2.0
#include "parsimony/task/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "parsimony/core/error.h"
#include "parsimony/data/augment.h"
#include "parsimony/task/depth.h"
#include "parsimony/task/options.h"
#include "parsimony/task/pose.h"
#include "parsimony/task/segmentation.h"
#include "parsimony/task/several.h"

namespace parsimony::task {
namespace {

using testing::DoubleNear;
using testing::HasSubstr;

constexpr std::int64_t kSide = 32;
constexpr int kClasses = 4;

data::Skeleton skeleton() {
  data::Skeleton skeleton;
  skeleton.joints = {"left shoulder", "right shoulder", "left hip", "right hip", "neck", "top"};
  skeleton.mirror_pairs = {{0, 1}, {2, 3}};
  skeleton.torso = skeleton.head = std::pair(4, 5);  // as long in a mirrored picture
  skeleton.spreads = std::vector<double>(6, 0.1);
  return skeleton;
}

// A picture that has all kinds of labels, different on its two sides.
data::Sample sample(std::uint64_t seed) {
  core::Rng rng(seed);
  data::Sample sample{.image = data::Image(kSide, kSide),
                      .labels = data::LabelMap(kSide, kSide),
                      .mirror_pairs = {{1, 2}},
                      .depth = data::DepthMap(kSide, kSide),
                      .pose = data::Pose(),
                      .joint_pairs = skeleton().mirror_pairs};
  for (std::int64_t y = 0; y < kSide; ++y) {
    for (std::int64_t x = 0; x < kSide; ++x) {
      sample.labels.at(x, y) = static_cast<std::uint8_t>((x / 8 + y / 16) % kClasses);
      sample.depth.at(x, y) = static_cast<float>(1 + 0.1 * static_cast<double>(x / 8 + y / 4));
    }
  }
  for (std::size_t j = 0; j < skeleton().joints.size(); ++j) {
    sample.pose->joints.push_back({static_cast<float>(rng.uniform(4, 28)),
                                   static_cast<float>(rng.uniform(4, 28)),
                                   data::Visibility::kVisible});
  }
  return sample;
}

data::Sample mirrored(const data::Sample& sample) {
  return data::augment(
      sample,
      {.crop = kSide, .shorter_side = kSide, .scale_min = 1, .scale_max = 1, .mirror = 1},
      core::Rng(1));
}

// An output at the labels' own size that says just what they say.
Tensor perfect_output(const std::string& head, const Labels& labels) {
  if (head == "segmentation")
    return at::one_hot(labels.classes.to(at::kLong), kClasses).permute({0, 3, 1, 2}) * 20.0;
  if (head == "depth") return labels.depth.unsqueeze(1).log();
  return heat_maps(labels, labels.height, labels.width, PoseOptions().spread).maps;
}

struct Case {
  std::string name;
  std::vector<std::string> heads;
};

class EveryTask : public testing::TestWithParam<Case> {
 protected:
  EveryTask() : task_(make_task({.heads = GetParam().heads}, info())) {}

  static data::DatasetInfo info() {
    return {.name = "toy",
            .format = "memory",
            .classes = std::vector<std::string>(kClasses, "class"),
            .palette = std::vector<data::Rgb>(kClasses),
            .targets = {data::Target::kClasses, data::Target::kDepth, data::Target::kPose},
            .skeleton = skeleton()};
  }

  Tensor perfect(const Labels& labels) const {
    std::vector<Tensor> parts;
    for (const std::string& head : GetParam().heads) parts.push_back(perfect_output(head, labels));
    return at::cat(parts, 1).to(at::kFloat);
  }
  // The same pictures, had nobody labelled them.
  Labels unlabelled() const {
    Labels empty = labels_;
    empty.classes = at::full_like(labels_.classes, data::LabelMap::kIgnore);
    empty.depth = at::zeros_like(labels_.depth);
    empty.depth[0].fill_diagonal_(std::numeric_limits<float>::quiet_NaN());
    empty.joints = labels_.joints.clone();
    empty.joints.select(2, 2).fill_(0);
    return empty;
  }
  Tensor random_output(std::int64_t pictures, std::int64_t side) const {
    at::manual_seed(7);
    return at::randn({pictures, task_->channels(), side, side});
  }
  double loss(const Tensor& output, const Labels& labels) const {
    return task_->loss(output, labels, {}).item<double>();
  }
  objective::Scores scores(const Tensor& output, const Labels& labels) const {
    const auto measurement = task_->measurement(network::Kernels::kFast);
    measurement->add(output, labels);
    return measurement->scores();
  }

  std::shared_ptr<const Task> task_;
  std::vector<data::Sample> samples_ = {sample(1), sample(2), sample(3)};
  Labels labels_ = labels_of(samples_);
};

TEST_P(EveryTask, WhatTheLabelsSayIsRewardedMost) {
  const Tensor right = perfect(labels_);
  const Tensor wrong = random_output(3, kSide);
  EXPECT_NEAR(loss(right, labels_), 0, 1e-3);
  EXPECT_GT(loss(wrong, labels_), 0.1);
  EXPECT_NEAR(scores(right, labels_).at("reward"), 1, 1e-6);
  EXPECT_LT(scores(wrong, labels_).at("reward"), 0.7);
  EXPECT_TRUE(scores(right, labels_).contains(std::string(task_->deciding())));
}

TEST_P(EveryTask, TheIdealOutputSaysWhatTheLabelsSay) {
  const Ideal fine = task_->ideal(labels_, kSide, kSide);
  EXPECT_EQ(fine.output.sizes(), perfect(labels_).sizes());
  EXPECT_EQ(fine.counts.sizes(), fine.output.sizes());
  EXPECT_EQ(fine.counts.min().item<double>(), 1);
  EXPECT_NEAR(scores(fine.output, labels_).at("reward"), 1, 1e-6);
  // On any grid, also one that is not as wide as high.
  const Ideal coarse = task_->ideal(labels_, kSide / 2, kSide);
  EXPECT_GT(scores(coarse.output, labels_).at("reward"), 0.9);
}

TEST_P(EveryTask, WhatIsNotLabelledCountsNothingInTheIdealOutput) {
  const Ideal ideal = task_->ideal(unlabelled(), 8, 8);
  EXPECT_EQ(ideal.counts.max().item<double>(), 0);
  EXPECT_TRUE((ideal.output * ideal.counts).eq(0).all().item<bool>());
}

TEST_P(EveryTask, LearnsFromItsLoss) {
  Tensor output = random_output(3, kSide / 4);
  const double before = loss(output, labels_);
  for (int i = 0; i < 50; ++i) {
    output = output.detach().requires_grad_(true);
    task_->loss(output, labels_, {}).backward();
    ASSERT_TRUE(output.grad().isfinite().all().item<bool>());
    output = output - 0.05 * output.grad() / output.grad().abs().max();
  }
  EXPECT_LT(loss(output.detach(), labels_), before);
}

TEST_P(EveryTask, GradientsAreThoseOfFiniteDifferences) {
  // A smooth loss of depth: the bound of berhu is no part of its gradient.
  const auto task =
      make_task({.heads = GetParam().heads, .depth = {.loss = DepthLoss::kScaleInvariant}}, info());
  const Tensor output = random_output(1, 4).to(at::kDouble);
  const Labels labels = labels_.narrow(0, 1);
  const Learning reference{.kernels = network::Kernels::kReference};
  Tensor learning = output.clone().requires_grad_(true);
  task->loss(learning, labels, reference).backward();
  const Tensor direction = at::randn_like(output);
  const auto at_step = [&](double step) {
    return task->loss(output + step * direction, labels, reference).item<double>();
  };
  const double h = 1e-5;
  EXPECT_NEAR((learning.grad() * direction).sum().item<double>(),
              (at_step(h) - at_step(-h)) / (2 * h),
              2e-4 * std::max(1.0, std::abs(at_step(0))));
}

TEST_P(EveryTask, LabelsThatSayNothingTeachNothing) {
  Tensor output = random_output(3, 8).requires_grad_(true);
  const Tensor loss = task_->loss(output, unlabelled(), {});
  EXPECT_EQ(loss.item<double>(), 0);
  loss.backward();
  EXPECT_EQ(output.grad().abs().max().item<double>(), 0);
}

TEST_P(EveryTask, PicturesCountTheSameAloneAndInBatches) {
  const Tensor output = random_output(3, kSide / 4);
  const auto together = task_->measurement(network::Kernels::kFast);
  together->add(output, labels_);
  const auto one_by_one = task_->measurement(network::Kernels::kFast);
  const auto predicted = task_->measurement(network::Kernels::kFast);
  for (std::int64_t i = 0; i < 3; ++i) {
    one_by_one->add(output.narrow(0, i, 1), labels_.narrow(i, 1));
    Prediction prediction;
    task_->predict(output.narrow(0, i, 1), kSide, kSide, prediction);
    predicted->add(prediction, samples_[static_cast<std::size_t>(i)]);
  }
  for (const auto& [name, value] : together->scores()) {
    EXPECT_NEAR(one_by_one->scores().at(name), value, 1e-6) << name;
    EXPECT_NEAR(predicted->scores().at(name), value, 1e-6) << name;
  }
}

TEST_P(EveryTask, MirroredOutputsAreRightForMirroredPictures) {
  const Tensor output = random_output(3, kSide);
  std::vector<data::Sample> others;
  for (const data::Sample& sample : samples_) others.push_back(mirrored(sample));
  const Tensor channels = at::tensor(task_->mirrored_channels(samples_[0]), at::kLong);
  const Tensor other = output.flip({3}).index_select(1, channels);
  EXPECT_NEAR(loss(other, labels_of(others)), loss(output, labels_), 1e-5);
  for (const auto& [name, value] : scores(output, labels_))
    EXPECT_NEAR(scores(other, labels_of(others)).at(name), value, 1e-6) << name;
}

TEST_P(EveryTask, LearnsFromATeacher) {
  const Tensor teacher = random_output(2, 8);
  EXPECT_EQ(task_->distillation(teacher, teacher, {}, {}).item<double>(), 0);
  EXPECT_GT(task_->distillation(teacher + at::randn_like(teacher), teacher, {}, {}).item<double>(),
            0);
  EXPECT_EQ(task_->distillation(teacher + 1, teacher, {}, at::zeros({2, 1, 8, 8})).item<double>(),
            0);
}

INSTANTIATE_TEST_SUITE_P(Tasks,
                         EveryTask,
                         testing::Values(Case{"segmentation", {"segmentation"}},
                                         Case{"depth", {"depth"}},
                                         Case{"pose", {"pose"}},
                                         Case{"depth_and_segmentation", {"depth", "segmentation"}},
                                         Case{"all", {"pose", "segmentation", "depth"}}),
                         [](const auto& param) { return param.param.name; });

// ---- labels ----

TEST(Labels, AreTakenAtTheCentresOfAGrid) {
  Labels labels{.classes = at::arange(16, at::kByte).view({1, 4, 4}),
                .depth = at::arange(16, at::kFloat).view({1, 4, 4}),
                .height = 4,
                .width = 4};
  const Labels small = labels.on_grid(2, 2);
  EXPECT_TRUE(at::equal(small.classes.flatten(), at::tensor({5, 7, 13, 15}, at::kByte)));
  EXPECT_TRUE(at::equal(small.depth.flatten(), at::tensor({5, 7, 13, 15}, at::kFloat)));
  EXPECT_EQ(small.height, 4);
}

TEST(Labels, PosesComeBackAsTheyWere) {
  data::Sample one = sample(4);
  one.pose->head_size = 12.5;
  one.pose->area = 300;
  one.pose->joints[2].visibility = data::Visibility::kAbsent;
  one.pose->joints[3].x = -40;
  EXPECT_EQ(pose_of(labels_of({sample(1), one}), 1), *one.pose);
}

TEST(Labels, OfSamplesThatDifferAreRefused) {
  data::Sample small = sample(1);
  small.image = data::Image(8, 8);
  EXPECT_THROW(labels_of({sample(1), small}), core::Error);
  data::Sample without = sample(1);
  without.pose.reset();
  EXPECT_THROW(labels_of({sample(1), without}), core::Error);
}

// ---- segmentation ----

TEST(PairCounts, AreTheConfusionMatrix) {
  at::manual_seed(3);
  constexpr int kFive = 5;
  Tensor truth = at::randint(0, kFive, {2, 9, 7}, at::kByte);
  truth[0][0].fill_(255);    // ignored
  truth[1][3].fill_(kFive);  // not a class either
  const Tensor predicted = at::randint(0, kFive, {2, 9, 7}, at::kByte);
  metric::ConfusionMatrix expected(kFive);
  expected.add(truth.data_ptr<std::uint8_t>(), predicted.data_ptr<std::uint8_t>(), truth.numel());
  const Tensor counts = pair_counts(truth, predicted, kFive);
  ASSERT_EQ(counts.sizes(), at::IntArrayRef({kFive, kFive}));
  for (int t = 0; t < kFive; ++t) {
    for (int p = 0; p < kFive; ++p)
      EXPECT_EQ(counts[t][p].item<std::int64_t>(), expected.count(t, p)) << t << ' ' << p;
  }
  EXPECT_EQ(counts.sum().item<std::int64_t>(), 2 * 9 * 7 - 2 * 7);
}

// ---- pose ----

Labels one_joint(float x, float y, std::int64_t side) {
  return {.joints = at::tensor({x, y, 2.0F}).view({1, 1, 3}),
          .people = at::zeros({1, 2}),
          .height = side,
          .width = side};
}

TEST(HeatMaps, AreGaussiansOfHeightOneAboutTheJoint) {
  // Cell (x, y) of a grid of a quarter of the pixels is centred at pixel 4 x + 1.5.
  const HeatMaps maps = heat_maps(one_joint(4 * 5 + 1.5, 4 * 9 + 1.5, 64), 16, 16, 1.0 / 16);
  EXPECT_EQ(maps.maps.sizes(), at::IntArrayRef({1, 1, 16, 16}));
  EXPECT_NEAR(maps.maps[0][0][9][5].item<double>(), 1, 1e-6);
  EXPECT_NEAR(maps.maps[0][0][9][6].item<double>(), std::exp(-0.5), 1e-6);
  EXPECT_NEAR(maps.maps[0][0][7][4].item<double>(), std::exp(-2.5), 1e-6);
  // Far from the border, the sum over cells is the integral.
  EXPECT_NEAR(maps.maps.square().sum().item<double>(), maps.energy, 1e-3 * maps.energy);
}

TEST(HeatMaps, EmptyOnesHaveALossOfOne) {
  data::Skeleton nose;
  nose.joints = {"nose"};
  const PoseEstimation task(nose, {});
  for (const std::int64_t grid : {32, 48, 64}) {
    const Tensor nothing = at::zeros({1, 1, grid, grid});
    EXPECT_NEAR(task.loss(nothing, one_joint(30, 33, 64), {}).item<double>(), 1, 0.01) << grid;
  }
}

TEST(FoundJoints, AreAQuarterOfACellOffTowardsTheLargerNeighbour) {
  Tensor map = at::zeros({1, 8, 8});
  map[0][3][4] = 1.0;
  map[0][3][5] = 0.5;
  map[0][2][4] = 0.25;
  const auto joints = found_joints(map, 32, 64);
  EXPECT_DOUBLE_EQ(joints.at(0).x, (4.25 + 0.5) * 8 - 0.5);
  EXPECT_DOUBLE_EQ(joints.at(0).y, (2.75 + 0.5) * 4 - 0.5);
  EXPECT_DOUBLE_EQ(joints.at(0).confidence, 1);
  // At the border there is but one neighbour.
  map[0][0][0] = 2.0;
  EXPECT_DOUBLE_EQ(found_joints(map, 32, 64).at(0).x, 0.5 * 8 - 0.5);
}

TEST(FoundJoints, LieWithinAQuarterOfACellOfWhatTheMapsWereMadeFor) {
  core::Rng rng(5);
  for (int i = 0; i < 100; ++i) {
    const auto x = static_cast<float>(rng.uniform(6, 58));
    const auto y = static_cast<float>(rng.uniform(6, 58));
    const auto joints =
        found_joints(heat_maps(one_joint(x, y, 64), 16, 16, 2.0 / 64).maps[0], 64, 64);
    EXPECT_NEAR(joints.at(0).x, x, 0.25 * 4 + 1e-3);
    EXPECT_NEAR(joints.at(0).y, y, 0.25 * 4 + 1e-3);
  }
}

TEST(PoseEstimation, WithoutALabelledTorsoNothingCanBeScored) {
  const PoseEstimation task(skeleton(), {});
  data::Sample sample = task::sample(1);
  sample.pose->joints[4].visibility = data::Visibility::kAbsent;
  const auto measurement = task.measurement(network::Kernels::kFast);
  measurement->add(at::zeros({1, 6, 8, 8}), labels_of({sample}));
  try {
    measurement->scores();
    FAIL() << "scores of nothing";
  } catch (const core::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("labelled torso"));
  }
}

// ---- depth ----

TEST(DepthPrediction, SaysMetresInEachForm) {
  const auto said = [](DepthForm form, double number) {
    const DepthPrediction task({.form = form, .nearest = 0.5, .farthest = 8});
    return task.metres(at::full({1, 1, 2, 2}, number), 4, 4)[0][1][2].item<double>();
  };
  EXPECT_NEAR(said(DepthForm::kLinear, 3), 3, 1e-6);
  EXPECT_NEAR(said(DepthForm::kLog, std::log(3)), 3, 1e-5);
  EXPECT_NEAR(said(DepthForm::kInverse, 0.25), 4, 1e-6);
  for (const DepthForm form : {DepthForm::kLinear, DepthForm::kLog})
    EXPECT_NEAR(said(form, -20), 0.5, 1e-6);
  EXPECT_NEAR(said(DepthForm::kInverse, -20), 8, 1e-6);
  EXPECT_NEAR(said(DepthForm::kLinear, 1e6), 8, 1e-6);
}

TEST(DepthPrediction, LossesAreThePublishedOnes) {
  // Differences 1, -2 and 10; the fourth pixel is invalid.
  const Labels labels{
      .depth = at::tensor({1.0F, 4.0F, 2.0F, 0.0F}).view({1, 2, 2}), .height = 2, .width = 2};
  const Tensor output = at::tensor({2.0F, 2.0F, 12.0F, 99.0F}).view({1, 1, 2, 2});
  const auto loss = [&](DepthLoss kind) {
    return DepthPrediction({.form = DepthForm::kLinear, .loss = kind})
        .loss(output, labels, {})
        .item<double>();
  };
  EXPECT_NEAR(loss(DepthLoss::kL1), 13.0 / 3, 1e-6);
  EXPECT_NEAR(loss(DepthLoss::kBerhu), (1 + 2 + (100 + 4) / 4.0) / 3, 1e-5);
  EXPECT_NEAR(loss(DepthLoss::kScaleInvariant), 105.0 / 3 - 0.5 * 9, 1e-4);
}

TEST(DepthPrediction, BeyondItsBoundBerhuGrowsAsASquare) {
  const Labels labels{
      .depth = at::tensor({1.0F, 4.0F, 2.0F, 0.0F}).view({1, 2, 2}), .height = 2, .width = 2};
  Tensor output = at::tensor({2.0F, 2.0F, 12.0F, 99.0F}).view({1, 1, 2, 2}).requires_grad_(true);
  DepthPrediction({.form = DepthForm::kLinear}).loss(output, labels, {}).backward();
  // Signs within the bound of 2, difference / bound beyond, of three valid pixels.
  const Tensor expected = at::tensor({1.0F, -1.0F, 5.0F, 0.0F}) / 3;
  EXPECT_TRUE(at::allclose(output.grad().flatten(), expected)) << output.grad();
}

TEST(DepthPrediction, WithoutAValidDepthNothingCanBeScored) {
  const DepthPrediction task({});
  const auto measurement = task.measurement(network::Kernels::kFast);
  measurement->add(at::zeros({1, 1, 8, 8}),
                   {.depth = at::zeros({1, 8, 8}), .height = 8, .width = 8});
  EXPECT_THROW(measurement->scores(), core::Error);
}

// ---- several ----

TEST(SeveralTasks, LossesAreWeightedAndRewardsMultiplied) {
  const auto depth = std::make_shared<DepthPrediction>(DepthOptions{});
  const auto classes = std::make_shared<Segmentation>(kClasses);
  const SeveralTasks both({{depth, 2}, {classes, 0.5}});
  EXPECT_EQ(both.channels(), 1 + kClasses);
  EXPECT_EQ(both.name(), "depth and segmentation");
  const Labels labels = labels_of({sample(1), sample(2)});
  at::manual_seed(2);
  const Tensor output = at::randn({2, 1 + kClasses, 8, 8});
  const Tensor of_depth = output.narrow(1, 0, 1), of_classes = output.narrow(1, 1, kClasses);
  EXPECT_NEAR(both.loss(output, labels, {}).item<double>(),
              2 * depth->loss(of_depth, labels, {}).item<double>() +
                  0.5 * classes->loss(of_classes, labels, {}).item<double>(),
              1e-5);
  const auto scores = [&](const Task& task, const Tensor& own) {
    const auto measurement = task.measurement(network::Kernels::kFast);
    measurement->add(own, labels);
    return measurement->scores();
  };
  const objective::Scores all = scores(both, output);
  EXPECT_EQ(all.at("rmse"), scores(*depth, of_depth).at("rmse"));
  EXPECT_EQ(all.at("miou"), scores(*classes, of_classes).at("miou"));
  EXPECT_THAT(all.at("reward"),
              DoubleNear(std::sqrt(scores(*depth, of_depth).at("reward") *
                                   scores(*classes, of_classes).at("reward")),
                         1e-9));
}

// ---- options ----

std::string problem_of(const TaskOptions& options) {
  try {
    options.targets();
    return {};
  } catch (const core::Error& error) {
    return error.what();
  }
}

TEST(TaskOptions, NameWhatIsWrong) {
  EXPECT_EQ(problem_of({}), "");
  EXPECT_THAT(problem_of({.heads = {}}), HasSubstr("task.heads is empty"));
  EXPECT_THAT(problem_of({.heads = {"dept"}}), HasSubstr("did you mean 'depth'"));
  EXPECT_THAT(problem_of({.heads = {"pose", "pose"}}), HasSubstr("twice"));
  EXPECT_THAT(problem_of({.heads = {"pose"}, .weights = {1, 2}}), HasSubstr("task.weights has 2"));
  EXPECT_THAT(problem_of({.heads = {"depth"}, .depth = {.nearest = 20}}),
              HasSubstr("task.depth.nearest = 20"));
}

TEST(TargetOfScore, IsThatOfTheTaskWhoseScoreItIs) {
  const data::DatasetInfo info{
      .name = "toy",
      .format = "memory",
      .classes = std::vector<std::string>(kClasses, "class"),
      .palette = std::vector<data::Rgb>(kClasses),
      .targets = {data::Target::kClasses, data::Target::kDepth, data::Target::kPose},
      .skeleton = skeleton()};
  const std::vector<data::Sample> samples = {sample(1)};
  for (const char* head : {"segmentation", "depth", "pose"}) {
    const auto task = make_task({.heads = {head}}, info);
    const auto measurement = task->measurement(network::Kernels::kFast);
    measurement->add(at::zeros({1, task->channels(), 8, 8}), labels_of(samples));
    for (const auto& [score, value] : measurement->scores()) {
      if (score == "reward") continue;
      ASSERT_TRUE(target_of_score(score)) << score;
      EXPECT_TRUE(task->targets().contains(*target_of_score(score))) << score;
      // A study may name it as an objective.
      EXPECT_FALSE(objective::is_cost(objective::objective_by_name(score).name)) << score;
    }
  }
  EXPECT_FALSE(target_of_score("reward"));
  EXPECT_FALSE(target_of_score("params"));
}

TEST(TaskOptions, AskForLabelsThatTheSetHas) {
  try {
    make_task({.heads = {"pose"}}, {.name = "camvid", .format = "", .classes = {}, .palette = {}});
    FAIL() << "a pose of classes";
  } catch (const core::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("has no pose"));
  }
}

}  // namespace
}  // namespace parsimony::task
