// SPDX-License-Identifier: Apache-2.0
// A whole study as its user runs it: the program, a study file, synthetic portraits; killed,
// continued, its answers read back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "parsimony/core/files.h"
#include "parsimony/core/rng.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/network/simd/bf16_loops.h"
#include "parsimony/study/store.h"
#include "program.h"

namespace parsimony {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

TEST_F(StudyTest, FromPicturesToExportedNetworksAndAReport) {
  const Answer run = search("run");
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string study = file("run");
  EXPECT_TRUE(fs::exists(study + "/report.html"));
  EXPECT_TRUE(fs::exists(study + "/study.yaml"));

  const Json status = Json::parse(parsimony({"status", study, "--json"}).out);
  EXPECT_EQ(status["trials"], 10);
  EXPECT_GE(status["final_models"], 1);
  const Json front = Json::parse(parsimony({"front", study, "--json"}).out);
  ASSERT_FALSE(front["trials"].empty());
  EXPECT_EQ(front["objectives"][0]["name"], "miou");

  // Every model folder is complete, and LibTorch and ONNX Runtime give the same test figures.
  ASSERT_EQ(synth("data").code, 0);
  int models = 0;
  for (const auto& entry : fs::directory_iterator(study + "/models")) {
    ++models;
    for (const char* part :
         {"weights.safetensors", "model.onnx", "model.json", "README.md", "metrics.json"}) {
      EXPECT_TRUE(fs::exists(entry.path() / part)) << entry.path() << " " << part;
    }
    const Json torch = Json::parse(parsimony({"eval", entry.path(), file("data"), "--json"}).out);
    EXPECT_EQ(torch["images"], 8);
    const Json grouped = Json::parse(
        parsimony({"eval", entry.path(), file("data"), "--json", "--group", "all=hair, skin"}).out);
    EXPECT_EQ(grouped["f1"].size(), grouped["iou"].size());
    EXPECT_GE(grouped["groups"]["all"], 0);
    const Json stored = Json::parse(core::read_text_file(entry.path() / "metrics.json"));
    EXPECT_NEAR(torch["miou"].get<double>(), stored["miou"].get<double>(), 1e-9);
    if (!deploy::OrtSession::available()) continue;
    const Answer onnx = parsimony({"eval", entry.path() / "model.onnx", file("data"), "--json"});
    ASSERT_EQ(onnx.code, 0) << onnx.err;
    EXPECT_NEAR(Json::parse(onnx.out)["miou"].get<double>(), torch["miou"].get<double>(), 1e-3);
  }
  EXPECT_GE(models, 1);

  const std::string model = fs::directory_iterator(study + "/models")->path();
  const Answer predicted =
      parsimony({"predict", model, file("data") + "/images", "--out", file("masks")});
  EXPECT_EQ(predicted.code, 0) << predicted.err;
  EXPECT_EQ(std::distance(fs::directory_iterator(file("masks")), {}), 2 * 40);

  // The same command again has nothing to do and says so.
  EXPECT_EQ(search("run").code, 0);
  EXPECT_EQ(trials_of(study).size(), 10u);
}

// The other search space, from the start network (a cell decoder) to an exported template network.
TEST_F(StudyTest, SearchesTemplates) {
  const Answer run = search("run",
                            {"--set",
                             "space.name=template-decoder",
                             "--set",
                             "budget.trials=3",
                             "--set",
                             "final.count=1"});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const study::Trial& trial : trials_of(file("run")))
    EXPECT_THAT(trial.genotype, ::testing::StartsWith("[[["));
  EXPECT_THAT(core::read_text_file(file("run") + "/report.html"),
              HasSubstr("<figcaption>Templates</figcaption>"));
  const fs::path model = fs::directory_iterator(file("run") + "/models")->path();
  EXPECT_EQ(Json::parse(core::read_text_file(model / "model.json"))["space"], "template-decoder");
  if (!deploy::OrtSession::available()) return;
  EXPECT_EQ(parsimony({"export", model, file("again.onnx"), "--input", "48x80"}).code, 0);
}

