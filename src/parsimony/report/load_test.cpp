// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/report/testing.h"

namespace parsimony::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class LoadReport : public testing::Test {
 protected:
  void fill(study::Store& store) {
    ReportData fake = fake_report_data(12);
    study::Update update;
    update.trials = fake.trials;
    for (study::Trial& trial : update.trials) {
      if (trial.same_as) trial.same_as.reset();
    }
    update.models = {{3, "models/3", {{"miou", 0.6}, {"onnx_difference", 2e-5}}, 60}};
    update.events = {{0, 1.7635e9, "started", ""},
                     {0, 1.7635e9, "diagnostics", R"({"trial":4,"entropy":1.5})"},
                     {0, 1.7635e9, "diagnostics", R"({"trial":3,"entropy":1.75})"}};
    update.states["report"] =
        R"({"name":"faces, wide","objectives":["miou","macs"],"rewards":["reward","miou * (macs / 1e6)^-1"],"command":"parsimony search x.yaml","palette":[[1,2,3]],"network":"classes: 3\nencoder: {name: ghostnet}\n"})";
    ASSERT_TRUE(store.commit(update));
    const auto folder = runs_.path() / "faces";
    core::write_file_atomic(folder / "study.yaml",
                            std::string_view("seed: 11  # chosen\ndata: {}\n"));
    core::write_file_atomic(
        folder / "models/3/metrics.json",
        std::string_view(R"({"miou":0.61,"iou":[0.9,null,0.32],"pixel_accuracy":0.9,)"
                         R"("mean_accuracy":0.7,"images":20,"classes":["a","b","c"]})"));
    core::write_file_atomic(
        folder / "models/3/transfer/masks/metrics.json",
        std::string_view(R"({"miou":0.4,"f1":[0.5,null],"images":7,"classes":["x <b>","y"]})"));
    core::write_file_atomic(
        folder / "models/3/transfer/masks/model.json",
        std::string_view(
            R"({"dataset":"masks","costs":{"params":1234},"training":{"weights_of":"faces-3"}})"));
    core::write_file_atomic(folder / "models/3/transfer/unfinished/checkpoint.safetensors",
                            std::string_view("..."));
    core::write_file_atomic(folder / "models/3/samples/p1_image.jpg", std::string_view("jpg"));
    core::write_file_atomic(folder / "models/3/samples/p1_label.png", std::string_view("lab"));
    core::write_file_atomic(folder / "models/3/samples/p1_prediction.png", std::string_view("pre"));
  }

  std::string error_of(const study::Store& store) {
    try {
      load_report_data(store, runs_.path() / "faces");
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
      return error.what();
    }
    return "";
  }

  core::TemporaryFolder runs_;
};

TEST_F(LoadReport, CollectsWhatStoreAndFolderHold) {
  const auto store = study::make_memory_store();
  fill(*store);
  const ReportData data = load_report_data(*store, runs_.path() / "faces");
  EXPECT_EQ(data.title, "faces, wide");
  EXPECT_EQ(data.seed, "11");
  EXPECT_EQ(data.command, "parsimony search x.yaml");
  EXPECT_EQ(data.trials.size(), 12u);
  ASSERT_EQ(data.objectives.size(), 2u);
  EXPECT_EQ(data.objectives[0].name, "miou");
  EXPECT_THAT(data.classes, ElementsAre("a", "b", "c"));
  EXPECT_THAT(data.palette, ElementsAre(Colour{1, 2, 3}));
  EXPECT_EQ(data.network.encoder.name, "ghostnet");
  EXPECT_EQ(data.network.classes, 3);
  EXPECT_THAT(data.diagnostics.at("entropy").at(0), ElementsAre(Pair(3, 1.75), Pair(4, 1.5)));
  ASSERT_EQ(data.models.size(), 1u);
  const ReportedModel& model = data.models[0];
  EXPECT_EQ(model.onnx_difference, 2e-5);
  EXPECT_EQ(model.metrics->miou, 0.61);
  EXPECT_THAT(model.metrics->iou, ElementsAre(0.9, std::nullopt, 0.32));
  ASSERT_EQ(model.samples.size(), 1u);
  EXPECT_EQ(model.samples[0].name, "p1");
  EXPECT_EQ(model.samples[0].image.media_type, "image/jpeg");
  EXPECT_EQ(model.samples[0].prediction.bytes.size(), 3u);
}

