// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/summary_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "parsimony/study/testing.h"

namespace parsimony::study {
namespace {

using objective::objective_by_name;

// Three trials and a final model, as other programs will see them.
std::vector<Trial> example_trials() {
  Trial small = done_trial(1, Scored{{{"miou", 0.5}, {"reward", 0.625}}});
  small.genotype = "[[8,[0,0,5,2]],[[3,3]]]";
  small.costs = {{"params", 271000}, {"macs", 1.25e9}};
  small.started = 1000;
  small.seconds = 30.5;
  Trial large = done_trial(3, Scored{{{"miou", 0.75}, {"reward", 0.5}}});
  large.genotype = "[[\"\xc3\xa4\"]]";
  large.costs = {{"params", 542000}, {"macs", 2.5e9}};
  large.started = 1040;
  large.seconds = 60;
  return {small, done_trial(2, Failed{FailureReason::kOutOfMemory, ""}), large};
}

const std::vector<FinalModel> kModels{{3, "models/3", {{"miou", 0.8125}, {"latency_ms", 4}}, 99.5}};

TEST(FrontJsonTest, GoldenText) {
  const Front front = front_of(example_trials(),
                               kModels,
                               {objective_by_name("miou"), objective_by_name("params")},
                               Scale{{-1, 0}, {0, 1084000}});
  EXPECT_EQ(
      front_json(front),
      R"({"objectives":[{"name":"miou","direction":"maximize","unit":""},)"
      R"({"name":"params","direction":"minimize","unit":"parameters"}],"hypervolume":0.5,)"
      R"("trials":[{"id":1,"genotype":"[[8,[0,0,5,2]],[[3,3]]]","scores":{"miou":0.5,"reward":0.625},)"
      R"("costs":{"macs":1250000000,"params":271000},"final":null},)"
      R"({"id":3,"genotype":"[[\")"
      "\xc3\xa4"
      R"(\"]]","scores":{"miou":0.75,"reward":0.5},"costs":{"macs":2500000000,"params":542000},)"
      R"("final":{"folder":"models/3","scores":{"latency_ms":4,"miou":0.8125},"seconds":99.5}}]})");
}

TEST(FrontJsonTest, AnEmptyFrontHasAllNames) {
  EXPECT_EQ(front_json(front_of({}, {}, {})), R"({"objectives":[],"hypervolume":0,"trials":[]})");
}

TEST(FrontJsonTest, NumbersReadBackExactly) {
  Trial trial = done_trial(1, Scored{{{"miou", 0.1 + 0.2}, {"tiny", 5e-324}, {"huge", 1e300}}});
  const auto read =
      nlohmann::json::parse(front_json(front_of({trial}, {}, {objective_by_name("miou")})));
  const auto& scores = read.at("trials").at(0).at("scores");
  EXPECT_EQ(scores.at("miou").get<double>(), 0.1 + 0.2);
  EXPECT_EQ(scores.at("tiny").get<double>(), 5e-324);
  EXPECT_EQ(scores.at("huge").get<double>(), 1e300);
}

TEST(FrontJsonTest, ABrokenByteInAGenotypeStaysReadable) {
  Trial trial = done_trial(1, Scored{{{"miou", 1}}});
  trial.genotype = "broken \xff";
  const std::string text = front_json(front_of({trial}, {}, {objective_by_name("miou")}));
  EXPECT_TRUE(nlohmann::json::accept(text)) << text;
}

TEST(StatusJsonTest, GoldenText) {
  const std::vector<Event> events{{1, 990, "started", ""}, {2, 1290, "finished", ""}};
  const std::vector<objective::Scalarization> rewards = {
      objective::parse_scalarization("reward"),
      objective::parse_scalarization("reward * (params / 1000)^-1")};
  EXPECT_EQ(
      status_json(summarize(example_trials(), kModels, events),
                  summarize_settings(example_trials(), rewards),
                  {"be careful"}),
      R"({"trials":3,"running":0,"outcomes":{"scored":2,"pruned":0,"failed":1},)"
      R"("failures":{"out of memory":1},"duplicates":0,"measured":2,)"
      R"("best":{"id":1,"genotype":"[[8,[0,0,5,2]],[[3,3]]]","reward":0.625,)"
      R"("scores":{"miou":0.5,"reward":0.625},"costs":{"macs":1250000000,"params":271000}},)"
      R"("final_models":1,"elapsed_seconds":300,"search_seconds":110,"compute_seconds":190,)"
      R"("candidates_per_hour":65.45454545454545,)"
      R"("settings":[{"reward":"reward","trials":3,"scored":2,"best":{"id":1,"reward":0.625}},)"
      R"({"reward":"reward * (params / 1000)^-1","trials":0,"scored":0,"best":null}],)"
      R"("remarks":["be careful"]})");
}

TEST(StatusJsonTest, AnEmptyStudyHasAllNames) {
  EXPECT_EQ(status_json(summarize({}, {}, {}), {}, {}),
            R"({"trials":0,"running":0,"outcomes":{"scored":0,"pruned":0,"failed":0},)"
            R"("failures":{},"duplicates":0,"measured":0,"best":null,"final_models":0,)"
            R"("elapsed_seconds":0,"search_seconds":0,"compute_seconds":0,"candidates_per_hour":0,)"
            R"("settings":[],"remarks":[]})");
}

}  // namespace
}  // namespace parsimony::study