TEST_F(StudyTest, KilledAndInterruptedStudiesEqualAnUninterruptedOne) {
  ASSERT_EQ(search("whole", {"--set", "final.count=0"}).code, 0);
  core::Rng moments(5);
  const core::TemporaryFolder logs;
  int broken_off = 0;
  for (int session = 0;; ++session) {
    ASSERT_LT(session, 60);
    const pid_t child = start({"search",
                               file("study.yaml"),
                               "--out",
                               file("pieces"),
                               "--threads",
                               "1",
                               "--set",
                               "final.count=0"},
                              logs.path());
    std::this_thread::sleep_for(
        std::chrono::milliseconds(300 + moments.below(1500 + 400 * session)));
    const bool hard = session % 2 == 0;
    ::kill(child, hard ? SIGKILL : SIGINT);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
    ++broken_off;
    if (!hard && WIFEXITED(status)) {
      EXPECT_TRUE(WEXITSTATUS(status) == 75) << core::read_text_file(logs.path() / "err");
    }
  }
  EXPECT_GT(broken_off, 0);
  EXPECT_TRUE(trials_of(file("pieces")) == trials_of(file("whole")));
}

TEST_F(StudyTest, ErrorsNameLineValueAndRemedy) {
  core::write_file_atomic(file("bad.yaml"), std::string("name: x\nbudget:\n  trails: 10\n"));
  const Answer unknown = parsimony({"search", file("bad.yaml")});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err,
              HasSubstr("line 3: unknown key 'budget.trails' (did you mean 'trials'?)"));

  const Answer range = search("run", {"--set", "budget.trials=0"});
  EXPECT_EQ(range.code, 2);
  EXPECT_THAT(range.err,
              HasSubstr("--set budget.trials=0: 'budget.trials' must be at least 1, found 0"));

  const Answer data = search("run", {"--set", "data.path=/nowhere"});
  EXPECT_EQ(data.code, 2);
  EXPECT_THAT(data.err, HasSubstr("/nowhere"));

  const Answer memory = search("run",
                               {"--set",
                                "cache.memory_gib=0.01",
                                "--set",
                                "cache.disk_gib=0.02",
                                "--set",
                                "candidate.stage0.samples=100000"});
  EXPECT_EQ(memory.code, 2);
  EXPECT_THAT(memory.err, HasSubstr("raise cache.memory_gib or cache.disk_gib"));

  EXPECT_EQ(parsimony({"serach"}).code, 2);
  EXPECT_EQ(parsimony({"status", file("nothing")}).code, 2);
  EXPECT_EQ(parsimony({"--help"}).code, 0);
}

TEST_F(StudyTest, HalvingAndInheritanceGoOnWhereTheyStopped) {
  const std::vector<std::string> cheap = {"--set",
                                          "final.count=0",
                                          "--set",
                                          "candidate.early_stop.rule=halving",
                                          "--set",
                                          "candidate.early_stop.reduction=2",
                                          "--set",
                                          "candidate.stage0.epochs=3",
                                          "--set",
                                          "candidate.inherit.enabled=true",
                                          "--set",
                                          "candidate.inherit.donors=3",
                                          "--set",
                                          "budget.workers=1"};
  const auto with = [&cheap](const std::string& trials) {
    std::vector<std::string> all = cheap;
    all.insert(all.end(), {"--set", "budget.trials=" + trials});
    return all;
  };
  ASSERT_EQ(search("whole", with("8")).code, 0);
  ASSERT_EQ(search("parts", with("4")).code, 0);
  ASSERT_EQ(search("parts", with("8")).code, 0);
  const auto outcomes = [this](const std::string& study) {
    std::vector<std::optional<study::Outcome>> all;
    for (const study::Trial& trial : study::open_sqlite_store(file(study + "/study.db"))->trials())
      all.push_back(trial.outcome);
    return all;
  };
  EXPECT_EQ(outcomes("whole"), outcomes("parts"));
  double inherited = 0;
  for (const std::optional<study::Outcome>& outcome : outcomes("whole")) {
    const objective::Scores* scores = study::scores_of(*outcome);
    if (scores != nullptr) inherited += scores->at("inherited");
  }
  EXPECT_GT(inherited, 0);
}

// Features in a file are the same features.
TEST_F(StudyTest, CandidatesMayTrainOnPicturesOnly) {
  const Answer answer = search("run",
                               {"--set",
                                "candidate.stage0.epochs=0",
                                "--set",
                                "candidate.stage1={epochs: 1, batch: 8, augment: {crop: 64, "
                                "shorter_side: 64}}",
                                "--set",
                                "budget.trials=3",
                                "--set",
                                "final.count=0"});
  ASSERT_EQ(answer.code, 0) << answer.err;
  EXPECT_THAT(answer.err, Not(HasSubstr("training features")));
  for (const study::Trial& trial : trials_of(file("run")))
    EXPECT_TRUE(std::holds_alternative<study::Scored>(*trial.outcome)) << trial.id;
}

