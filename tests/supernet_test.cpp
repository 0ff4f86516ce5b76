// SPDX-License-Identifier: Apache-2.0
// Studies of the parts of a trained network, as their users run them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "parsimony/core/files.h"
#include "parsimony/core/rng.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/study/compression.h"
#include "program.h"

namespace parsimony {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Json = nlohmann::json;

constexpr const char* kSupernetStudy = R"(
name: parts
seed: 3
data:
  synth: {train: 16, val: 12, test: 4, width: 64, height: 64}
space:
  name: supernet
supernet:
  width: 0.35
  aspp_channels: 32
  decoder_channels: 32
  training: {epochs: 1, batch: 4, augment: {crop: 64, shorter_side: 64}}
  calibration: 8
  batch: 4
cost:
  devices: [gap8]
search: {method: nsga2, nsga2: {population: 6, siblings: 3, shared_work: 0.3}}
budget: {trials: 18}
objectives: [miou, params, latency_ms.gap8]
final:
  count: 1
  choose: hypervolume
  samples: 1
  latency: []
  training: {epochs: 1, batch: 4, augment: {crop: 64, shorter_side: 64}}
)";

class SupernetStudyTest : public StudyTest {
 protected:
  void SetUp() override {
    StudyTest::SetUp();
    core::write_file_atomic(file("study.yaml"), std::string(kSupernetStudy));
  }
};

TEST_F(SupernetStudyTest, SearchesWithoutTrainingAndFineTunesTheFront) {
  const Answer run = search("run");
  ASSERT_EQ(run.code, 0) << run.err;
  const std::vector<study::Trial> trials = trials_of(file("run"));
  ASSERT_THAT(trials, SizeIs(18));
  const study::Trial* whole = study::whole_supernet(trials);
  ASSERT_NE(whole, nullptr);
  for (const study::Trial& trial : trials)
    EXPECT_LE(trial.costs.at("params"), whole->costs.at("params")) << trial.genotype;

  EXPECT_THAT(trials_of(file("run") + "/scalings"), SizeIs(5));

  const auto models = study::open_sqlite_store(fs::path(file("run")) / "study.db")->models();
  ASSERT_GE(models.size(), 2u);
  EXPECT_EQ(models[0].trial, whole->id) << "the supernet is what others are compared with";
  for (const study::FinalModel& model : models) {
    for (const char* score : {"miou", "miou_frozen", "miou_recalibrated", "miou_aligned"}) {
      ASSERT_TRUE(model.scores.contains(score)) << score;
      EXPECT_GE(model.scores.at(score), 0);
      EXPECT_LE(model.scores.at(score), 1);
    }
  }
  const std::string page = core::read_text_file(file("run") + "/report.html");
  EXPECT_THAT(page, HasSubstr("<figcaption>Network</figcaption>"));

  // A part is a network like any other to all who use networks.
  const fs::path part = fs::path(file("run")) / models.back().folder;
  const Json card = Json::parse(core::read_text_file(part / "model.json"));
  EXPECT_EQ(card["space"], "supernet");
  EXPECT_EQ(card["supernet"]["aspp_channels"], 32);
  EXPECT_EQ(parsimony({"train",
                       file("study.yaml"),
                       "--from",
                       part,
                       "--out",
                       file("again"),
                       "--set",
                       "data.synth.seed=9"})
                .code,
            0);
  if (!deploy::OrtSession::available()) return;
  EXPECT_EQ(parsimony({"export", part, file("part.onnx"), "--input", "48x80"}).code, 0);
}

