// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/finalists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parsimony::run {
namespace {

study::Trial scored(study::TrialId id, double quality, double params) {
  study::Trial trial;
  trial.id = id;
  trial.state = study::TrialState::kDone;
  trial.canonical_id = std::to_string(id);
  trial.costs = {{"params", params}};
  trial.outcome = study::Scored{{{"reward", quality}, {"miou", quality}}};
  return trial;
}

std::vector<study::TrialId> ids_of(const std::vector<study::Trial>& trials) {
  std::vector<study::TrialId> ids;
  for (const study::Trial& trial : trials) ids.push_back(trial.id);
  return ids;
}

TEST(ChooseFinalists, TheBestFirstThenTheFrontDownToItsCheapEnd) {
  std::vector<study::Trial> trials;
  for (int i = 1; i <= 9; ++i)
    trials.push_back(scored(i, 0.1 * i, 1000.0 * i));  // all on the front
  trials.push_back(scored(10, 0.05, 9000));            // dominated
  study::Trial failed = scored(11, 1, 1);
  failed.outcome = study::Failed{study::FailureReason::kDiverged, ""};
  trials.push_back(failed);
  EXPECT_THAT(ids_of(choose_finalists(trials, {"miou", "params"}, 1)), ::testing::ElementsAre(9));
  EXPECT_THAT(ids_of(choose_finalists(trials, {"miou", "params"}, 3)),
              ::testing::ElementsAre(9, 5, 1));
  EXPECT_EQ(choose_finalists(trials, {"miou", "params"}, 100).size(), 9u);
}

TEST(ChooseFinalists, ByHypervolumeTakesKneeAndEndsBeforeWhatAddsMost) {
  // Quality against parameters: a front with a bulge at 3 and hardly anything between 4 and 5.
  const std::vector<study::Trial> trials = {scored(1, 0.10, 1000),
                                            scored(2, 0.30, 2000),
                                            scored(3, 0.80, 3000),
                                            scored(4, 0.85, 7000),
                                            scored(5, 0.90, 9000),
                                            scored(6, 0.20, 9000)};  // dominated
  const auto chosen = [&](int count) {
    return ids_of(choose_finalists(trials, {"miou", "params"}, count, FinalistRule::kHypervolume));
  };
  EXPECT_THAT(chosen(1), ::testing::ElementsAre(3));
  EXPECT_THAT(chosen(3), ::testing::ElementsAre(3, 5, 1));
  EXPECT_THAT(chosen(4), ::testing::ElementsAre(3, 5, 1, 2));
  EXPECT_THAT(chosen(100), ::testing::ElementsAre(3, 5, 1, 2, 4));
}

TEST(ChooseFinalists, OfNothingIsNothing) {
  EXPECT_TRUE(choose_finalists({}, {"miou", "params"}, 3).empty());
  EXPECT_TRUE(choose_finalists({}, {"miou", "params"}, 3, FinalistRule::kHypervolume).empty());
  EXPECT_TRUE(choose_finalists({scored(1, 0.5, 10)}, {"miou"}, 0).empty());
}

}  // namespace
}  // namespace parsimony::run
