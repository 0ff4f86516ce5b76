// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/trial.h"

#include <gtest/gtest.h>

namespace parsimony::study {
namespace {

TEST(TrialTest, OutcomesHaveNames) {
  EXPECT_EQ(kind_of(Scored{}), "scored");
  EXPECT_EQ(kind_of(Pruned{}), "pruned");
  EXPECT_EQ(kind_of(Failed{}), "failed");
}

TEST(TrialTest, FailureReasonsHaveNames) {
  EXPECT_EQ(name_of(FailureReason::kDiverged), "diverged");
  EXPECT_EQ(name_of(FailureReason::kOutOfMemory), "out of memory");
  EXPECT_EQ(name_of(FailureReason::kTimedOut), "timed out");
  EXPECT_EQ(name_of(FailureReason::kInterrupted), "interrupted");
  EXPECT_EQ(name_of(FailureReason::kError), "error");
}

TEST(TrialTest, ASearchLearnsFromScoresOnly) {
  const Outcome scored = Scored{{{"reward", 0.5}}};
  const Outcome stopped = Pruned{"stage 0", "hopeless", {{"reward", 0.1}}};
  const Outcome rejected = Pruned{"before training", "too large", {}};
  const Outcome failed = Failed{FailureReason::kDiverged, "loss is NaN"};
  ASSERT_NE(scores_of(scored), nullptr);
  EXPECT_EQ(scores_of(scored)->at("reward"), 0.5);
  ASSERT_NE(scores_of(stopped), nullptr);
  EXPECT_EQ(scores_of(stopped)->at("reward"), 0.1);
  EXPECT_EQ(scores_of(rejected), nullptr);
  EXPECT_EQ(scores_of(failed), nullptr);
}

}  // namespace
}  // namespace parsimony::study
