// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/finalise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/data/synth.h"
#include "parsimony/run/model.h"

namespace parsimony::run {
namespace {

TEST(MetricsJson, HasTheContractsKeys) {
  const ModelQuality quality{.scores = {{"miou", 0.375}, {"f1.both", 1}},
                             .details = {{"iou", {0.75, 0.0, std::nullopt}}},
                             .pictures = 2};
  EXPECT_EQ(
      metrics_json(quality, {.name = "", .format = "", .classes = {"a", "b", "c"}, .palette = {}}),
      R"({"groups":{"both":1.0},"miou":0.375,"iou":[0.75,0.0,null],"images":2,)"
      R"("classes":["a","b","c"]})");
}

// Two small networks and what becomes of them.
class MakeModels : public ::testing::Test {
 protected:
  MakeModels() {
    options_.latency = {};
    options_.samples = 0;
    options_.training.epochs = 1;
    options_.training.batch = 4;
    options_.training.augment.crop = options_.training.augment.shorter_side = 48;
    for (const std::uint64_t seed : {1, 2}) {
      ModelRequest request;
      request.name = fmt::format("network {}", seed);
      request.trial = static_cast<study::TrialId>(seed);
      request.genotype = "[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]";
      request.network.encoder.name = "small";
      request.network.decoder.width = 8;
      request.options = options_;
      request.seed = seed;
      jobs_.push_back({request, {}});
    }
  }

  // Trials in the order in which their models were done.
  std::vector<study::TrialId> make(const std::string& folder, int at_once) {
    return make(folder, at_once, dataset_);
  }
  std::vector<study::TrialId> make(const std::string& folder,
                                   int at_once,
                                   const data::Dataset& dataset) {
    std::vector<study::TrialId> made;
    for (ModelJob& job : jobs_) job.folder = at(folder) / std::to_string(job.request.trial);
    const core::Context context{log_, progress_, stop_, at_once};
    finished_ = make_models(
        jobs_, dataset, at_once, context, [&](const auto& model) { made.push_back(model.trial); });
    return made;
  }

  std::filesystem::path at(const std::string& name) const { return folder_.path() / name; }
  std::string weights(const std::string& model) const {
    return core::sha256_of_file(at(model) / "weights.safetensors");
  }

  const core::TemporaryFolder folder_;
  const data::MemoryDataset dataset_ =
      data::make_synthetic_dataset({.train = 8, .val = 4, .test = 4, .width = 48, .height = 48}, 1);
  FinalOptions options_;
  std::vector<ModelJob> jobs_;
  core::SilentLog log_;
  core::SilentProgress progress_;
  core::StopFlag stop_;
  bool finished_ = false;
};

TEST_F(MakeModels, TrainedSideBySideTheyAreWhatTheyAreAlone) {
  EXPECT_THAT(make("alone", 1), ::testing::ElementsAre(1, 2));
  EXPECT_TRUE(finished_);
  EXPECT_THAT(make("together", 2), ::testing::ElementsAre(1, 2));
  EXPECT_EQ(weights("alone/1"), weights("together/1"));
  EXPECT_EQ(weights("alone/2"), weights("together/2"));
  EXPECT_NE(weights("alone/1"), weights("alone/2"));
}

TEST_F(MakeModels, TheyHaveTheScoresThatAreAskedFor) {
  jobs_.resize(1);
  jobs_[0].request.f1 = {"hair"};
  jobs_[0].folder = at("asked");
  objective::Scores scores;
  const core::Context context{log_, progress_, stop_, 1};
  make_models(jobs_, dataset_, 1, context, [&](const auto& model) { scores = model.scores; });
  EXPECT_TRUE(scores.contains("f1.hair"));
  EXPECT_FALSE(scores.contains("f1.skin"));
}

// The report shows a label once, beside what every network says of its picture.
TEST_F(MakeModels, DepthIsDrawnInTheLabelsScaleWhateverTheNetworkSays) {
  const data::MemoryDataset rooms =
      data::make_synthetic_dataset({.train = 4,
                                    .val = 2,
                                    .test = 2,
                                    .width = 48,
                                    .height = 48,
                                    .scene = data::SynthScene::kRooms},
                                   1);
  for (ModelJob& job : jobs_) {
    job.request.task.heads = {"depth"};
    job.request.options.samples = 2;
  }
  jobs_[1].request.task.depth.nearest = 20;  // further than any wall
  jobs_[1].request.task.depth.farthest = 40;
  EXPECT_THAT(make("rooms", 1, rooms), ::testing::ElementsAre(1, 2));
  const auto drawn = [&](int model, const std::string& what) {
    const std::string picture = rooms.id(data::Split::kTest, 0);
    return core::sha256_of_file(at("rooms") / std::to_string(model) / "samples" / (picture + what));
  };
  EXPECT_EQ(drawn(1, "_label.png"), drawn(2, "_label.png"));
  EXPECT_NE(drawn(1, "_prediction.png"), drawn(2, "_prediction.png"));
}

TEST_F(MakeModels, OneThatFailsKeepsNoOtherFromBeingMade) {
  jobs_[0].request.teacher.model = at("nobody");
  for (const int at_once : {1, 2}) {
    const std::string folder = fmt::format("{} at once", at_once);
    EXPECT_THROW(make(folder, at_once), core::Error);
    EXPECT_TRUE(std::filesystem::exists(at(folder) / "2" / "model.json"));
    EXPECT_FALSE(std::filesystem::exists(at(folder) / "1" / "model.json"));
  }
}

TEST_F(MakeModels, InterruptedNothingIsDone) {
  stop_.request();
  EXPECT_TRUE(make("stopped", 2).empty());
  EXPECT_FALSE(finished_);
}

}  // namespace
}  // namespace parsimony::run
