// SPDX-License-Identifier: Apache-2.0
// Studies of every task, from synthetic pictures to exported networks: what is predicted changes,
// how it is searched, trained, exported and reported does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "parsimony/core/files.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/study/store.h"
#include "program.h"

namespace parsimony {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Json = nlohmann::json;

struct Case {
  std::string name, scene, heads, objective;
  std::vector<std::string> scores;       // of the metrics
  std::vector<std::string> predictions;  // what follows a picture's name
};

class TaskStudy : public StudyTest, public testing::WithParamInterface<Case> {};

TEST_P(TaskStudy, EndsInExportedNetworksThatPredictTheSame) {
  const auto& [name, scene, heads, objective, scores, predictions] = GetParam();
  const Answer run = search("run",
                            {"--set",
                             "data.synth.scene=" + scene,
                             "--set",
                             "task.heads=[" + heads + "]",
                             "--set",
                             "objectives=[" + objective + ", params]",
                             "--set",
                             "budget.trials=3",
                             "--set",
                             "final.count=1"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(core::read_text_file(file("run") + "/report.html"), HasSubstr("Sample predictions"));
  EXPECT_THAT(run.err, HasSubstr("without looking (the mean label): test "));

  ASSERT_EQ(synth("data", {"scene=" + scene}).code, 0);
  const fs::path model = fs::directory_iterator(file("run") + "/models")->path();
  const Answer evaluated = parsimony({"eval", model, file("data"), "--json"});
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  const Json torch = Json::parse(evaluated.out);
  const Json stored = Json::parse(core::read_text_file(model / "metrics.json"));
  for (const std::string& score : scores) {
    ASSERT_TRUE(torch.contains(score)) << torch;
    EXPECT_NEAR(torch[score].get<double>(), stored[score].get<double>(), 1e-9) << score;
  }
  EXPECT_EQ(parsimony({"eval", model, file("data")}).code, 0);

  const Answer predicted =
      parsimony({"predict", model, file("data") + "/images", "--out", file("out")});
  ASSERT_EQ(predicted.code, 0) << predicted.err;
  const std::string picture = fs::directory_iterator(file("data") + "/images")->path().stem();
  for (const std::string& end : predictions)
    EXPECT_TRUE(fs::exists(fs::path(file("out")) / (picture + end))) << end;

  if (!deploy::OrtSession::available()) return;
  const Answer onnx = parsimony({"eval", model / "model.onnx", file("data"), "--json"});
  ASSERT_EQ(onnx.code, 0) << onnx.err;
  for (const std::string& score : scores) {
    EXPECT_NEAR(Json::parse(onnx.out)[score].get<double>(), torch[score].get<double>(), 1e-3)
        << score;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Tasks,
    TaskStudy,
    testing::Values(
        Case{"pose", "people", "pose", "pck", {"pck"}, {"_joints.json", "_overlay.png"}},
        Case{"depth", "rooms", "depth", "rmse", {"rmse", "delta1"}, {"_depth.png", "_overlay.png"}},
        Case{"depth_and_segmentation",
             "rooms",
             "depth, segmentation",
             "rmse",
             {"rmse", "miou"},
             {"_depth.png", "_mask.png", "_overlay.png"}}),
    [](const auto& param) { return param.param.name; });

// People cut out of photographs come in all sizes; the network has one.
TEST_F(StudyTest, PicturesAreFittedIntoASquareAndPredictionsBroughtBack) {
  const Answer run = search("run",
                            {"--set",
                             "data.synth.scene=people",
                             "--set",
                             "data.synth.height=96",
                             "--set",
                             "data.fit=64",
                             "--set",
                             "task.heads=[pose]",
                             "--set",
                             "objectives=[pck, params]",
                             "--set",
                             "candidate.early_stop.rule=off",
                             "--set",
                             "budget.trials=1",
                             "--set",
                             "final.count=1"});
  ASSERT_EQ(run.code, 0) << run.err;
  const fs::path model = fs::directory_iterator(file("run") + "/models")->path();
  const Json card = Json::parse(core::read_text_file(model / "model.json"));
  EXPECT_EQ(card["interface"]["keep_aspect"], true);
  EXPECT_EQ(card["interface"]["height"], 64);
  EXPECT_EQ(card["interface"]["width"], 64);
  ASSERT_EQ(synth("data", {"scene=people", "height=96"}).code, 0);
  // PCK has no length in it: the pictures' own joints are hit as often as the fitted ones.
  const Json measured = Json::parse(parsimony({"eval", model, file("data"), "--json"}).out);
  const Json stored = Json::parse(core::read_text_file(model / "metrics.json"));
  EXPECT_NEAR(measured["pck"].get<double>(), stored["pck"].get<double>(), 0.02);
}

TEST_F(StudyTest, TasksThatDoNotFitAreErrors) {
  const Answer score = search("run", {"--set", "task.heads=[pose]"});
  EXPECT_EQ(score.code, 2);
  EXPECT_THAT(score.err,
              HasSubstr("objective 'miou' is a score of classes, but task.heads is pose"));
  const Answer labels =
      search("run", {"--set", "task.heads=[pose]", "--set", "objectives=[pck, params]"});
  EXPECT_EQ(labels.code, 2);
  EXPECT_THAT(labels.err, HasSubstr("has no pose, which task.heads asks for"));
  const Answer output = search("run",
                               {"--set",
                                "task.heads=[depth]",
                                "--set",
                                "objectives=[rmse, params]",
                                "--set",
                                "final.output=classes"});
  EXPECT_EQ(output.code, 2);
  EXPECT_THAT(output.err, HasSubstr("final.output is classes, which only segmentation has"));
}

}  // namespace
}  // namespace parsimony
