// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/finalise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/run/model.h"

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

TEST(ChooseFinalists, OfNothingIsNothing) {
  EXPECT_TRUE(choose_finalists({}, {"miou", "params"}, 3).empty());
  EXPECT_TRUE(choose_finalists({scored(1, 0.5, 10)}, {"miou"}, 0).empty());
}

TEST(Paint, MixesColoursWithThePicture) {
  data::Image picture(2, 1);
  picture.pixels = {100, 100, 100, 100, 100, 100};
  data::LabelMap labels(2, 1);
  labels.ids = {1, 255};
  const data::Image painted = paint(labels, picture, {{0, 0, 0}, {200, 0, 50}}, 0.5);
  EXPECT_THAT(painted.pixels, ::testing::ElementsAre(150, 50, 75, 178, 178, 178));
}

TEST(MetricsJson, HasTheContractsKeys) {
  metric::ConfusionMatrix matrix(3);
  matrix.set(0, 0, 3);
  matrix.set(1, 0, 1);
  EXPECT_EQ(metrics_json(matrix, {"a", "b", "c"}, {{"both", {0, 1}}, {"none", {2}}}, 2),
            R"({"miou":0.375,"iou":[0.75,0.0,null],"f1":[0.8571428571428571,0.0,null],)"
            R"("groups":{"both":1.0,"none":null},"foreground_iou":0.0,)"
            R"("pixel_accuracy":0.75,"mean_accuracy":0.5,"fwiou":0.5625,)"
            R"("images":2,"classes":["a","b","c"]})");
}

}  // namespace
}  // namespace parsimony::run
