// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/compression.h"

#include <gtest/gtest.h>

namespace parsimony::study {
namespace {

Trial scored(TrialId id, std::string genotype, double miou, objective::Scores costs) {
  Trial trial;
  trial.id = id;
  trial.genotype = std::move(genotype);
  trial.costs = std::move(costs);
  trial.outcome = Scored{{{"miou", miou}}};
  return trial;
}

TEST(Compression, FindsTheBestThatIsCheapEnough) {
  const std::vector<Trial> trials = {
      scored(1, "[0,0]", 0.80, {{"macs", 100}, {"params", 100}}),
      scored(2, "[0,1]", 0.79, {{"macs", 91}, {"params", 50}}),  // too many MACs
      scored(3, "[1,0]", 0.70, {{"macs", 50}, {"params", 50}}),
      scored(4, "[1,1]", 0.77, {{"macs", 90}, {"params", 80}}),  // just cheap enough
      scored(5, "[2,1]", 0.78, {{"macs", 80}})};                 // nobody knows its parameters
  const Trial* whole = whole_supernet(trials);
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(whole->id, 1);
  const CompressionTarget& target = published_targets().at(0);
  const Trial* best = best_within(trials, target, whole->costs);
  ASSERT_NE(best, nullptr);
  EXPECT_EQ(best->id, 4);
  const QualityLoss loss = quality_loss(0.80, 0.77);
  EXPECT_NEAR(loss.points, 3, 1e-9);
  EXPECT_NEAR(loss.relative, 3.75, 1e-9);
  // Without that device nothing is known to be fast enough.
  EXPECT_EQ(best_within(trials, published_targets().at(1), whole->costs), nullptr);
}

TEST(Compression, UnscoredTrialsAreNoCandidates) {
  std::vector<Trial> trials = {scored(1, "[0]", 0.8, {{"macs", 100}, {"params", 100}}),
                               scored(2, "[1]", 0.7, {{"macs", 10}, {"params", 10}})};
  trials[1].outcome = Pruned{"stage 0", "hopeless", {{"miou", 0.7}}};
  EXPECT_EQ(best_within(trials, published_targets().at(0), trials[0].costs), nullptr);
}

TEST(Compression, OnlyPartsOfASupernetHaveAWhole) {
  EXPECT_EQ(whole_supernet({scored(1, "[[0],[[0,0]]]", 0.5, {}), scored(2, "[0,1]", 0.4, {})}),
            nullptr);
}

}  // namespace
}  // namespace parsimony::study
