// SPDX-License-Identifier: Apache-2.0
// Networks of the grid space (System D), as their users meet them and across modules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "parsimony/core/files.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/deploy/testing/reference.h"
#include "parsimony/graph/grid_network.h"
#include "parsimony/network/network.h"
#include "program.h"

namespace parsimony {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Json = nlohmann::json;

// D1 of spec rspnet 4.10.
constexpr const char* kD1 =
    "{cell:[[1,0,sep3],[2,0,sep5],[2,1,dil3],[3,0,skip],[3,2,sep3],[4,1,dil5],[4,3,sep3]],"
    "paths:[[0-0,0-1],[0-0,0-1,1-1,1-2],[0-0,0-1,1-1,1-2,2-2,2-3],[0-0,1-0,1-1,2-1,2-2,3-2]]}";
constexpr const char* kSmall =
    "{cell:[[1,0,sep3],[2,0,avg3],[2,1,dil3]],paths:[[0-0,0-1],[0-0,1-0,1-1]]}";

TEST(Grid, InspectSaysWhatItCostsAndDrawsIt) {
  const fs::path drawings = fs::path(::testing::TempDir()) / "grid";
  const Answer answer = parsimony({"inspect",
                                   "--genotype",
                                   kD1,
                                   "--set",
                                   "grid.filters=16",
                                   "--set",
                                   "classes=19",
                                   "--input",
                                   "1024x2048",
                                   "--draw",
                                   drawings.string(),
                                   "--json"});
  ASSERT_EQ(answer.code, 0) << answer.err;
  const Json json = Json::parse(answer.out);
  EXPECT_EQ(json["space"], "grid");
  EXPECT_EQ(json["genotype"], kD1);
  EXPECT_EQ(json["params"]["total"], 1'657'989);
  EXPECT_EQ(json["simplified"]["params"]["total"], 1'657'989);
  EXPECT_EQ(json["output"], (Json{19, 256, 512}));
  for (const Json& device : json["latency"]) EXPECT_GT(device["milliseconds"], 0) << device;
  EXPECT_TRUE(fs::exists(drawings.string() + "-cell.svg"));
  EXPECT_TRUE(fs::exists(drawings.string() + "-paths.svg"));

  const Answer odd = parsimony({"inspect", "--genotype", kD1, "--set", "grid.filters=5"});
  EXPECT_EQ(odd.code, 2);
  EXPECT_THAT(odd.err, HasSubstr("grid.filters is 5"));
}

constexpr const char* kGridStudy = R"(
name: grids
seed: 3
data:
  synth: {train: 12, val: 6, test: 4, width: 64, height: 64}
space: {name: grid, nodes: 2, layers: 2}
grid:
  filters: 4
  cells: 2
  head: {scale_channels: 8, channels: 16}
final:
  samples: 1
  latency: []
  training: {epochs: 1, batch: 4, augment: {crop: 64, shorter_side: 64}}
)";

class GridStudyTest : public StudyTest {
 protected:
  void SetUp() override {
    StudyTest::SetUp();
    core::write_file_atomic(file("study.yaml"), std::string(kGridStudy));
  }
  Answer train(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"train", file("study.yaml"), "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return parsimony(arguments);
  }
};

