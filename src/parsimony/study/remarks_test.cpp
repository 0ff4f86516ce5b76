// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/remarks.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/study/testing.h"

namespace parsimony::study {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> remarks(const std::vector<Trial>& trials) {
  return remarks_on(trials,
                    {objective::objective_by_name("miou"), objective::objective_by_name("params")});
}

Trial scored(TrialId id, double miou, double params) {
  Trial trial = done_trial(id, Scored{{{"miou", miou}}});
  trial.costs = {{"params", params}};
  trial.canonical_id = fmt::format("network {}", id);
  return trial;
}

Trial rejected(TrialId id, double params) {
  Trial trial = done_trial(id, Pruned{"before training", "breaks params <= 10", {}});
  trial.costs = {{"params", params}};
  return trial;
}

TEST(Remarks, AStudyAsItShouldBeHasNone) {
  EXPECT_THAT(remarks({}), IsEmpty());
  std::vector<Trial> trials = {running_trial(1)};
  for (int i = 2; i < 20; ++i) trials.push_back(scored(i, 0.01 * i, 100 + i));
  for (int i = 20; i < 25; ++i) trials.push_back(rejected(i, 500));
  EXPECT_THAT(remarks(trials), IsEmpty());
}

TEST(Remarks, AConstraintThatNobodyMeetsIsToldWithWhatThereIs) {
  std::vector<Trial> trials;
  for (int i = 1; i <= 9; ++i) trials.push_back(rejected(i, 100 * i));
  EXPECT_THAT(remarks(trials), IsEmpty()) << "too early to say";
  trials.push_back(rejected(10, 1000));
  EXPECT_THAT(remarks(trials),
              ElementsAre(AllOf(HasSubstr("All 10 candidates were rejected"),
                                HasSubstr("breaks params <= 10"),
                                HasSubstr("params from 100 to 1000"))));
  for (int i = 11; i <= 19; ++i) trials.push_back(scored(i, 0.1 * i, i));
  EXPECT_THAT(remarks(trials), ElementsAre(HasSubstr("10 of 19 candidates were rejected")));
  trials.push_back(scored(20, 0.5, 5));
  EXPECT_THAT(remarks(trials), IsEmpty());
}

TEST(Remarks, AnObjectiveThatNeverChangesIsTold) {
  std::vector<Trial> trials;
  for (int i = 1; i <= 5; ++i) trials.push_back(scored(i, 0.5, i));
  EXPECT_THAT(remarks(trials), ElementsAre(HasSubstr("objective miou is the same for all 5")));
  // Copies of one network must agree.
  for (Trial& trial : trials) trial.canonical_id = "one";
  EXPECT_THAT(remarks(trials), IsEmpty());
}

TEST(Remarks, CandidatesWithoutAnObjectiveAreCounted) {
  Trial trial = scored(1, 0.5, 5);
  trial.costs.clear();
  EXPECT_THAT(remarks({trial, scored(2, 0.6, 3)}),
              ElementsAre(HasSubstr("1 scored candidates have no params")));
}

TEST(Remarks, EstimatesAmongMeasurementsAreCounted) {
  std::vector<Trial> trials = {scored(1, 0.5, 5), scored(2, 0.6, 3)};
  trials[1].costs["latency_ms.board"] = 4;
  trials[1].costs["latency_estimated.board"] = 1;
  EXPECT_THAT(remarks(trials), ElementsAre(HasSubstr("latency on board of 1 of 2 candidates")));
}

TEST(Remarks, FailuresThatPileUpAreToldWithTheLastReason) {
  std::vector<Trial> trials;
  for (int i = 1; i <= 12; ++i)
    trials.push_back(done_trial(i, Failed{FailureReason::kOutOfMemory, "12 GiB"}));
  EXPECT_THAT(
      remarks(trials),
      ElementsAre(HasSubstr("12 of 12 candidates failed, the last one: out of memory, 12 GiB")));
}

}  // namespace
}  // namespace parsimony::study
