// SPDX-License-Identifier: Apache-2.0
// Latency meters and lookup tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "parsimony/core/files.h"
#include "program.h"

namespace parsimony {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

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

}  // namespace
}  // namespace parsimony
