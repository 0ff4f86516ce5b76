// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/subsample_and_measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "parsimony/core/error.h"
#include "parsimony/evaluate/supernet_for_test.h"
#include "parsimony/task/segmentation.h"
#include "parsimony/train/measure.h"

namespace parsimony::evaluate {
namespace {

using testing::HasSubstr;

const supernet::SupernetSpace& test_space() {
  static const supernet::SupernetSpace space(test_supernet().supernet);
  return space;
}

SubsampleData test_data(const CostOptions& costs = {}) {
  const TestSupernet& test = test_supernet();
  return {.weights = test.weights,
          .pictures = test.pictures,
          .classes = test.classes,
          .costs = Costs({64, 64}, costs)};
}

SubsampleAndMeasure make_evaluator(const SubsampleOptions& options = {},
                                   SubsampleData data = test_data()) {
  return {test_space(), std::move(data), options, {}, {"params", "macs"}};
}

space::Tokens whole() {
  return test_space().landmarks()[0];
}
space::Tokens smallest() {
  return test_space().landmarks()[1];
}

Evaluation evaluate(SubsampleAndMeasure& evaluator,
                    study::TrialId trial,
                    const space::Tokens& tokens) {
  const core::StopFlag stop;
  return evaluator.evaluate(trial, tokens, stop);
}

// A scored trial with these first pictures' mean IoU and costs.
study::Trial history(study::TrialId id, double miou, double params, double macs) {
  study::Trial trial;
  trial.id = id;
  trial.state = study::TrialState::kDone;
  trial.costs = {{"params", params}, {"macs", macs}};
  trial.outcome = study::Scored{{{"miou", miou}}};
  trial.observations = {{0, 0, miou, 0, true}};
  return trial;
}

TEST(SubsampleAndMeasure, PreparesCostsIdentityAndLimits) {
  const SubsampleAndMeasure evaluator = make_evaluator();
  const Prepared large = evaluator.prepare(whole());
  const Prepared small = evaluator.prepare(smallest());
  EXPECT_EQ(large.genotype, test_space().text(whole()));
  EXPECT_EQ(large.canonical_id.size(), 16u);
  EXPECT_NE(large.canonical_id, small.canonical_id);
  EXPECT_FALSE(large.rejection);
  EXPECT_GT(large.costs.at("params"), small.costs.at("params"));
  EXPECT_GT(large.costs.at("macs"), small.costs.at("macs"));

  const std::string limit =
      fmt::format("params <= {}", small.costs.at("params") + 1);  // room for the smallest
  const SubsampleAndMeasure strict =
      make_evaluator({}, test_data({.devices = {}, .measured = {}, .constraints = {limit}}));
  EXPECT_FALSE(strict.prepare(smallest()).rejection);
  const Prepared rejected = strict.prepare(whole());
  ASSERT_TRUE(rejected.rejection);
  EXPECT_THAT(rejected.rejection->why, HasSubstr("breaks the constraint params <= "));
  EXPECT_GT(rejected.violation, 0);
}

// The supernet with its own statistics is what it was trained to be.
TEST(SubsampleAndMeasure, TheWholeSupernetScoresAsEver) {
  SubsampleAndMeasure evaluator = make_evaluator({.batch_norm = BatchNormMode::kFrozen});
  const Evaluation evaluation = evaluate(evaluator, 1, whole());
  ASSERT_TRUE(std::holds_alternative<study::Scored>(evaluation.outcome));
  const objective::Scores& scores = std::get<study::Scored>(evaluation.outcome).scores;

  const TestSupernet& test = test_supernet();
  network::Network network(test.supernet.graph, core::Rng(1), {});
  network.load(test.weights, "the test");
  std::vector<data::Sample> samples;
  for (const PictureBatch& batch : test.pictures.validation)
    samples.insert(samples.end(), batch.begin(), batch.end());
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  const objective::Scores plain =
      train::measure_on_pictures(
          network, samples, task::Segmentation(test.classes), {log, progress, stop, 1}, "test")
          .value();
  ASSERT_EQ(scores.size(), plain.size());
  for (const auto& [name, value] : plain) EXPECT_NEAR(scores.at(name), value, 1e-3) << name;
  EXPECT_GT(plain.at("miou"), 0);
  ASSERT_EQ(evaluation.observations.size(), 1u);
  EXPECT_EQ(evaluation.observations[0].stage, 0);
  EXPECT_EQ(evaluation.observations[0].validation, 0);
  EXPECT_TRUE(evaluation.observations[0].continued);
  EXPECT_GT(evaluator.usage().macs, 0);
}

TEST(SubsampleAndMeasure, StatisticsMakeADifferenceForAPart) {
  SubsampleAndMeasure frozen = make_evaluator({.batch_norm = BatchNormMode::kFrozen});
  SubsampleAndMeasure recalibrated = make_evaluator();
  const auto of_frozen = evaluate(frozen, 1, smallest());
  const auto of_recalibrated = evaluate(recalibrated, 1, smallest());
  ASSERT_NE(study::scores_of(of_frozen.outcome), nullptr);
  ASSERT_NE(study::scores_of(of_recalibrated.outcome), nullptr);
  EXPECT_NE(*study::scores_of(of_frozen.outcome), *study::scores_of(of_recalibrated.outcome));
}

TEST(SubsampleAndMeasure, GivesUpWhatAnEarlierOneDominates) {
  const core::StopFlag stop;
  struct Case {
    double miou, params, macs, abandon;
    bool pruned;
  };
  // Nobody beats a perfect score at no cost; everything else is a chance.
  for (const Case& c : {Case{1, 1, 1, 3, true},
                        Case{1, 1, 1, 0, false},
                        Case{1, 1, 1e12, 3, false},
                        Case{1, 1e12, 1, 3, false},
                        Case{1, 1, 1, 1e6, false},
                        Case{0, 1, 1, 3, false}}) {
    SubsampleAndMeasure evaluator = make_evaluator({.abandon = c.abandon});
    evaluator.replay(history(7, c.miou, c.params, c.macs));
    const Evaluation evaluation = evaluate(evaluator, 8, smallest());
    const auto* pruned = std::get_if<study::Pruned>(&evaluation.outcome);
    ASSERT_EQ(pruned != nullptr, c.pruned) << c.miou << " " << c.params << " " << c.macs;
    ASSERT_EQ(evaluation.observations.size(), 1u);
    EXPECT_EQ(evaluation.observations[0].continued, !c.pruned);
    if (!c.pruned) continue;
    EXPECT_EQ(pruned->where, "after 6 of 9 pictures");
    EXPECT_THAT(pruned->why, HasSubstr("dominated by trial 7: mIoU 1.0000 against "));
    EXPECT_EQ(pruned->scores.at("miou"), evaluation.observations[0].value);
  }
}

// A study that was killed and continued decides as one that was not.
TEST(SubsampleAndMeasure, ReplayRestoresWhatWasKnown) {
  const std::vector<space::Tokens> order = {whole(), smallest(), test_space().landmarks()[2]};
  // So few standard errors that every lesser candidate that costs more is given up.
  const SubsampleOptions options{.abandon = 1e-9};
  SubsampleAndMeasure through = make_evaluator(options);
  SubsampleAndMeasure first = make_evaluator(options);
  study::TrialId id = 0;
  std::vector<study::Trial> done;
  for (const space::Tokens& tokens : order) {
    const Evaluation expected = evaluate(through, ++id, tokens);
    SubsampleAndMeasure continued = make_evaluator(options);
    for (const study::Trial& trial : done) continued.replay(trial);
    const Evaluation found = evaluate(continued, id, tokens);
    EXPECT_EQ(found.outcome, expected.outcome);
    EXPECT_EQ(found.observations, expected.observations);
    study::Trial trial;
    trial.id = id;
    trial.outcome = found.outcome;
    trial.observations = found.observations;
    trial.costs = through.prepare(tokens).costs;
    done.push_back(trial);
  }
}

// Only what was measured to the end is held against others, and copies of it are not.
TEST(SubsampleAndMeasure, FailuresPrunedOnesAndCopiesDominateNobody) {
  SubsampleAndMeasure evaluator = make_evaluator();
  study::Trial pruned = history(1, 1, 1, 1);
  pruned.outcome = study::Pruned{"after 6 of 9 pictures", "dominated", {{"miou", 1}}};
  study::Trial failed = history(2, 1, 1, 1);
  failed.outcome = study::Failed{study::FailureReason::kError, "no"};
  study::Trial copy = history(3, 1, 1, 1);
  copy.observations.clear();
  copy.same_as = 1;
  for (const study::Trial& trial : {pruned, failed, copy}) evaluator.replay(trial);
  EXPECT_TRUE(std::holds_alternative<study::Scored>(evaluate(evaluator, 4, smallest()).outcome));
}

TEST(SubsampleAndMeasure, StopsAndFailuresAreOutcomes) {
  SubsampleAndMeasure evaluator = make_evaluator();
  core::StopFlag stop;
  stop.request();
  const Evaluation stopped = evaluator.evaluate(1, whole(), stop);
  EXPECT_EQ(std::get<study::Failed>(stopped.outcome).reason, study::FailureReason::kInterrupted);
  EXPECT_TRUE(stopped.observations.empty());

  SubsampleData overflowing = test_data();
  for (auto& [name, array] : overflowing.weights.arrays) {
    if (!name.starts_with("decoder.") || !name.ends_with(".weight")) continue;
    array = network::to_array(network::to_tensor(array) * 1e20);
  }
  SubsampleAndMeasure broken =
      make_evaluator({.batch_norm = BatchNormMode::kFrozen}, std::move(overflowing));
  const Evaluation failed = evaluate(broken, 1, whole());
  ASSERT_TRUE(std::holds_alternative<study::Failed>(failed.outcome));
  EXPECT_EQ(std::get<study::Failed>(failed.outcome).reason, study::FailureReason::kDiverged);
  EXPECT_THAT(std::get<study::Failed>(failed.outcome).message, HasSubstr("not finite"));
}

// Of a mean, the jackknife gives the standard error that everybody knows.
TEST(MiouStandardError, IsThatOfTheJackknife) {
  std::vector<metric::ConfusionMatrix> batches;
  EXPECT_TRUE(std::isinf(miou_standard_error(batches)));
  // One class right in so many of 10 pixels and the rest another one's: all that moves the mean is
  // the accuracy of equal batches.
  const std::vector<std::int64_t> right = {9, 7, 8, 4};
  for (const std::int64_t n : right) {
    batches.emplace_back(1);
    batches.back().set(0, 0, n);
  }
  EXPECT_NEAR(miou_standard_error(batches), 0, 1e-12);  // one class is always right
  batches.clear();
  std::vector<double> without;
  for (const std::int64_t n : right) {
    batches.emplace_back(2);
    batches.back().set(0, 0, n);
    batches.back().set(0, 1, 10 - n);
    batches.back().set(1, 1, 10);
  }
  double mean = 0;
  for (std::size_t out = 0; out < right.size(); ++out) {
    double hit = 0;
    for (std::size_t b = 0; b < right.size(); ++b)
      hit += b == out ? 0 : static_cast<double>(right[b]);
    without.push_back((hit / 30 + 30 / (60 - hit)) / 2);  // IoU of either class, by hand
    mean += without.back() / 4;
  }
  double variance = 0;
  for (const double value : without) variance += 0.75 * (value - mean) * (value - mean);
  EXPECT_GT(variance, 0);
  EXPECT_NEAR(miou_standard_error(batches), std::sqrt(variance), 1e-12);
}

std::vector<data::Sample> blanks(const std::vector<std::int64_t>& sides) {
  std::vector<data::Sample> samples;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    samples.push_back({data::Image(sides[i], 8), data::LabelMap(sides[i], 8)});
    samples.back().image.at(0, 0)[0] = static_cast<std::uint8_t>(i);  // which one it is
  }
  return samples;
}

TEST(BatchesOf, HoldPicturesOfOneSize) {
  const auto batches = batches_of(blanks({8, 16, 8, 16, 8, 24, 8, 8}), 2);
  std::vector<std::vector<int>> members;
  for (const PictureBatch& batch : batches) {
    members.emplace_back();
    for (const data::Sample& sample : batch) {
      EXPECT_EQ(sample.image.width, batch[0].image.width);
      members.back().push_back(sample.image.pixels[0]);
    }
  }
  EXPECT_EQ(members, (std::vector<std::vector<int>>{{0, 2}, {1, 3}, {4, 6}, {5}, {7}}));
}

TEST(ChoosePictures, TakesAShareAndAsManyTrainingPicturesAsThereAre) {
  const SubsampleOptions options{.pictures = 0.5, .calibration = 5, .batch = 2};
  const auto choose = [&](std::uint64_t seed, std::int64_t training, BatchNormMode mode) {
    SubsampleOptions wanted = options;
    wanted.batch_norm = mode;
    std::set<std::int64_t> read;
    return choose_pictures(
        test_samples(9, 16, 1),
        training,
        [&](std::int64_t i) {
          EXPECT_TRUE(i >= 0 && i < training && read.insert(i).second) << i;
          return test_samples(1, 16, static_cast<std::uint64_t>(i))[0];
        },
        data::kPartCount,
        wanted,
        core::Rng(seed));
  };
  const auto count = [](const std::vector<PictureBatch>& batches) {
    std::size_t sum = 0;
    for (const PictureBatch& batch : batches) sum += batch.size();
    return sum;
  };
  const SubsamplePictures pictures = choose(1, 40, BatchNormMode::kRecalibrated);
  EXPECT_EQ(count(pictures.validation), 5u);
  EXPECT_EQ(count(pictures.calibration), 4u);  // two pairs; a lone picture has no statistics
  EXPECT_EQ(count(choose(1, 2, BatchNormMode::kRecalibrated).calibration), 2u);
  EXPECT_TRUE(choose(1, 40, BatchNormMode::kFrozen).calibration.empty());
  const SubsamplePictures again = choose(1, 40, BatchNormMode::kRecalibrated);
  const SubsamplePictures other = choose(2, 40, BatchNormMode::kRecalibrated);
  EXPECT_EQ(pictures.calibration[0][0].image, again.calibration[0][0].image);
  EXPECT_EQ(pictures.validation[0][0].image, again.validation[0][0].image);
  EXPECT_NE(pictures.calibration[0][0].image, other.calibration[0][0].image);
}

TEST(ChoosePictures, PicturesThatDoNotSufficeAreUserErrors) {
  const auto error_of = [](const SubsampleOptions& options, std::vector<std::int64_t> sides) {
    return supernet::error_of([&] {
      choose_pictures(
          blanks({8, 8}),
          std::ssize(sides),
          [&](std::int64_t i) { return blanks({sides[static_cast<std::size_t>(i)]})[0]; },
          2,
          options,
          core::Rng(1));
    });
  };
  EXPECT_THAT(
      error_of({.pictures = 0.1}, {8, 8}),
      testing::AllOf(HasSubstr("subset of 0 pictures of the 2"), HasSubstr("supernet.pictures")));
  EXPECT_THAT(error_of({}, {8, 16, 24}),
              testing::AllOf(HasSubstr("none of the 3 chosen ones"), HasSubstr("data.view")));
  EXPECT_EQ(error_of({}, {8, 16, 8}), "no error");
}

}  // namespace
}  // namespace parsimony::evaluate
