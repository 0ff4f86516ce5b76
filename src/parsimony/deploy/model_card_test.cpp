// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/model_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"

namespace parsimony::deploy {
namespace {

using nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

ModelCard example() {
  ModelCard card;
  card.name = "portraits-17";
  card.trial = 17;
  card.genotype = "[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]";
  card.encoder = {.name = "small",
                  .width = 0.75,
                  .first_expansion = false,
                  .taps = graph::EncoderTaps::kPyramid};
  card.decoder = {.width = 64, .repeats = 2, .auxiliary = false, .auxiliary_cells = false};
  card.classes = {{"background", {0, 0, 0}}, {"person | child", {255, 128, 1}}};
  card.interface = {
      .height = 256, .width = 192, .normalise_inside = true, .output = OutputKind::kPictureLogits};
  card.output_shape = {1, 2, 256, 192};
  card.costs = {.params = 312'345, .macs = 181'234'567, .peak_activation_bytes = 4 << 20};
  card.dataset = "synth";
  card.training = {{"epochs", 40.0}, {"optimiser", "SGD, momentum 0.9"}};
  card.metrics = {{"miou", 0.8125}, {"pixel_accuracy", 0.9625}};
  card.latencies = {{"host-onnx", 3.25, "EPYC, ONNX Runtime | 1 thread"}};
  card.parity = {.max_difference = 1e-5, .max_reference = 8, .class_agreement = 0.99999};
  card.files = {{"model.onnx", std::string(64, 'a')},
                {"weights.safetensors", std::string(64, 'b')}};
  card.seed = std::numeric_limits<std::uint64_t>::max();
  card.date = "2026-11-22T01:34:28Z";
  card.parsimony = "0.1.0";
  return card;
}

std::string error_of(const std::string& text) {
  try {
    parse_model_card(text, "model.json");
    return "no error";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    return error.what();
  }
}

// The error after the value at `pointer` was replaced.
std::string error_with(const std::string& pointer, const ordered_json& value) {
  ordered_json document = ordered_json::parse(to_json(example()));
  document[ordered_json::json_pointer(pointer)] = value;
  return error_of(document.dump());
}

TEST(ModelCard, OfAPartOfASupernetNamesTheSupernetInsteadOfAnEncoder) {
  ModelCard card = example();
  card.space = "supernet";
  card.genotype = "[0,1,2]";
  card.encoder = {};
  card.decoder = {};
  card.supernet = {.width = 0.5, .output_stride = 8, .decoder = false};
  const ordered_json document = ordered_json::parse(to_json(card));
  EXPECT_FALSE(document.contains("encoder"));
  EXPECT_EQ(document["supernet"]["output_stride"], 8);
  EXPECT_EQ(parse_model_card(to_json(card), "model.json"), card);
  EXPECT_EQ(card.description().supernet, card.supernet);
  EXPECT_THAT(to_markdown(card), HasSubstr("the part `[0,1,2]` of a DeepLabV3 with backbone"));
}

TEST(ModelCard, OfAGridNamesItsDesignInsteadOfAnEncoder) {
  ModelCard card = example();
  card.space = "grid";
  card.genotype = "{cell:[[1,0,sep3]],paths:[[0-0,0-1]]}";
  card.encoder = {};
  card.decoder = {};
  card.grid = {.filters = 8, .rsp = graph::RspMode::kNested, .gate = {.dynamic = false}};
  const ordered_json document = ordered_json::parse(to_json(card));
  EXPECT_FALSE(document.contains("encoder"));
  EXPECT_EQ(document["grid"]["gate"]["kind"], "softmax_in");
  EXPECT_EQ(parse_model_card(to_json(card), "model.json"), card);
  EXPECT_EQ(card.description().grid, card.grid);
  EXPECT_FALSE(card.has_encoder());
  EXPECT_THAT(to_markdown(card), HasSubstr("0-1]]}` of a grid, 8 filters, 4 cells per node"));
}

TEST(ModelCard, ReadsBackWhatItWrote) {
  EXPECT_EQ(parse_model_card(to_json(example()), "model.json"), example());
  const core::TemporaryFolder folder;
  write_model_card(example(), folder.path() / "models" / "17");
  EXPECT_EQ(read_model_card(folder.path() / "models" / "17" / "model.json"), example());
  EXPECT_EQ(core::read_text_file(folder.path() / "models" / "17" / "README.md"),
            to_markdown(example()));
}

// Two heads: the depth's channel first, then one for each of 14 joints.
ModelCard of_depth_and_pose() {
  ModelCard card = example();
  card.tasks = {"depth", "pose"};
  card.classes.clear();
  card.interface.keep_aspect = true;
  card.depth = {.form = "inverse", .nearest = 0.5, .farthest = 8};
  card.pose = {.joints = {"left | wrist", "neck"}, .bones = {{0, 1}}};
  return card;
}

TEST(ModelCard, OfOtherTasksSaysWhatTheirChannelsAre) {
  const ModelCard card = of_depth_and_pose();
  EXPECT_EQ(card.channels(), 3);
  EXPECT_EQ(card.description().classes, 3);
  const ordered_json document = ordered_json::parse(to_json(card));
  EXPECT_FALSE(document.contains("classes"));
  EXPECT_EQ(parse_model_card(to_json(card), "model.json"), card);
  const std::string text = to_markdown(card);
  EXPECT_THAT(text, HasSubstr("A network for dense prediction, of depth and 2 joints,"));
  EXPECT_THAT(text, HasSubstr("metres = np.clip(1 / np.maximum(logits[:, 0:1], 0.125), 0.5, 8)"));
  EXPECT_THAT(text, HasSubstr("maps = logits[:, 1:3]"));
  EXPECT_THAT(text, HasSubstr("one depth, then one heat map per joint, for every pixel"));
  EXPECT_THAT(text, HasSubstr("| 0 | left   wrist |"));
  EXPECT_THAT(text,
              HasSubstr("ImageOps.pad(picture, (192, 256), Image.BICUBIC, color=(124, 116, 104))"));
  EXPECT_THAT(text, Not(HasSubstr("## Classes")));
}

TEST(ModelCard, ErrorsOfTasksNameThem) {
  const auto with = [](const std::string& pointer, const ordered_json& value) {
    ordered_json document = ordered_json::parse(to_json(of_depth_and_pose()));
    document[ordered_json::json_pointer(pointer)] = value;
    return error_of(document.dump());
  };
  EXPECT_THAT(with("/tasks/0", "smell"), HasSubstr("segmentation, depth or pose"));
  EXPECT_THAT(with("/tasks/1", "depth"), HasSubstr("a task that was not named before"));
  EXPECT_THAT(with("/tasks", ordered_json::array()), HasSubstr("at least one task"));
  EXPECT_THAT(with("/depth/form", "cubic"), HasSubstr("linear, log or inverse"));
  EXPECT_THAT(with("/depth/nearest", 9), HasSubstr("below 'farthest'"));
  EXPECT_THAT(with("/pose/joints", ordered_json::array()), HasSubstr("at least one joint"));
  EXPECT_THAT(with("/pose/bones/0", ordered_json({0, 2})), HasSubstr("bones"));
}

// Cards that were written before there were other tasks.
TEST(ModelCard, WithoutTasksIsOfSegmentation) {
  ordered_json document = ordered_json::parse(to_json(example()));
  document.erase("tasks");
  document["interface"].erase("keep_aspect");
  EXPECT_EQ(parse_model_card(document.dump(), "model.json"), example());
}

TEST(ModelCard, UnknownKeysArePassedOver) {
  ordered_json document = ordered_json::parse(to_json(example()));
  document["later"] = {{"x", 1}};
  document["encoder"]["later"] = 2;
  EXPECT_EQ(parse_model_card(document.dump(), "model.json"), example());
}

TEST(ModelCard, EveryKeyIsNeeded) {
  const ordered_json document = ordered_json::parse(to_json(example()));
  for (const auto& [key, value] : document.items()) {
    if (key == "latencies" || key == "tasks") continue;  // came later
    ordered_json without = document;
    without.erase(key);
    EXPECT_EQ(error_of(without.dump()), "model.json: the key '" + key + "' is missing");
  }
}

TEST(ModelCard, TapsOfEarlierVersionsAreThePublishedOnes) {
  ordered_json earlier = ordered_json::parse(to_json(example()));
  ASSERT_EQ(earlier["encoder"].erase("taps"), 1u);
  ModelCard expected = example();
  expected.encoder.taps = graph::EncoderTaps::kPublished;
  EXPECT_EQ(parse_model_card(earlier.dump(), "model.json"), expected);
}

TEST(ModelCard, ErrorsNameKeyExpectationAndFinding) {
  EXPECT_EQ(error_with("/trial", "x"),
            "model.json: the key 'trial' must be an integer from 0 to 9e+18, found \"x\"");
  EXPECT_EQ(
      error_with("/classes/1/color/0", 256),
      "model.json: the key 'classes[1].color[0]' must be an integer from 0 to 255, found 256");
  EXPECT_EQ(error_with("/classes/1/color", {1, 2}),
            "model.json: the key 'classes[1].color' must be three integers: red, green, blue, "
            "found [1,2]");
  EXPECT_EQ(error_with("/decoder/width", 0),
            "model.json: the key 'decoder.width' must be an integer from 1 to 4096, found 0");
  EXPECT_EQ(error_with("/interface/output", "masks"),
            "model.json: the key 'interface.output' must be one of logits, picture-logits, "
            "classes, found \"masks\"");
  EXPECT_EQ(error_with("/interface/normalise_inside", 1),
            "model.json: the key 'interface.normalise_inside' must be true or false, found 1");
  EXPECT_THAT(error_with("/interface/mean", {0.1, 0.2}),
              HasSubstr("mean has 2 values, expected 3"));
  EXPECT_EQ(error_with("/metrics/miou", "good"),
            "model.json: the key 'metrics.miou' must be a number, found \"good\"");
  EXPECT_EQ(error_with("/seed", -1),
            "model.json: the key 'seed' must be an integer of at least 0, found -1");
  EXPECT_EQ(error_with("/costs/params", 18446744073709551615U),
            "model.json: the key 'costs.params' must be an integer from 0 to 9e+18, found "
            "18446744073709551615");
  EXPECT_EQ(error_with("/files", ordered_json::array({1})),
            "model.json: the key 'files' must be a group of keys, found [1]");
  EXPECT_EQ(error_with("/format", "onnx"),
            "model.json: the key 'format' must be 'parsimony-model', found \"onnx\"");
  EXPECT_THAT(error_with("/version", 2), HasSubstr("written by a later Parsimony"));
  EXPECT_THAT(error_with("/classes", ordered_json::array()),
              HasSubstr("a list of at least one class"));
}

TEST(ModelCard, CorruptTextSaysWhere) {
  const std::string whole = to_json(example());
  EXPECT_THAT(error_of(whole.substr(0, whole.size() / 2)),
              HasSubstr("found a syntax error at byte"));
  EXPECT_THAT(error_of(""), HasSubstr("found a syntax error at byte 1"));
  EXPECT_EQ(error_of("[]"), "model.json: expected a group of keys, found []");
  EXPECT_THAT(error_of("\xff\xfe{}"), HasSubstr("found a syntax error"));
}

TEST(ModelCard, NumbersThatAreNotFiniteAreOurMistake) {
  ModelCard card = example();
  card.metrics["miou"] = std::numeric_limits<double>::quiet_NaN();
  try {
    to_json(card);
    FAIL() << "no error";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kInternal);
    EXPECT_STREQ(error.what(), "the model card's 'metrics.miou' is not a finite number");
  }
}

TEST(ModelCard, MarkdownSaysHowToRunIt) {
  const std::string text = to_markdown(example());
  EXPECT_THAT(text, HasSubstr("# portraits-17\n"));
  EXPECT_THAT(text, HasSubstr("It is trial 17 of its study."));
  EXPECT_THAT(text, HasSubstr("resize((192, 256), Image.BICUBIC)"));
  EXPECT_THAT(
      text,
      HasSubstr("logits = session.run([\"logits\"], {\"picture\": x})[0]  # [1, 2, 256, 192]\n"));
  EXPECT_THAT(text, HasSubstr("| 1 | person   child | #ff8001 |"));
  EXPECT_THAT(text, HasSubstr("| MACs | 181234567 (181 M) |"));
  EXPECT_THAT(text, Not(HasSubstr("x = (x / 255 - mean) / std\n")))
      << "the network normalises by itself";

  ModelCard card = example();
  card.interface.normalise_inside = false;
  card.interface.output = OutputKind::kClasses;
  EXPECT_THAT(to_markdown(card),
              HasSubstr("mean = np.float32([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)\n"));
  EXPECT_THAT(to_markdown(card), HasSubstr("classes = session.run([\"classes\"]"));
}

TEST(ModelCard, ChangedOrMissingFilesAreFound) {
  const core::TemporaryFolder folder;
  core::write_file_atomic(folder.path() / "model.onnx", std::string_view("network"));
  ModelCard card = example();
  card.files = {{"model.onnx", core::sha256(std::string_view("network"))}};
  EXPECT_NO_THROW(check_files(card, folder.path()));
  core::write_file_atomic(folder.path() / "model.onnx", std::string_view("netwerk"));
  EXPECT_THROW(check_files(card, folder.path()), core::Error);
  std::filesystem::remove(folder.path() / "model.onnx");
  EXPECT_THROW(check_files(card, folder.path()), core::Error);
}

// Cards of versions that measured no latencies.
TEST(ModelCard, NeedsNoLatencies) {
  ordered_json document = ordered_json::parse(to_json(example()));
  document.erase("latencies");
  EXPECT_TRUE(parse_model_card(document.dump(), "model.json").latencies.empty());
  EXPECT_THAT(to_markdown(example()), HasSubstr("| latency, host-onnx | 3.25 ms |"));
}

}  // namespace
}  // namespace parsimony::deploy
