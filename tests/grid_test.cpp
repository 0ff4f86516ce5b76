// SPDX-License-Identifier: Apache-2.0
// Networks of the grid space (System D), as their users meet them and across modules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

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
  const Answer search_of_grids = search("run");
  EXPECT_EQ(search_of_grids.code, 2);
  EXPECT_THAT(search_of_grids.err, HasSubstr("space.name is grid"));
  const Answer plan = parsimony({"plan", file("study.yaml")});
  EXPECT_EQ(plan.code, 2);
  EXPECT_THAT(plan.err, HasSubstr("space.name is grid"));
  const Answer cell = train({"--genotype", "[[1],[[3,3]]]", "--out", file("cell")});
  EXPECT_EQ(cell.code, 2);
  EXPECT_THAT(cell.err, HasSubstr("expected '{', found '['"));
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
