// SPDX-License-Identifier: Apache-2.0
// What `inspect` says of an architecture.
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

}  // namespace
}  // namespace parsimony
