// SPDX-License-Identifier: Apache-2.0
// A whole study as its user runs it: the program, a study file, synthetic portraits; killed,
// continued, its answers read back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "parsimony/core/files.h"
#include "parsimony/core/rng.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/study/store.h"

namespace parsimony {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

constexpr const char* kStudy = R"(
name: tiny
seed: 3
data: {synth: {train: 24, val: 8, test: 8, width: 64, height: 64}}
encoder: {name: small}
decoder: {width: 8, auxiliary_cells: false}
start:
  training: {epochs: 3, batch: 8, validate_every: 3, augment: {crop: 64, shorter_side: 64}}
candidate:
  stage0: {samples: 32, epochs: 1, validate_every: 1, batch: 8, augment: {crop: 64, shorter_side: 64}}
  stage1: {epochs: 0}
search: {method: ppo, ppo: {capacity: 8}}
budget: {trials: 10, workers: 1}
final:
  count: 2
  width: 8
  repeats: 1
  samples: 2
  training: {epochs: 2, batch: 8, validate_every: 1, augment: {crop: 64, shorter_side: 64}}
)";

struct Answer {
  int code = -1;
  std::string out, err;
};

// Starts the program with standard output and error in files.
pid_t start(const std::vector<std::string>& arguments, const fs::path& folder) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<char*> argv = {const_cast<char*>(PARSIMONY_PROGRAM)};
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    if (!std::freopen((folder / "out").c_str(), "w", stdout) ||
        !std::freopen((folder / "err").c_str(), "w", stderr))
      ::_exit(99);
    ::execv(PARSIMONY_PROGRAM, argv.data());
    ::_exit(98);
  }
  return child;
}

Answer parsimony(const std::vector<std::string>& arguments) {
  const core::TemporaryFolder folder;
  const pid_t child = start(arguments, folder.path());
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
          core::read_text_file(folder.path() / "out"),
          core::read_text_file(folder.path() / "err")};
}

class StudyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    core::write_file_atomic(file("study.yaml"), std::string(kStudy));
    // Trained networks are kept there: tests must not find those of other runs.
    ::setenv("PARSIMONY_CACHE", file("cache").c_str(), 1);
  }
  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }
  Answer search(const std::string& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {
        "search", file("study.yaml"), "--out", file(out), "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return parsimony(arguments);
  }

 private:
  core::TemporaryFolder folder_;
};

std::vector<study::Trial> trials_of(const std::string& folder) {
  std::vector<study::Trial> trials = study::open_sqlite_store(folder + "/study.db")->trials();
  for (study::Trial& trial : trials) {
    trial.attempt = 0;
    trial.worker.clear();
    trial.started = trial.seconds = trial.lease_until = 0;
  }
  return trials;
}

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
  ASSERT_EQ(parsimony({"synth",
                       file("data"),
                       "--set",
                       "train=24",
                       "--set",
                       "val=8",
                       "--set",
                       "test=8",
                       "--set",
                       "width=64",
                       "--set",
                       "height=64"})
                .code,
            0);
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