TEST_F(LoadReport, ShowsTransfersAndRewards) {
  const auto store = study::make_memory_store();
  fill(*store);
  const ReportData data = load_report_data(*store, runs_.path() / "faces");
  ASSERT_EQ(data.rewards.size(), 2u);
  EXPECT_EQ(objective::to_text(data.rewards[1]), "miou * (macs / 1000000)^-1");
  ASSERT_EQ(data.models[0].transfers.size(), 1u);
  const Transfer& transfer = data.models[0].transfers[0];
  EXPECT_EQ(transfer.name, "masks");
  EXPECT_TRUE(transfer.from_weights);
  EXPECT_EQ(transfer.params, 1234);
  EXPECT_EQ(transfer.metrics.miou, 0.4);
  EXPECT_THAT(transfer.metrics.f1, ElementsAre(0.5, std::nullopt));
  const std::string page = render_report(data);
  EXPECT_THAT(page, HasSubstr("<section id=\"transfer\">"));
  EXPECT_THAT(page, HasSubstr("x &lt;b&gt; 50.0</td>"));
  EXPECT_THAT(page, HasSubstr("miou * (macs / 1000000)^-1"));
}

TEST_F(LoadReport, NamesTheFileThatIsBroken) {
  const auto store = study::make_memory_store();
  fill(*store);
  const auto file = runs_.path() / "faces/models/3/metrics.json";
  core::write_file_atomic(file, std::string_view("{\"miou\":\"high\"}"));
  EXPECT_THAT(error_of(*store), testing::AllOf(HasSubstr("metrics.json"), HasSubstr("'miou'")));
  core::write_file_atomic(file, std::string_view("not json"));
  EXPECT_THAT(error_of(*store), HasSubstr("metrics.json: expected a JSON object"));
}

TEST_F(LoadReport, ReadsWhatATwoStageSearchHasSeen) {
  const auto store = study::make_memory_store();
  fill(*store);
  EXPECT_FALSE(load_report_data(*store, runs_.path() / "faces").two_stage.has_value());
  const differentiable::StudyHistory history = *fake_two_stage_data(1, {0.5}).two_stage;
  ASSERT_TRUE(store->commit({.states = {{"differentiable", to_json(history)}}}));
  const ReportData data = load_report_data(*store, runs_.path() / "faces");
  ASSERT_TRUE(data.two_stage.has_value());
  EXPECT_EQ(to_json(*data.two_stage), to_json(history));
  EXPECT_THAT(render_report(data), HasSubstr("<section id=\"two-stage\">"));
  ASSERT_TRUE(store->commit({.states = {{"differentiable", "{}"}}}));
  EXPECT_THAT(error_of(*store), HasSubstr("history of a search: the whole has no 'cost'"));
}

TEST_F(LoadReport, SaysWhatIsReachedWithoutANetwork) {
  const auto store = study::make_memory_store();
  fill(*store);
  const auto folder = runs_.path() / "faces";
  EXPECT_THAT(render_report(load_report_data(*store, folder)),
              testing::Not(HasSubstr("no network</th>")));
  ASSERT_TRUE(store->commit({.states = {{"constant", R"({"miou": 0.125, "reward": 0.1})"}}}));
  const std::string page = render_report(load_report_data(*store, folder));
  const std::size_t row = page.find("no network</th>");
  ASSERT_NE(row, std::string::npos);
  EXPECT_THAT(page.substr(row, page.find("</tr>", row) - row),
              HasSubstr(R"(data-v="0.125">12.5 %</td>)"));
  ASSERT_TRUE(store->commit({.states = {{"constant", R"({"miou": "high"})"}}}));
  EXPECT_THAT(error_of(*store), HasSubstr("state 'constant': 'miou' is \"high\""));
}

TEST_F(LoadReport, AnEmptyStoreIsEnough) {
  const auto store = study::make_memory_store();
  const ReportData data = load_report_data(*store, runs_.path() / "nothing");
  EXPECT_EQ(data.title, "nothing");
  EXPECT_TRUE(data.trials.empty());
  EXPECT_FALSE(render_report(data).empty());
}

TEST_F(LoadReport, WritesThePageIntoTheStudyFolder) {
  const auto folder = runs_.path() / "faces";
  EXPECT_THROW(write_report(folder), core::Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "study.db"));
  std::filesystem::create_directories(folder);
  fill(*study::open_sqlite_store(folder / "study.db"));
  const auto file = write_report(folder);
  EXPECT_EQ(file, folder / "report.html");
  EXPECT_THAT(core::read_text_file(file), HasSubstr("<h1>faces, wide</h1>"));
}

}  // namespace
}  // namespace parsimony::report