// Networks are trained to the end side by side, but nobody before the one they learn from.
TEST_F(SupernetStudyTest, PartsLearnFromTheWhole) {
  const Answer run = parsimony({"search",
                                file("study.yaml"),
                                "--out",
                                file("run"),
                                "--threads",
                                "2",
                                "--set",
                                "supernet.teach=true",
                                "--set",
                                "final.count=3"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(trials_of(file("run") + "/scalings"), SizeIs(5));

  const auto models = study::open_sqlite_store(fs::path(file("run")) / "study.db")->models();
  ASSERT_GE(models.size(), 3u);
  for (const study::FinalModel& model : models) {
    const fs::path folder = fs::path(file("run")) / model.folder;
    const Json card = Json::parse(core::read_text_file(folder / "model.json"));
    const bool whole = model.trial == models[0].trial;
    EXPECT_EQ(card["training"].contains("teacher"), !whole) << model.folder;
    if (!whole) {
      EXPECT_EQ(card["training"]["teacher"], file("run") + "/" + models[0].folder);
    }
  }
}

TEST_F(SupernetStudyTest, TakesAModelFolderAsItsSupernet) {
  const Answer trained = parsimony({"train", file("study.yaml"), "--out", file("supernet")});
  ASSERT_EQ(trained.code, 0) << trained.err;
  std::string text = kSupernetStudy;
  const std::size_t first = text.find("  width: 0.35"), last = text.find("  calibration");
  text.replace(first, last - first, "  trained: " + file("supernet") + "\n");
  core::write_file_atomic(file("study.yaml"), text);
  const Answer run = search("run", {"--set", "final.count=0"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(trials_of(file("run")), SizeIs(18));
  EXPECT_FALSE(fs::exists(file("run") + "/supernet"));

  const Answer both = search("both", {"--set", "supernet.aspp_channels=64"});
  EXPECT_EQ(both.code, 2);
  EXPECT_THAT(both.err, HasSubstr("whose design and weights are taken as they are"));
  const Answer missing = search("missing", {"--set", "supernet.trained=/nowhere"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, HasSubstr("/nowhere: does not exist"));
  const Answer other = search("other", {"--set", "supernet.trained=/etc/hostname"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("/etc/hostname"));
  const Answer classes = search("classes", {"--set", "supernet.classes=[hair, sky]"});
  EXPECT_EQ(classes.code, 2);
  EXPECT_THAT(classes.err, HasSubstr("supernet.classes has 'sky'"));
  const Answer fewer = search("fewer", {"--set", "supernet.classes=[hair, skin]"});
  EXPECT_EQ(fewer.code, 2);
  EXPECT_THAT(fewer.err, HasSubstr("supernet.classes has 2 entries"));
}

TEST_F(SupernetStudyTest, KilledStudiesEqualAnUninterruptedOne) {
  const std::vector<std::string> cheap = {"--set", "final.count=0", "--set", "budget.workers=1"};
  ASSERT_EQ(search("whole", cheap).code, 0);
  core::Rng moments(7);
  const core::TemporaryFolder logs;
  int broken_off = 0;
  for (int session = 0;; ++session) {
    ASSERT_LT(session, 60);
    std::vector<std::string> arguments = {
        "search", file("study.yaml"), "--out", file("pieces"), "--threads", "1"};
    arguments.insert(arguments.end(), cheap.begin(), cheap.end());
    const pid_t child = start(arguments, logs.path());
    std::this_thread::sleep_for(
        std::chrono::milliseconds(300 + moments.below(1000 + 300 * session)));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
    ++broken_off;
  }
  EXPECT_GT(broken_off, 0);
  EXPECT_TRUE(trials_of(file("pieces")) == trials_of(file("whole")));
}

TEST_F(SupernetStudyTest, BadInputIsExplained) {
  const auto error_of = [&](const std::string& setting) {
    const Answer answer = search("bad", {"--set", setting});
    EXPECT_EQ(answer.code, 2) << setting;
    return answer.err;
  };
  EXPECT_THAT(error_of("supernet.pictures=2"), HasSubstr("supernet.pictures"));
  EXPECT_THAT(error_of("supernet.classes=[hair]"), HasSubstr("give supernet.trained"));
  EXPECT_THAT(error_of("search.nsga2.population=1"), HasSubstr("must be between 2 and"));
  EXPECT_THAT(error_of("candidate.stage0.epochs=1"), HasSubstr("candidate"));

  EXPECT_EQ(parsimony({"train", file("study.yaml")}).code, 2);
  const Answer wrong =
      parsimony({"train", file("study.yaml"), "--genotype", "[0,0]", "--out", file("wrong")});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("[0,0]"));
}

TEST_F(SupernetStudyTest, PlansAndInspectsParts) {
  const Answer plan = parsimony({"plan", file("study.yaml")});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("35 decisions"));
  EXPECT_THAT(plan.out, HasSubstr("before it to train the supernet"));
  EXPECT_THAT(plan.out, HasSubstr("to train 1 final network,"));
  // Chen et al.'s MobileNet-v2 and Xception models (spec fmas 3.4 has their published counts).
  const Answer whole = parsimony({"inspect", "--genotype", "[]", "--input", "513x513", "--json"});
  ASSERT_EQ(whole.code, 0) << whole.err;
  const Json json = Json::parse(whole.out);
  EXPECT_EQ(json["space"], "supernet");
  const Answer xception = parsimony({"inspect",
                                     "--genotype",
                                     "[]",
                                     "--input",
                                     "513x513",
                                     "--json",
                                     "--set",
                                     "supernet.backbone=xception_65"});
  EXPECT_EQ(Json::parse(xception.out)["params"]["total"], 41'055'413);
}

}  // namespace
}  // namespace parsimony