// A latency is an objective like any other, and a bound on a cost rejects candidates untrained.
TEST_F(StudyTest, TradesLatencyAndKeepsBounds) {
  const Answer run = search("run",
                            {"--set",
                             "cost.devices=[gap8]",
                             "--set",
                             "cost.constraints=['latency_ms.gap8 <= 7']",
                             "--set",
                             "objectives=[miou, latency_ms.gap8]",
                             "--set",
                             "final.count=1"});
  ASSERT_EQ(run.code, 0) << run.err;
  int rejected = 0;
  for (const study::Trial& trial : trials_of(file("run"))) {
    const bool over = trial.costs.at("latency_ms.gap8") > 7;
    rejected += over ? 1 : 0;
    const auto* pruned = std::get_if<study::Pruned>(&*trial.outcome);
    EXPECT_EQ(over, pruned != nullptr && pruned->where == "before training") << trial.genotype;
  }
  EXPECT_GT(rejected, 0);
  EXPECT_LT(rejected, 10);
  const Json front = Json::parse(parsimony({"front", file("run"), "--json"}).out);
  EXPECT_EQ(front["objectives"][1]["name"], "latency_ms.gap8");
  EXPECT_EQ(front["objectives"][1]["unit"], "ms");
  ASSERT_FALSE(front["trials"].empty());
  EXPECT_THAT(core::read_text_file(file("run") + "/report.html"),
              HasSubstr("Estimated latency on gap8"));

  const Answer unknown = search("other", {"--set", "objectives=[miou, latency_ms.gap8]"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("the objective 'latency_ms.gap8' needs the cost"));
  EXPECT_THAT(unknown.err, HasSubstr("put the device into cost.devices"));
}

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

// Several rewards: a search each, one front; the same study when it was interrupted.
TEST_F(StudyTest, SearchesForSeveralRewards) {
  const std::vector<std::string> settings = {
      "--set",
      "rewards=[reward, 'reward * (params / 30000)^-0.6', 'reward * (flops / 4e6)^-0.3']",
      "--set",
      "final.count=0"};
  ASSERT_EQ(search("run", settings).code, 0);
  const auto trials = trials_of(file("run"));
  ASSERT_EQ(trials.size(), 10U);
  for (std::size_t i = 0; i < trials.size(); ++i)
    EXPECT_EQ(trials[i].setting, static_cast<int>(i % 3)) << i;
  const Json status = Json::parse(parsimony({"status", file("run"), "--json"}).out);
  ASSERT_EQ(status["settings"].size(), 3U);
  EXPECT_EQ(status["settings"][0]["trials"], 4);
  EXPECT_EQ(status["settings"][1]["reward"], "reward * (params / 30000)^-0.6");
  EXPECT_THAT(parsimony({"status", file("run")}).out,
              HasSubstr("reward reward * (flops / 4000000)^-0.3: 3 trials"));
  EXPECT_THAT(core::read_text_file(file("run") + "/report.html"),
              HasSubstr("Reward as each search sees it"));

  std::vector<std::string> first_part = settings;
  first_part.insert(first_part.end(), {"--set", "budget.trials=4"});
  ASSERT_EQ(search("parts", first_part).code, 0);
  ASSERT_EQ(search("parts", settings).code, 0);
  EXPECT_TRUE(trials_of(file("parts")) == trials);

  const Answer other = search("run", {"--set", "rewards=[miou]"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("rewards"));
  const Answer wrong = search("wrong", {"--set", "rewards=['reward * (latency_ms.gap8 / 9)^-1']"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("put the device into cost.devices"));
}

// What a study would do, before it does it: also that its constraints leave nothing.
TEST_F(StudyTest, PlanTellsCostsAndWhatConstraintsLeave) {
  const Answer plan =
      parsimony({"plan", file("study.yaml"), "--set", "cost.devices=[gap8]", "--threads", "1"});
  ASSERT_EQ(plan.code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("latency_ms.gap8"));
  EXPECT_THAT(plan.out, Not(HasSubstr("constraints")));
  const Answer narrow = parsimony({"plan",
                                   file("study.yaml"),
                                   "--set",
                                   "cost.constraints=['params <= 100']",
                                   "--threads",
                                   "1"});
  EXPECT_THAT(narrow.out, HasSubstr("0 % of them keep params <= 100: hardly any"));
}

// Nothing is lost and nothing made up where no candidate may be trained; the reader is told why.
TEST_F(StudyTest, AConstraintThatNobodyMeetsIsVisible) {
  const Answer run = search("run", {"--set", "cost.constraints=['params <= 100']"});
  EXPECT_EQ(run.code, 0) << run.err;
  const Answer status = parsimony({"status", file("run")});
  EXPECT_THAT(status.out, HasSubstr("note: All 10 candidates were rejected before training"));
  EXPECT_THAT(status.out, HasSubstr("breaks the constraint params <= 100"));
  EXPECT_EQ(Json::parse(parsimony({"status", file("run"), "--json"}).out)["remarks"].size(), 1U);
  EXPECT_THAT(core::read_text_file(file("run") + "/report.html"),
              HasSubstr("All 10 candidates were rejected"));
}

// The encoder of a template network is too short for the cell space.
TEST_F(StudyTest, AStartNetworkMustHaveTheWholeEncoder) {
  const Answer run = search("run", {"--set", "start.genotype=\"[[[1,1,0]],[[0,1,0,0,0]]]\""});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("is of the space template-decoder, whose encoder is shorter"));
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

// Published sets have leaks; `check` shouts, and only a strict one fails.
TEST(CheckCommand, ALeakFailsOnlyAStrictCheck) {
  const core::TemporaryFolder folder;
  const fs::path set = folder.path() / "set";
  ASSERT_EQ(parsimony({"synth",
                       set,
                       "--set",
                       "train=4",
                       "--set",
                       "val=2",
                       "--set",
                       "test=2",
                       "--set",
                       "width=64",
                       "--set",
                       "height=64"})
                .code,
            0);
  const auto picture = [&set](const std::string& list) {
    const std::string ids = core::read_text_file(set / list);
    for (const char* extension : {".jpg", ".png"}) {
      const fs::path file = set / "images" / (ids.substr(0, ids.find('\n')) + extension);
      if (fs::exists(file)) return file;
    }
    throw std::logic_error("no picture");
  };
  fs::copy_file(picture("train.txt"), picture("test.txt"), fs::copy_options::overwrite_existing);

  const Answer answer = parsimony({"check", set});
  EXPECT_EQ(answer.code, 0) << answer.out;
  EXPECT_THAT(answer.out, HasSubstr("warning: duplicate-across-splits (1)"));
  EXPECT_THAT(answer.out, HasSubstr("images/" + picture("train.txt").filename().string()));
  EXPECT_THAT(answer.out, HasSubstr("images/" + picture("test.txt").filename().string()));
  EXPECT_THAT(answer.out, HasSubstr("WARNING: 1 pictures are in two splits"));
  EXPECT_EQ(parsimony({"check", set, "--strict"}).code, 1);
  EXPECT_EQ(Json::parse(parsimony({"check", set, "--strict", "--json"}).out)["ok"], false);
}

// The contract of `inspect` that other programs rely on.
TEST(Inspect, JsonContract) {
  const Answer answer = parsimony({"inspect",
                                   "--space",
                                   "cell-decoder",
                                   "--genotype",
                                   "[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]",
                                   "--set",
                                   "width=64",
                                   "--set",
                                   "repeats=2",
                                   "--set",
                                   "classes=21",
                                   "--set",
                                   "auxiliary_cells=false",
                                   "--input",
                                   "512x512",
                                   "--json"});
  ASSERT_EQ(answer.code, 0) << answer.err;
  const Json json = Json::parse(answer.out);
  EXPECT_EQ(json["space"], "cell-decoder");
  EXPECT_EQ(json["params"]["encoder"], 1'812'800);
  EXPECT_EQ(json["params"]["decoder"], 817'109);
  EXPECT_EQ(json["params"]["auxiliary"], 36'351);
  EXPECT_EQ(json["params"]["total"], 2'629'909);
  EXPECT_EQ(json["macs"]["total"], 4'208'189'440);
  EXPECT_EQ(json["output"], (Json{21, 128, 128}));
  EXPECT_GT(json["peak_activation_bytes"], 0);
  EXPECT_EQ(json["latency"].size(), 4U);
  for (const Json& device : json["latency"]) {
    EXPECT_GT(device["milliseconds"], 0) << device;
    EXPECT_EQ(device["estimated"], true);
  }
}

TEST(Inspect, EstimatesTheLatencyOnTheDevicesAskedFor) {
  const std::string arch1 = "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]";
  const Answer answer =
      parsimony({"inspect", "--genotype", arch1, "--input", "128x128", "--profile", "gap8"});
  ASSERT_EQ(answer.code, 0) << answer.err;
  EXPECT_THAT(answer.out, HasSubstr("gap8"));
  EXPECT_THAT(answer.out, testing::Not(HasSubstr("pixel1")));
  const core::TemporaryFolder folder;
  core::write_file_atomic(
      folder.path() / "board.json",
      std::string(R"({"name": "board", "model": "linear", "linear": {"layer": 1}})"));
  const Answer own = parsimony(
      {"inspect", "--genotype", arch1, "--profile", (folder.path() / "board.json").string()});
  EXPECT_EQ(own.code, 0) << own.err;
  EXPECT_THAT(own.out, HasSubstr(" ms, error unknown"));
  const Answer other = parsimony({"inspect", "--genotype", arch1, "--profile", "gap9"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("unknown device 'gap9'"));
}

TEST(Inspect, KnowsTemplatesByTheirForm) {
  const std::string arch0 =
      "[[[3,0,1],[4,1,1],[3,1,1]],[[0,1,0,0,1],[2,1,2,1,0],[3,1,1,1,0],[1,1,2,0,0],[3,0,2,0,0],[5,3,2,1,0],[0,5,0,1,0]]]";
  const fs::path drawings = fs::path(::testing::TempDir()) / "templates";
  const Answer answer = parsimony({"inspect",
                                   "--genotype",
                                   arch0,
                                   "--set",
                                   "width=64",
                                   "--set",
                                   "repeats=2",
                                   "--set",
                                   "classes=19",
                                   "--input",
                                   "1024x2048",
                                   "--draw",
                                   drawings.string(),
                                   "--json"});
  ASSERT_EQ(answer.code, 0) << answer.err;
  const Json json = Json::parse(answer.out);
  EXPECT_EQ(json["space"], "template-decoder");
  EXPECT_EQ(json["genotype"], arch0);
  EXPECT_EQ(json["params"]["total"], 280'147);
  EXPECT_EQ(json["macs"]["total"], 13'718'388'736);
  EXPECT_EQ(json["output"], (Json{19, 256, 512}));
  EXPECT_TRUE(fs::exists(drawings.string() + "-templates.svg"));
  EXPECT_TRUE(fs::exists(drawings.string() + "-decoder.svg"));

  const Answer other = parsimony({"inspect", "--space", "cell-decoder", "--genotype", arch0});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("expected a number, found '['"));
}

constexpr const char* kArch1 = "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]";

// The contract of `bench` that other programs rely on.
TEST(Bench, JsonContract) {
  const Answer answer = parsimony({"bench",
                                   "--genotype",
                                   kArch1,
                                   "--set",
                                   "encoder.name=small",
                                   "--input",
                                   "64x96",
                                   "--seconds",
                                   "0.1",
                                   "--meter",
                                   "host-torch",
                                   "--meter",
                                   "profile:pixel1",
                                   "--json"});
  ASSERT_EQ(answer.code, 0) << answer.err;
  const Json json = Json::parse(answer.out);
  EXPECT_EQ(json["meter"], "host-torch");
  EXPECT_GT(json["median"], 0);
  EXPECT_LE(json["quartiles"][0], json["median"]);
  EXPECT_GE(json["quartiles"][1], json["median"]);
  EXPECT_GE(json["repetitions"], 6);
  EXPECT_EQ(json["estimated"], false);
  EXPECT_EQ(json["conditions"]["threads"], 1);
  EXPECT_EQ(json["conditions"]["batch"], 1);
  EXPECT_EQ(json["conditions"]["input"], (Json{3, 64, 96}));
  EXPECT_THAT(json["conditions"]["runtime"], HasSubstr("LibTorch"));
  ASSERT_EQ(json["measurements"].size(), 2u);
  EXPECT_EQ(json["measurements"][0]["median"], json["median"]);
  EXPECT_EQ(json["measurements"][1]["estimated"], true);
}

TEST(Bench, SaysWhatIsWrong) {
  EXPECT_THAT(parsimony({"bench"}).err, HasSubstr("expected a MODEL or --genotype, found neither"));
  EXPECT_THAT(parsimony({"bench", "nowhere.onnx"}).err, HasSubstr("nowhere.onnx"));
  const Answer meter = parsimony({"bench", "--genotype", kArch1, "--meter", "host-tarch"});
  EXPECT_EQ(meter.code, 2);
  EXPECT_THAT(meter.err, HasSubstr("did you mean 'host-torch'"));
  // A device that is away is not an error of usage.
  const core::TemporaryFolder folder;
  const std::string device = folder.path() / "device.yaml";
  core::write_file_atomic(device,
                          std::string("{name: board, command: ['false', '{model}'], retries: 0}"));
  const Answer away = parsimony({"bench",
                                 "--genotype",
                                 kArch1,
                                 "--set",
                                 "encoder.name=small",
                                 "--input",
                                 "64x64",
                                 "--meter",
                                 "runner:" + device});
  EXPECT_EQ(away.code, 1);
  EXPECT_THAT(away.out, HasSubstr("no latency: 'false' ended with exit code 1"));
}

// A table of this host's layers becomes a device that `inspect` and `bench` know.
TEST(Bench, MakesALookupTable) {
  const core::TemporaryFolder folder;
  const std::string table = folder.path() / "here.json";
  const std::vector<std::string> network = {
      "--genotype", kArch1, "--set", "encoder.name=small", "--set", "width=16", "--input", "64x64"};
  std::vector<std::string> make = {"bench", "lut", table, "--seconds", "0.005"};
  make.insert(make.end(), network.begin(), network.end());
  const Answer made = parsimony(make);
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("on 1 other networks"));
  std::vector<std::string> look = {"inspect", "--json", "--profile", table};
  look.insert(look.end(), network.begin(), network.end());
  const Answer looked = parsimony(look);
  ASSERT_EQ(looked.code, 0) << looked.err;
  const Json latency = Json::parse(looked.out)["latency"][0];
  EXPECT_EQ(latency["device"], "here");
  EXPECT_GT(latency["milliseconds"], 0);
  // Again: nothing is left to measure.
  EXPECT_THAT(parsimony(make).out, HasSubstr(" 0 measured now"));
}

TEST(Configs, AllShippedStudiesLoad) {
  int loaded = 0;
  for (const auto& entry : fs::directory_iterator("configs")) {
    if (!entry.is_regular_file()) continue;  // configs/devices: meter/runner_test.cpp
    const Answer answer =
        parsimony({"plan", entry.path(), "--set", "data.path=/nowhere", "--set", "name=x"});
    // The file is understood; the data set that was put in its place is what is missing.
    EXPECT_EQ(answer.code, 2);
    EXPECT_THAT(answer.err, HasSubstr("/nowhere")) << entry.path();
    ++loaded;
  }
  EXPECT_GE(loaded, 3);
}

}  // namespace
}  // namespace parsimony
