// SPDX-License-Identifier: Apache-2.0
// Studies of several objectives and rewards, and of constraints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "parsimony/core/files.h"
#include "parsimony/study/store.h"
#include "program.h"

namespace parsimony {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

TEST_F(StudyTest, EvolutionLooksForTheWholeFront) {
  const std::vector<std::string> evolution = {"--set",
                                              "search={method: nsga2, nsga2: {population: 4}}",
                                              "--set",
                                              "objectives=[miou, params, latency_ms.gap8]",
                                              "--set",
                                              "cost.devices=[gap8]",
                                              "--set",
                                              "cost.constraints=['latency_ms.gap8 <= 7']",
                                              "--set",
                                              "budget.trials=16",
                                              "--set",
                                              "final.count=1"};
  const Answer run = search("run", evolution);
  ASSERT_EQ(run.code, 0) << run.err;
  const Json front = Json::parse(parsimony({"front", file("run"), "--json"}).out);
  EXPECT_EQ(front["objectives"].size(), 3u);
  EXPECT_GE(front["trials"].size(), 1u);
  int rejected = 0;
  for (const study::Trial& trial : trials_of(file("run"))) {
    const bool over = trial.costs.at("latency_ms.gap8") > 7;
    if (over) {
      EXPECT_FALSE(std::holds_alternative<study::Scored>(*trial.outcome)) << trial.genotype;
    }
    rejected += over ? 1 : 0;
  }
  EXPECT_LT(rejected, 16);

  const Answer odd = search("odd", {"--set", "search={method: nsga2, nsga2: {population: 5}}"});
  EXPECT_EQ(odd.code, 2);
  EXPECT_THAT(odd.err, HasSubstr("a population of 5; expected an even number"));
  const Answer one = search("one", {"--set", "search={method: nsga2, nsga2: {population: 1}}"});
  EXPECT_EQ(one.code, 2);
  const Answer rewards = search(
      "rewards",
      {"--set", "search.method=nsga2", "--set", "rewards=[reward, reward * (params / 9000)^-1]"});
  EXPECT_EQ(rewards.code, 2);
  EXPECT_THAT(rewards.err, HasSubstr("maximises no reward"));
}

// The F1 of classes or groups of them can be what is searched for.
TEST_F(StudyTest, F1IsAnObjectiveAndAReward) {
  const std::vector<std::string> settings = {"--set",
                                             "objectives=[f1.hair, f1, params]",
                                             "--set",
                                             "rewards=[f1.clothes * (params / 9000)^-0.1]",
                                             "--set",
                                             "budget.trials=2",
                                             "--set",
                                             "final.count=0"};
  const Answer run = search("run", settings);
  ASSERT_EQ(run.code, 0) << run.err;
  for (const study::Trial& trial : trials_of(file("run"))) {
    const objective::Scores* scores = study::scores_of(*trial.outcome);
    if (scores == nullptr) continue;
    EXPECT_TRUE(scores->contains("f1"));
    EXPECT_TRUE(scores->contains("f1.hair"));
    EXPECT_TRUE(scores->contains("f1.clothes"));
    EXPECT_FALSE(scores->contains("f1.skin")) << "nobody asked";
  }
  const Answer front = parsimony({"front", file("run"), "--json"});
  EXPECT_THAT(front.out, HasSubstr("f1.hair"));

  const Answer absent = search("absent", {"--set", "objectives=[f1.hare, params]"});
  EXPECT_EQ(absent.code, 2);
  EXPECT_THAT(absent.err, HasSubstr("has no group or class 'hare'"));
  EXPECT_THAT(absent.err, HasSubstr("did you mean 'hair'?"));
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
  const std::filesystem::path model =
      std::filesystem::directory_iterator(file("run") + "/models")->path();
  const std::string card = core::read_text_file(model / "README.md");
  EXPECT_THAT(card, HasSubstr("| latency, profile:gap8 |"));
  EXPECT_THAT(card, HasSubstr("an estimate, +-5 %, GAP8"));
  EXPECT_THAT(card, HasSubstr("* Parsimony: 0."));

  const Answer unknown = search("other", {"--set", "objectives=[miou, latency_ms.gap8]"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("the objective 'latency_ms.gap8' needs the cost"));
  EXPECT_THAT(unknown.err, HasSubstr("put the device into cost.devices"));
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
  EXPECT_THAT(plan.out, HasSubstr("before it to train the start network"));
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

}  // namespace
}  // namespace parsimony