TEST_F(GridStudyTest, ANetworkIsTrainedExportedAndTransferred) {
  const std::string model = file("model");
  const Answer trained = train({"--genotype", kSmall, "--out", model});
  ASSERT_EQ(trained.code, 0) << trained.err;
  const Json card = Json::parse(core::read_text_file(fs::path(model) / "model.json"));
  EXPECT_EQ(card["space"], "grid");
  EXPECT_EQ(card["genotype"], kSmall);
  EXPECT_EQ(card["grid"]["filters"], 4);
  EXPECT_FALSE(card.contains("encoder"));

  const Answer again =
      train({"--from", model, "--out", file("again"), "--set", "final.training.epochs=2"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(train({"--from", model, "--scratch", "--out", file("scratch")}).code, 0);
  if (!deploy::OrtSession::available()) GTEST_SKIP() << deploy::OrtSession::unavailable_reason();
  const Answer exported = parsimony({"export", model, file("again.onnx"), "--output", "logits"});
  EXPECT_EQ(exported.code, 0) << exported.err;
  EXPECT_THAT(exported.out, HasSubstr("differs from LibTorch by"));
}

TEST_F(GridStudyTest, WhatCannotBeIsExplained) {
  const auto refused = [&](const std::vector<std::string>& settings) {
    std::vector<std::string> arguments = {"search", file("study.yaml"), "--out", file("refused")};
    for (const std::string& setting : settings) {
      arguments.emplace_back("--set");
      arguments.push_back(setting);
    }
    const Answer answer = parsimony(arguments);
    EXPECT_EQ(answer.code, 2) << answer.out;
    return answer.err;
  };
  EXPECT_THAT(refused({"differentiable.cell.warm_up=40"}),
              HasSubstr(".yaml: differentiable.cell: a warm_up of 40 of 40"));
  EXPECT_THAT(refused({"grid.start=multires"}), HasSubstr("are not those of space"));
  EXPECT_THAT(refused({"cost.measured=[host-onnx]"}), HasSubstr("cost.measured names host-onnx"));
  EXPECT_THAT(refused({"differentiable.cost=flops"}), HasSubstr("differentiable.cost is flops"));
  EXPECT_THAT(refused({"search.method=nsga2"}), HasSubstr("unknown key"));
  EXPECT_THAT(refused({"differentiable.cell.batch=9"}),
              HasSubstr("12 training pictures are cut into 6"));
  const Answer cell = train({"--genotype", "[[1],[[3,3]]]", "--out", file("cell")});
  EXPECT_EQ(cell.code, 2);
  EXPECT_THAT(cell.err, HasSubstr("expected '{', found '['"));
}

// The settings of a search that takes seconds.
std::vector<std::string> quick_search() {
  return {"--set",
          "differentiable.augment={crop: 32, shorter_side: 32}",
          "--set",
          "differentiable.validate_every=2",
          "--set",
          "differentiable.calibration=1",
          "--set",
          "differentiable.supernet.filters=4",
          "--set",
          "differentiable.cell={epochs: 3, warm_up: 1, batch: 3}",
          "--set",
          "differentiable.cell.robustness.sharpness={steps: 2, batches: 1}",
          "--set",
          "differentiable.paths={epochs: 3, warm_up: 1, batch: 3}"};
}

std::vector<std::string> joined(std::vector<std::string> first,
                                const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

TEST_F(GridStudyTest, IsSearchedInTwoStagesAndComparedWithRandomNetworks) {
  const std::vector<std::string> settings =
      joined(quick_search(), {"--set", "differentiable.budgets=[0.7]"});
  const Answer first = search("run", settings);
  ASSERT_EQ(first.code, 0) << first.err;
  const std::vector<study::Trial> trials = trials_of(file("run"));
  ASSERT_EQ(trials.size(), 3U);
  EXPECT_TRUE(study::value_of(trials[0], "miou"));
  EXPECT_TRUE(study::value_of(trials[1], "miou"));
  EXPECT_FALSE(study::value_of(trials[2], "miou")) << "another cell has no weights in the supernet";
  const auto genotype = [](const study::Trial& trial) {
    return space::parse_grid_genotype(trial.genotype);
  };
  EXPECT_EQ(genotype(trials[0]).cell, genotype(trials[1]).cell);
  EXPECT_NE(genotype(trials[0]).layers, genotype(trials[1]).layers);
  EXPECT_NE(genotype(trials[0]).cell, genotype(trials[2]).cell);
  EXPECT_EQ(genotype(trials[0]).layers, genotype(trials[2]).layers);
  for (const char* model : {"1", "2", "3"})
    EXPECT_TRUE(fs::exists(fs::path(file("run")) / "models" / model / "metrics.json")) << model;
  const std::string report = core::read_text_file(fs::path(file("run")) / "report.html");
  EXPECT_THAT(report, HasSubstr("Two-stage search"));

  // One budget more: what there is stays, and three networks join.
  const Answer more =
      search("run", joined(quick_search(), {"--set", "differentiable.budgets=[0.7, 0.2]"}));
  ASSERT_EQ(more.code, 0) << more.err;
  const std::vector<study::Trial> all = trials_of(file("run"));
  ASSERT_EQ(all.size(), 6U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(all[i].genotype, trials[i].genotype);
}

TEST_F(GridStudyTest, ThatIsKilledGoesOnAsIfItWereNot) {
  const std::vector<std::string> settings = joined(
      quick_search(), {"--set", "differentiable.budgets=[0.7, 0.3]", "--set", "final.count=0"});
  const Answer whole = search("whole", settings);
  ASSERT_EQ(whole.code, 0) << whole.err;
  // Killed after ever more time, and continued, until it is done.
  int kills = 0;
  for (int milliseconds = 400; milliseconds < 60000; milliseconds = milliseconds * 3 / 2) {
    std::vector<std::string> arguments =
        joined({"search", file("study.yaml"), "--out", file("killed"), "--threads", "1"}, settings);
    const pid_t child = start(arguments, fs::path(file("")));
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) break;
    ++kills;
  }
  EXPECT_GT(kills, 1);
  ASSERT_EQ(search("killed", settings).code, 0);
  const std::vector<study::Trial> expected = trials_of(file("whole"));
  const std::vector<study::Trial> found = trials_of(file("killed"));
  ASSERT_EQ(expected.size(), found.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(expected[i].genotype, found[i].genotype);
    EXPECT_EQ(expected[i].outcome, found[i].outcome);
  }
  const auto state = [&](const std::string& folder) {
    return study::open_sqlite_store(fs::path(file(folder)) / "study.db")->state("differentiable");
  };
  EXPECT_EQ(state("whole"), state("killed"));
}

TEST_F(GridStudyTest, IsPlannedAlsoWithoutItsData) {
  const std::vector<std::string> quick = quick_search();
  const Answer plan = parsimony(joined({"plan", file("study.yaml")}, quick));
  ASSERT_EQ(plan.code, 0) << plan.err;
  EXPECT_THAT(plan.out,
              HasSubstr("1 seed: a cell in 3 epochs, then paths for 1 budget in 3 epochs"));
  EXPECT_THAT(plan.out, HasSubstr("to train 3 final networks"));
  const std::vector<std::string> elsewhere =
      joined({"plan", file("study.yaml"), "--set", "data.path=" + file("nowhere")}, quick);
  EXPECT_EQ(parsimony(elsewhere).code, 2);
  const Answer assumed = parsimony(
      joined(elsewhere,
             {"--set", "data.assumed={train: 300, val: 20, width: 64, height: 32, classes: 19}"}));
  ASSERT_EQ(assumed.code, 0) << assumed.err;
  EXPECT_THAT(assumed.out, HasSubstr("300 training, 20 validation, 0 test pictures, 19 classes"));
}

// LibTorch, with its gradients and without, against the plainest interpreter.
TEST(Grid, NetworksGiveTheReferenceValues) {
  for (int i = 0; i < 5; ++i) {
    graph::GridOptions options;
    options.filters = 4;
    options.cells = 2;
    options.rsp = static_cast<graph::RspMode>(i % 3);
    options.gate.kind = static_cast<graph::PathGate>(i);
    options.gate.kept = 2;
    options.head = {.scale_channels = 8, .channels = 12};
    const graph::Graph graph = graph::grid_network(space::parse_grid_genotype(kD1), options, 5);
    const weights::ArrayMap weights = deploy::testing::random_weights(graph, core::Rng(i));
    const auto picture = deploy::testing::random_map({3, 50, 38}, core::Rng(9));
    const auto expected = deploy::testing::run_reference(graph, weights, picture);
    const at::Tensor wanted = at::tensor(expected.values, at::kDouble);
    for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
      network::Network net(graph, core::Rng(1), {.dtype = dtype});
      net.load(weights, "random weights");
      const at::Tensor input = at::tensor(picture.values, at::kDouble).view({1, 3, 50, 38});
      const auto difference = [&] {
        const at::Tensor y = net.logits({input}, network::Phase::kEvaluation).detach();
        return ((y.to(at::kDouble).flatten() - wanted).abs().max() / wanted.abs().max())
            .item<double>();
      };
      const double tolerance = dtype == at::kDouble ? 1e-6 : 1e-4;  // weights are floats
      EXPECT_LT(difference(), tolerance) << i;
      const at::NoGradGuard no_grad;  // batch norms are folded
      EXPECT_LT(difference(), tolerance) << i;
    }
  }
}

}  // namespace
}  // namespace parsimony
