// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"
#include "parsimony/study/testing.h"

namespace parsimony::study {
namespace {

using objective::Objective;
using objective::objective_by_name;
using objective::Point;
using testing::DoubleEq;
using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<Objective>& objectives() {
  static const std::vector<Objective> both{objective_by_name("miou"), objective_by_name("params")};
  return both;
}

Trial timed(Trial trial, double started, double seconds) {
  trial.started = started;
  trial.seconds = seconds;
  return trial;
}

Trial scored_trial(TrialId id, double miou, double params) {
  Trial trial = done_trial(id, Scored{{{"miou", miou}}});
  trial.costs = {{"params", params}};
  return trial;
}

std::vector<TrialId> ids_of(const Front& front) {
  std::vector<TrialId> ids;
  for (const FrontTrial& trial : front.trials) ids.push_back(trial.id);
  return ids;
}

TEST(SummaryTest, EachSettingHasItsOwnBest) {
  const std::vector<objective::Scalarization> rewards = {
      objective::parse_scalarization("miou"),
      objective::parse_scalarization("miou * (params / 100)^-1")};
  std::vector<Trial> trials = {scored_trial(1, 0.9, 400),
                               scored_trial(2, 0.9, 400),
                               scored_trial(3, 0.5, 100),
                               scored_trial(4, 0.8, 200),
                               done_trial(5, Failed{})};
  trials[1].setting = trials[2].setting = trials[3].setting = trials[4].setting = 1;
  const auto settings = summarize_settings(trials, rewards);
  ASSERT_EQ(settings.size(), 2U);
  EXPECT_EQ(settings[0].trials, 1U);
  EXPECT_EQ(settings[0].best->trial, 1);
  EXPECT_EQ(settings[1].trials, 4U);
  EXPECT_EQ(settings[1].scored, 3U);
  EXPECT_EQ(settings[1].best->trial, 3);
  EXPECT_DOUBLE_EQ(settings[1].best->reward, 0.5);
}

// --- summarize ---

TEST(SummaryTest, AnEmptyStudy) {
  const StudySummary summary = summarize({}, {}, {});
  EXPECT_EQ(summary.trials, 0U);
  EXPECT_FALSE(summary.best.has_value());
  EXPECT_EQ(summary.elapsed_seconds, 0);
  EXPECT_EQ(summary.candidates_per_hour, 0);
}

TEST(SummaryTest, CountsOutcomes) {
  Trial copy = done_trial(3, Scored{{{"reward", 0.5}}});
  copy.same_as = 1;
  const std::vector<Trial> trials{done_trial(1, Scored{{{"reward", 0.5}}}),
                                  done_trial(2, Scored{{{"reward", 0.25}}}),
                                  copy,
                                  done_trial(4, Pruned{"before training", "too large", {}}),
                                  done_trial(5, Pruned{"stage 0", "", {{"reward", 0.9}}}),
                                  done_trial(6, Failed{FailureReason::kDiverged, ""}),
                                  done_trial(7, Failed{FailureReason::kDiverged, ""}),
                                  done_trial(8, Failed{FailureReason::kTimedOut, ""}),
                                  running_trial(9)};
  const StudySummary summary = summarize(trials, {{1, "models/1", {}, 10}}, {});
  EXPECT_EQ(summary.trials, 9U);
  EXPECT_EQ(summary.running, 1U);
  EXPECT_EQ(summary.scored, 3U);
  EXPECT_EQ(summary.pruned, 2U);
  EXPECT_EQ(summary.failed, 3U);
  EXPECT_THAT(summary.failures,
              ElementsAre(std::pair(FailureReason::kDiverged, 2U),
                          std::pair(FailureReason::kTimedOut, 1U)));
  EXPECT_EQ(summary.duplicates, 1U);
  EXPECT_EQ(summary.measured, 3U);
  EXPECT_EQ(summary.final_models, 1U);
  // Not the pruned one, whose reward is of another stage; of equal ones the first.
  ASSERT_TRUE(summary.best.has_value());
  EXPECT_EQ(summary.best->id, 1);
}

TEST(SummaryTest, PausesBetweenSessionsDoNotCount) {
  const std::vector<Event> events{{1, 1000, "started", ""},
                                  {2, 1040, "warning", ""},
                                  {3, 5000, "resumed", ""},
                                  {4, 5100, "finished", ""}};
  const std::vector<Trial> trials{
      timed(done_trial(1, Scored{{{"reward", 1}}}), 1010, 20),
      timed(done_trial(2, Scored{{{"reward", 1}}}), 1030, 30),  // to 1060, after the last event
      timed(done_trial(3, Scored{{{"reward", 1}}}), 5010, 30)};
  const StudySummary summary = summarize(trials, {{1, "", {}, 50}}, events);
  EXPECT_EQ(summary.elapsed_seconds, 60 + 100);
  EXPECT_EQ(summary.search_seconds, 60 + 40);
  EXPECT_EQ(summary.compute_seconds, 20 + 30 + 30 + 50);
  EXPECT_EQ(summary.candidates_per_hour, 3 * 3600.0 / 100);
}

TEST(SummaryTest, SessionsSideBySideCountOnce) {
  // A worker of the first session works on while a second one starts.
  const std::vector<Event> events{
      {1, 100, "started", ""}, {2, 150, "resumed", ""}, {3, 160, "finished", ""}};
  const std::vector<Trial> trials{timed(done_trial(1, Scored{}), 110, 90)};
  EXPECT_EQ(summarize(trials, {}, events).elapsed_seconds, 100);
}

TEST(SummaryTest, AKilledSessionLastsToItsLastTrial) {
  // Trial 2 was running when the session was killed: known to have begun, not when it ended.
  const std::vector<Event> events{{1, 100, "started", ""}, {2, 900, "resumed", ""}};
  const std::vector<Trial> trials{timed(done_trial(1, Scored{}), 110, 20),
                                  timed(running_trial(2), 135, 0)};
  EXPECT_EQ(summarize(trials, {}, events).elapsed_seconds, 35);
}

TEST(SummaryTest, WithoutEventsTrialsTellTheTime) {
  const std::vector<Trial> trials{timed(done_trial(1, Scored{{{"reward", 1}}}), 100, 10),
                                  timed(done_trial(2, Scored{{{"reward", 1}}}), 105, 15)};
  const StudySummary summary = summarize(trials, {}, {});
  EXPECT_EQ(summary.elapsed_seconds, 20);
  EXPECT_EQ(summary.candidates_per_hour, 360);
}

// --- the front ---

TEST(FrontTest, ReadsScoresAndCostsAndFindsFinalModels) {
  const std::vector<Trial> trials{
      scored_trial(1, 0.5, 100),
      scored_trial(2, 0.4, 200),  // dominated
      scored_trial(3, 0.7, 300),
      scored_trial(4, 0.5, 100),               // equal to 1
      done_trial(5, Scored{{{"miou", 0.9}}}),  // no params
      done_trial(6, Failed{}),
      done_trial(7, Pruned{"stage 0", "", {{"miou", 1}, {"params", 1}}}),
      running_trial(8)};
  const FinalModel model{3, "models/3", {{"miou", 0.8}}, 60};
  const Front front = front_of(trials, {model}, objectives());
  EXPECT_THAT(ids_of(front), ElementsAre(1, 3));
  EXPECT_EQ(front.trials[0].final_model, std::nullopt);
  EXPECT_EQ(front.trials[1].final_model, model);
  EXPECT_EQ(front.trials[1].scores, (objective::Scores{{"miou", 0.7}}));
  EXPECT_EQ(front.trials[1].costs, (objective::Scores{{"params", 300}}));
  EXPECT_EQ(front.scale.ideal, (Point{-0.7, 100}));
  EXPECT_EQ(front.scale.reference, (Point{-0.4, 300}));
  // Trial 1 is at (2/3, 0), trial 3 at the reference's edge.
  EXPECT_DOUBLE_EQ(front.hypervolume, 1.0 / 3);
}

TEST(FrontTest, MeasuredScoresAreBelievedOverCosts) {
  Trial measured = scored_trial(1, 0.5, 100);
  std::get<Scored>(*measured.outcome).scores["params"] = 50;
  EXPECT_EQ(front_of({measured}, {}, objectives()).scale.ideal, (Point{-0.5, 50}));
}

TEST(FrontTest, WithNothingToCompareTheHypervolumeIsZero) {
  EXPECT_THAT(front_of({}, {}, objectives()).trials, IsEmpty());
  EXPECT_EQ(front_of({}, {}, objectives()).hypervolume, 0);
  const Front one = front_of({scored_trial(1, 0.5, 100)}, {}, objectives());
  EXPECT_THAT(ids_of(one), ElementsAre(1));
  EXPECT_EQ(one.hypervolume, 0);
}

TEST(FrontTest, AnObjectiveInWhichAllAgreeIsLeftOut) {
  const std::vector<Trial> trials{
      scored_trial(1, 0.5, 100), scored_trial(2, 0.5, 300), scored_trial(3, 0.5, 200)};
  EXPECT_EQ(front_of(trials, {}, objectives()).hypervolume, 1);
}

TEST(FrontTest, AGivenScaleMakesStudiesComparable) {
  const Scale scale{{-1.0, 0}, {0.0, 400}};
  const std::vector<Trial> trials{scored_trial(1, 0.5, 200)};
  EXPECT_EQ(front_of(trials, {}, objectives(), scale).hypervolume, 0.25);
  // Beyond the ideal there is nothing more to win.
  const Scale modest{{-0.25, 300}, {0.0, 400}};
  EXPECT_EQ(front_of(trials, {}, objectives(), modest).hypervolume, 1);
  EXPECT_THROW(front_of(trials, {}, objectives(), Scale{{0}, {1}}), core::Error);
}

TEST(FrontTest, HypervolumeOverTimeCountsEveryDoneTrial) {
  const std::vector<Trial> trials{done_trial(1, Failed{}),
                                  scored_trial(2, 0.4, 300),
                                  running_trial(3),
                                  scored_trial(4, 0.6, 200),
                                  scored_trial(5, 0.5, 250),
                                  scored_trial(6, 0.8, 100)};
  EXPECT_THAT(hypervolume_over_time(trials, objectives()),
              ElementsAre(0, 0, DoubleEq(0.25), DoubleEq(0.25), 1));
}

TEST(FrontTest, HypervolumeOverTimeNeverFallsAndEndsAtTheFront) {
  core::Rng rng(4);
  std::vector<Objective> three = objectives();
  three.push_back(objective_by_name("latency_ms"));
  std::vector<Trial> trials;
  for (TrialId id = 1; id <= 200; ++id) {
    trials.push_back(scored_trial(id, rng.uniform(), rng.uniform(1e5, 1e6)));
    trials.back().costs["latency_ms"] = rng.uniform(1, 50);
  }
  const std::vector<double> volumes = hypervolume_over_time(trials, three);
  ASSERT_EQ(volumes.size(), trials.size());
  for (std::size_t i = 1; i < volumes.size(); ++i) ASSERT_GE(volumes[i], volumes[i - 1]);
  EXPECT_NEAR(volumes.back(), front_of(trials, {}, three).hypervolume, 1e-12);
  EXPECT_LE(volumes.back(), 1);
}

}  // namespace
}  // namespace parsimony::study