TEST_F(StudyTest, ACacheThatDoesNotFitIntoMemoryChangesNoScore) {
  const std::vector<std::string> few = {"--set", "final.count=0", "--set", "budget.trials=2"};
  std::vector<std::string> spilled = few;
  spilled.insert(spilled.end(), {"--set", "cache.memory_gib=0"});
  ASSERT_EQ(search("memory", few).code, 0);
  ASSERT_EQ(search("file", spilled).code, 0);
  const auto rewards_of = [this](const std::string& study) {
    std::vector<double> rewards;
    for (const study::Trial& trial :
         study::open_sqlite_store(file(study + "/study.db"))->trials()) {
      const objective::Scores* scores = study::scores_of(*trial.outcome);
      rewards.push_back(scores == nullptr ? -1 : scores->at("reward"));
    }
    return rewards;
  };
  EXPECT_EQ(rewards_of("memory"), rewards_of("file"));
}

TEST_F(StudyTest, AFolderOfAnotherStudyIsNotTouched) {
  ASSERT_EQ(search("run", {"--set", "final.count=0", "--set", "budget.trials=2"}).code, 0);
  const Answer other = search("run", {"--set", "seed=4"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("there 'seed: 3', now 'seed: 4'"));
  // The budget may grow.
  EXPECT_EQ(search("run", {"--set", "final.count=0", "--set", "budget.trials=4"}).code, 0);
  EXPECT_EQ(trials_of(file("run")).size(), 4u);
}

// A study that began in one arithmetic goes on in it, whatever this processor could do.
TEST_F(StudyTest, ArithmeticIsDecidedWhenAStudyBegins) {
  const auto run = [&](const std::string& folder, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"--set", "final.count=0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return search(folder, arguments);
  };
  const auto noted = [&](const std::string& folder) {
    return core::read_text_file(fs::path(file(folder)) / "study.yaml");
  };
  ASSERT_EQ(run("auto", {"--set", "budget.trials=2"}).code, 0);
  EXPECT_THAT(noted("auto"), Not(HasSubstr("arithmetic: auto")));
  ASSERT_EQ(run("fp32", {"--set", "budget.trials=2", "--set", "candidate.arithmetic=fp32"}).code,
            0);
  ASSERT_EQ(run("fp32", {"--set", "budget.trials=3"}).code, 0);
  EXPECT_THAT(noted("fp32"), HasSubstr("arithmetic: fp32"));
  EXPECT_EQ(run("fp32", {"--set", "budget.trials=3", "--set", "candidate.arithmetic=bf16"}).code,
            2);
}

// What a plan times and measures is what the study would do.
TEST_F(StudyTest, IsPlannedInTheArithmeticOfItsCandidates) {
  const Answer plan = parsimony(
      {"plan", file("study.yaml"), "--set", "candidate.arithmetic=bf16", "--threads", "1"});
  if (network::simd::bf16_loops() != nullptr) {
    EXPECT_EQ(plan.code, 0) << plan.err;
  } else {
    EXPECT_EQ(plan.code, 2);
    EXPECT_THAT(plan.err, HasSubstr("bf16 arithmetic needs"));
  }
}

TEST(Configs, AllShippedStudiesLoad) {
  int loaded = 0;
  for (const auto& entry : fs::directory_iterator("configs")) {
    if (!entry.is_regular_file()) continue;  // configs/devices: meter/runner_test.cpp
    const Answer answer = parsimony({"plan",
                                     entry.path(),
                                     "--set",
                                     "data.path=/nowhere",
                                     "--set",
                                     "data.assumed.train=0",
                                     "--set",
                                     "name=x"});
    // The file is understood; the data set that was put in its place is what is missing.
    EXPECT_EQ(answer.code, 2);
    EXPECT_THAT(answer.err, HasSubstr("/nowhere")) << entry.path();
    ++loaded;
  }
  EXPECT_GE(loaded, 3);
}

}  // namespace
}  // namespace parsimony
