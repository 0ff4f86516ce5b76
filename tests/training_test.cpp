// SPDX-License-Identifier: Apache-2.0
// Trainings beside the search: start networks, pre-training, teachers, transfer to other data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "parsimony/core/files.h"
#include "program.h"

namespace parsimony {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

// What studies start from is trained once on a machine, and not where anything differs.
TEST_F(StudyTest, AnEqualStartNetworkIsTakenOver) {
  const std::vector<std::string> quick = {
      "--set", "final.count=0", "--set", "budget.trials=2", "--set", "name=first"};
  const auto with = [&quick](std::vector<std::string> more) {
    more.insert(more.begin(), quick.begin(), quick.end());
    return more;
  };
  const Answer first = search("first", quick);
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.err, Not(HasSubstr("taken over")));
  const Answer second = search("second", with({"--set", "search.method=random"}));
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_THAT(second.err, HasSubstr("start network: taken over from"));
  const std::string weights = "/start/weights.safetensors";
  EXPECT_EQ(core::sha256_of_file(file("first") + weights),
            core::sha256_of_file(file("second") + weights));
  for (const char* other :
       {"seed=4", "start.training.batch=4", "data.synth.val=9", "start.reuse=false"}) {
    const Answer anew = search(std::string("other ") + other, with({"--set", other}));
    ASSERT_EQ(anew.code, 0) << anew.err;
    EXPECT_THAT(anew.err, Not(HasSubstr("taken over"))) << other;
  }
}

// Pre-training on other pictures with other classes, and a teacher from another study.
TEST_F(StudyTest, PretrainsAndLearnsFromATeacher) {
  ASSERT_EQ(search("teacher", {"--set", "final.count=1", "--set", "budget.trials=2"}).code, 0);
  const std::string model = fs::directory_iterator(file("teacher") + "/models")->path();
  const Answer synth = parsimony({"synth",
                                  file("others"),
                                  "--set",
                                  "train=12",
                                  "--set",
                                  "val=4",
                                  "--set",
                                  "test=0",
                                  "--set",
                                  "width=64",
                                  "--set",
                                  "height=64"});
  ASSERT_EQ(synth.code, 0) << synth.err;
  const std::vector<std::string> settings = {
      "--set",
      "encoder.pretraining.path=" + file("others"),
      "--set",
      "encoder.pretraining.training={epochs: 1, batch: 4, augment: {crop: 64, shorter_side: 64}}",
      "--set",
      "start.when=never",
      "--set",
      "teacher.model=" + model,
      "--set",
      "candidate.stage0.distillation={loss: softmax, temperature: 3}",
      "--set",
      "final.count=0",
      "--set",
      "budget.trials=2"};
  const Answer run = search("run", settings);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("pre-training on"));
  EXPECT_FALSE(fs::exists(file("run") + "/start"));
  const auto taught = trials_of(file("run"));
  ASSERT_EQ(taught.size(), 2U);

  std::vector<std::string> alone = settings;
  alone.insert(alone.end(), {"--set", "candidate.stage0.distillation.weight=0"});
  const Answer untaught = search("alone", alone);
  ASSERT_EQ(untaught.code, 0) << untaught.err;
  EXPECT_THAT(untaught.err, HasSubstr("taken over"));
  EXPECT_NE(trials_of(file("alone"))[0].outcome, taught[0].outcome);
}

// Pre-training on pictures with a class each: the encoder's weights are taken over, and such a set
// has no pixels to search on.
TEST_F(StudyTest, PretrainsOnAClassificationSet) {
  ASSERT_EQ(parsimony({"synth",
                       file("pictures"),
                       "--set",
                       "train=12",
                       "--set",
                       "val=4",
                       "--set",
                       "test=0",
                       "--set",
                       "width=64",
                       "--set",
                       "height=64"})
                .code,
            0);
  int number = 0;
  for (const auto& entry : fs::directory_iterator(file("pictures") + "/images")) {
    const std::string split = number < 12 ? "train" : "val";
    const fs::path folder = fs::path(file("classes")) / split / (number % 2 == 0 ? "a" : "b");
    fs::create_directories(folder);
    fs::copy_file(entry.path(), folder / entry.path().filename());
    ++number;
  }
  const Answer run = search(
      "run",
      {"--set",
       "encoder.pretraining.path=" + file("classes"),
       "--set",
       "encoder.pretraining.training={epochs: 1, batch: 4, augment: {crop: 64, shorter_side: 64}}",
       "--set",
       "start.when=never",
       "--set",
       "final.count=0",
       "--set",
       "budget.trials=2"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("pre-training on"));
  EXPECT_TRUE(fs::exists(file("run") + "/pretraining/weights.safetensors"));

  const Answer refused = search("refused", {"--set", "data.path=" + file("classes")});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("classes of whole pictures"));
  const Answer nothing = search("nothing", {"--set", "start.when=never"});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("the encoder has no weights"));
}

// A network found on one data set, trained on another one with fewer classes.
TEST_F(StudyTest, TransfersANetworkToOtherData) {
  ASSERT_EQ(search("run", {"--set", "final.count=1", "--set", "budget.trials=2"}).code, 0);
  const std::string model = fs::directory_iterator(file("run") + "/models")->path();
  ASSERT_EQ(parsimony({"synth",
                       file("others"),
                       "--set",
                       "train=8",
                       "--set",
                       "val=4",
                       "--set",
                       "test=4",
                       "--set",
                       "width=48",
                       "--set",
                       "height=80"})
                .code,
            0);
  const auto transfer = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"train",
                                          file("study.yaml"),
                                          "--from",
                                          model,
                                          "--set",
                                          "data.path=" + file("others"),
                                          "--set",
                                          "name=others"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return parsimony(arguments);
  };
  const Answer warm = transfer({});
  ASSERT_EQ(warm.code, 0) << warm.err;
  const Answer scratch = transfer({"--scratch"});
  ASSERT_EQ(scratch.code, 0) << scratch.err;
  const Json found = Json::parse(core::read_text_file(model + "/model.json"));
  for (const std::string folder : {"/transfer/others", "/transfer/others-scratch"}) {
    const Json card = Json::parse(core::read_text_file(model + folder + "/model.json"));
    EXPECT_EQ(card["genotype"], found["genotype"]);
    EXPECT_EQ(card["training"]["weights_of"].get<std::string>().empty(),
              folder.ends_with("scratch"));
  }
  EXPECT_THAT(core::read_text_file(file("run") + "/report.html"), HasSubstr("its weights</td>"));

  EXPECT_THAT(parsimony({"train", file("study.yaml"), "--out", file("x")}).err,
              HasSubstr("--from MODEL"));
  EXPECT_THAT(parsimony({"train", file("study.yaml"), "--from", file("absent")}).err,
              HasSubstr("absent"));
}

// The encoder of a template network is too short for the cell space.
TEST_F(StudyTest, AStartNetworkMustHaveTheWholeEncoder) {
  const Answer run = search("run", {"--set", "start.genotype=\"[[[1,1,0]],[[0,1,0,0,0]]]\""});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("is of the space template-decoder, whose encoder is shorter"));
}

}  // namespace
}  // namespace parsimony
