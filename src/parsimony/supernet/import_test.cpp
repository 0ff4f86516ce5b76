// SPDX-License-Identifier: Apache-2.0
#include "parsimony/supernet/import.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "parsimony/core/files.h"
#include "parsimony/supernet/fixtures_for_test.h"
#include "parsimony/supernet/sliced.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::supernet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

graph::DeeplabOptions tensorflow(double width, int divisor) {
  return {.width = width,
          .divisible_by = divisor,
          .atrous_branches = false,
          .aspp_channels = 32,
          .decoder = false};
}

// Weights of our graph under TensorFlow's names.
weights::ArrayMap as_file(const weights::ArrayMap& own) {
  weights::ArrayMap file;
  for (const auto& [name, array] : own.arrays) {
    std::string theirs = name.substr(name.find('.') + 1);
    for (const auto& [part, number] : {std::pair(".conv.", ".0."), std::pair(".bn.", ".1.")}) {
      const auto at = theirs.starts_with("features") ? std::string::npos : theirs.find(part);
      if (at != std::string::npos) theirs.replace(at, std::string_view(part).size(), number);
    }
    file.arrays[theirs] = array;
  }
  file.arrays["aspp0.1.num_batches_tracked"] = {weights::DType::kI64, {}, {0, 0, 0, 0, 0, 0, 0, 0}};
  return file;
}

weights::ArrayMap random_file(const graph::DeeplabOptions& options, int classes) {
  return as_file(random_weights(graph::deeplab_supernet(options, classes).graph, core::Rng(1)));
}

// Facts that leave the weights as they are.
DeeplabFacts unchanged() {
  DeeplabFacts facts;
  facts.normalization = graph::kImagenetNormalization;
  return facts;
}

TEST(DeeplabDesign, IsFoundFromTheShapes) {
  std::vector<graph::DeeplabOptions> all;
  for (const auto& [width, divisor] :
       {std::pair(1.0, 8), std::pair(0.5, 8), std::pair(0.5, 1), std::pair(0.75, 8)})
    all.push_back(tensorflow(width, divisor));
  all.push_back(tensorflow(0.35, 1));
  all.back().image_pooling = false;
  for (graph::DeeplabOptions options : all) {
    options.output_stride = 8;
    const DeeplabDesign design = deeplab_design(random_file(options, 5), 8, "file");
    EXPECT_EQ(design.options, options) << options.width;
    EXPECT_EQ(design.classes, 5);
  }
}

TEST(DeeplabDesign, SaysWhatDoesNotFit) {
  const weights::ArrayMap file = random_file(tensorflow(0.5, 1), 3);
  const auto error = [&](const std::function<void(weights::ArrayMap&)>& damage) {
    weights::ArrayMap damaged = file;
    damage(damaged);
    return error_of([&] { deeplab_design(damaged, 16, "x.safetensors"); });
  };
  EXPECT_THAT(error([](auto& map) { map.arrays.erase("logits.weight"); }),
              HasSubstr("x.safetensors: has no convolution 'logits.weight'"));
  EXPECT_THAT(error([](auto& map) { map.arrays.erase("features.5.conv.3.bias"); }),
              AllOf(HasSubstr("x.safetensors: differs in 1 arrays"),
                    HasSubstr("width 0.5; in our names, 'encoder.features.5.conv.3.bias'")));
  EXPECT_THAT(error([](auto& map) {
                map.arrays["aspp0.1.bias"].shape = {4, 8};
              }),
              HasSubstr("'decoder.aspp0.bn.bias' has shape [4, 8], expected [32]"));
  EXPECT_THAT(error([](auto& map) { map.arrays["aspp1.0.weight"] = {}; }),
              HasSubstr("the array 'aspp1.0.weight', which a DeepLabV3 on MobileNet-v2"));
  EXPECT_THAT(error([](auto& map) { map.arrays["features.18.0.weight"] = {}; }),
              HasSubstr("'encoder.features.18.0.weight' is superfluous"));
  EXPECT_THAT(error_of([] { deeplab_design({}, 16, "x.safetensors"); }),
              HasSubstr("x.safetensors: has no convolution"));
}

TEST(DeeplabWeights, AreRenamedAndOtherwiseEqual) {
  const DeeplabDesign design{tensorflow(0.25, 8), 3};
  const weights::ArrayMap own =
      random_weights(graph::deeplab_supernet(design.options, 3).graph, core::Rng(1));
  EXPECT_EQ(deeplab_weights(as_file(own), design, unchanged(), "file"), own);
}

TEST(DeeplabWeights, RefuseDamagedValues) {
  const DeeplabDesign design{tensorflow(0.25, 8), 3};
  weights::ArrayMap file = random_file(design.options, 3);
  file.arrays["logits.bias"] =
      weights::Array::from_floats({3}, std::vector{0.0F, std::nanf(""), std::nanf("")});
  EXPECT_THAT(error_of([&] { deeplab_weights(file, design, {}, "x.safetensors"); }),
              AllOf(HasSubstr("x.safetensors: "),
                    HasSubstr("'decoder.logits.bias' holds 2 values of 3 that are not finite")));
}

TEST(DeeplabWeights, TakeAnotherEpsilonIntoTheVariances) {
  const DeeplabDesign design{tensorflow(0.25, 8), 3};
  const weights::ArrayMap file = random_file(design.options, 3);
  DeeplabFacts facts = unchanged();
  facts.epsilon = 1e-3;
  const weights::ArrayMap own = deeplab_weights(file, design, facts, "file");
  const std::vector<float> before = file.arrays.at("aspp0.1.running_var").to_floats();
  const std::vector<float> after = own.arrays.at("decoder.aspp0.bn.running_var").to_floats();
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_NEAR(after[i] + 1e-5, before[i] + 1e-3, 1e-7);
  EXPECT_EQ(own.arrays.at("decoder.aspp0.bn.running_mean"), file.arrays.at("aspp0.1.running_mean"));
}

// A picture of values 0..255 as a network of that normalisation sees it.
Map normalised(const Map& picture, const graph::Normalization& by) {
  Map result = picture;
  for (std::int64_t c = 0; c < 3; ++c) {
    for (std::int64_t y = 0; y < picture.shape.height; ++y) {
      for (std::int64_t x = 0; x < picture.shape.width; ++x) {
        const auto channel = static_cast<std::size_t>(c);
        result.at(c, y, x) = (picture.at(c, y, x) / 255 - by.mean[channel]) / by.deviation[channel];
      }
    }
  }
  return result;
}

TEST(DeeplabWeights, TakeTheNormalisationIntoTheFirstConvolution) {
  const DeeplabDesign design{tensorflow(0.25, 8), 3};
  const weights::ArrayMap file = random_file(design.options, 3);
  const weights::ArrayMap theirs = deeplab_weights(file, design, unchanged(), "file");
  const weights::ArrayMap ours = deeplab_weights(file, design, DeeplabFacts{}, "file");

  // By hand: W'[o, c] = W[o, c] * 0.224 / 0.5 and mean' = mean - sum of W (m - 0.5) / 0.5.
  const std::string kernel = "encoder.features.0.0.weight",
                    mean = "encoder.features.0.1.running_mean";
  const std::vector<float> before = theirs.arrays.at(kernel).to_floats();
  EXPECT_FLOAT_EQ(ours.arrays.at(kernel).to_floats()[27 + 9 + 4],
                  before[27 + 9 + 4] * 0.224F / 0.5F);
  double shift = 0;
  for (std::size_t i = 0; i < 27; ++i)
    shift += before[27 + i] * std::array{-0.015, -0.044, -0.094}[i / 9] / 0.5;
  EXPECT_NEAR(
      ours.arrays.at(mean).to_floats()[1], theirs.arrays.at(mean).to_floats()[1] - shift, 1e-6);
  for (const auto& [name, array] : ours.arrays) {
    if (name != kernel && name != mean) {
      EXPECT_EQ(array, theirs.arrays.at(name)) << name;
    }
  }

  // The first map is the same but for the border that reads padding.
  graph::Graph first = graph::deeplab_supernet(design.options, 3).graph;
  first.outputs = {{"first", 3}};
  ASSERT_EQ(first[3].name, "encoder.features.0.1.relu6");
  first.nodes.resize(4);
  Map picture = random_map({3, 17, 17}, core::Rng(2));
  for (double& value : picture.values) value = 128 + 50 * value;
  const Map one =
      run_reference(first, theirs, normalised(picture, kSymmetricNormalization), "first");
  const Map other =
      run_reference(first, ours, normalised(picture, graph::kImagenetNormalization), "first");
  double inside = 0, border = 0;
  for (std::int64_t c = 0; c < one.shape.channels; ++c) {
    for (std::int64_t y = 0; y < one.shape.height; ++y) {
      for (std::int64_t x = 0; x < one.shape.width; ++x) {
        const bool reads_padding =
            y == 0 || x == 0 || y + 1 == one.shape.height || x + 1 == one.shape.width;
        double& largest = reads_padding ? border : inside;
        largest = std::max(largest, std::abs(one.at(c, y, x) - other.at(c, y, x)));
      }
    }
  }
  EXPECT_LT(inside, 1e-5);
  EXPECT_GT(border, 1e-3);  // as the header says
}

constexpr std::string_view kSideCar = R"({
  "preprocessing": {"formula": "pixel/127.5 - 1"},
  "classes": ["background", "person"],
  "graph": {"nodes": [
    {"op": "conv2d", "weight": "features.0.0.weight", "stride": [2, 2]},
    {"op": "batch_norm", "eps": 1e-3},
    {"op": "relu6"},
    {"op": "conv2d", "weight": "features.2.conv.1.0.weight", "stride": [2, 2]},
    {"op": "conv2d", "weight": "features.4.conv.1.0.weight", "stride": [2, 2]},
    {"op": "batch_norm", "eps": 1e-3},
    {"op": "conv2d", "weight": "aspp0.0.weight", "stride": [1, 1]}]}})";

std::string with(std::string_view from, std::string_view to) {
  std::string text(kSideCar);
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

TEST(DeeplabFacts, AreReadFromASideCar) {
  const DeeplabFacts facts = deeplab_facts(kSideCar, "x.json");
  EXPECT_EQ(facts.output_stride, 8);
  EXPECT_EQ(facts.epsilon, 1e-3);
  EXPECT_EQ(facts.normalization, kSymmetricNormalization);
  EXPECT_THAT(facts.classes, ::testing::ElementsAre("background", "person"));
}

TEST(DeeplabFacts, OfAnotherFileAreAUserError) {
  const auto error = [](const std::string& text) {
    return error_of([&] { deeplab_facts(text, "x.json"); });
  };
  EXPECT_THAT(error(with("pixel/127.5 - 1", "pixel/255")),
              HasSubstr("x.json: pictures are normalised by 'pixel/255'"));
  EXPECT_THAT(error(with("batch_norm", "norm")), HasSubstr("found []"));
  EXPECT_THAT(error(with("graph", "graphs")), HasSubstr("x.json: has no 'graph'"));
  EXPECT_THAT(error(with("formula", "text")), HasSubstr("x.json: has no 'formula'"));
  EXPECT_THAT(error("[]"), HasSubstr("x.json: has no 'graph'"));
  EXPECT_THAT(error(with("eps", "epsilon")), HasSubstr("x.json: not the side-car"));
  EXPECT_THAT(error(with("[2, 2]", "[]")), HasSubstr("x.json: not the side-car"));
  EXPECT_THAT(error(with("[2, 2]", "[1000, 2]")),
              HasSubstr("x.json: 'features.0.0.weight' has stride 1000, expected 1 or 2"));
  core::Rng rng(1);
  for (int i = 0; i < 300; ++i) {
    std::string damaged(kSideCar);
    damaged[static_cast<std::size_t>(rng.below(std::ssize(damaged)))] =
        static_cast<char>(rng.below(128));
    try {
      deeplab_facts(damaged, "x.json");
    } catch (const core::Error& caught) {
      EXPECT_EQ(caught.kind(), core::ErrorKind::kUser) << damaged;
    }
  }
}

std::filesystem::path packed() {
  const char* shared = std::getenv("PARSIMONY_SHARED");
  return (shared != nullptr ? std::filesystem::path(shared) : std::filesystem::path("../shared")) /
         "weights";
}

class PackedDeeplab : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::is_directory(packed())) {
      GTEST_SKIP() << "NO REAL WEIGHTS IMPORTED: " << packed()
                   << " is missing; set PARSIMONY_SHARED.";
    }
  }
};

TEST_F(PackedDeeplab, DesignsAreThoseOfTheSideCars) {
  struct Expected {
    const char* name;
    double width;
    int output_stride, classes;
  };
  for (const Expected& expected : {Expected{"1.0_voc21", 1.0, 8, 21},
                                   Expected{"1.0_voc21_q8", 1.0, 16, 21},
                                   Expected{"0.5_voc21_257", 0.5, 8, 21},
                                   Expected{"0.5_portrait2_513", 0.5, 8, 2}}) {
    SCOPED_TRACE(expected.name);
    const auto file = packed() / fmt::format("deeplabv3_mnv2_{}.safetensors", expected.name);
    const ImportedDeeplab imported = import_deeplab(file);
    EXPECT_EQ(imported.design.options.width, expected.width);
    EXPECT_EQ(imported.design.options.output_stride, expected.output_stride);
    EXPECT_EQ(imported.design.classes, expected.classes);
    EXPECT_EQ(imported.facts.epsilon, 1e-5);
    const graph::Supernet supernet =
        graph::deeplab_supernet(imported.design.options, expected.classes);
    check_weights(supernet.graph, imported.weights);
    EXPECT_FALSE(supernet.sites.empty());
  }
}

// Position on the coarse map of a corner-aligned pixel, and the value there.
double corner_aligned(const Map& map, std::int64_t c, double y, double x) {
  const auto y0 = static_cast<std::int64_t>(y), x0 = static_cast<std::int64_t>(x);
  const std::int64_t y1 = std::min(y0 + 1, map.shape.height - 1);
  const std::int64_t x1 = std::min(x0 + 1, map.shape.width - 1);
  const double fx = x - static_cast<double>(x0);
  return std::lerp(std::lerp(map.at(c, y0, x0), map.at(c, y0, x1), fx),
                   std::lerp(map.at(c, y1, x0), map.at(c, y1, x1), fx),
                   y - static_cast<double>(y0));
}

TEST_F(PackedDeeplab, GivesTheKnownAnswer) {
  const auto file = packed() / "deeplabv3_mnv2_0.5_voc21_257.safetensors";
  const auto side_car = packed() / "deeplabv3_mnv2_0.5_voc21_257.json";
  const weights::ArrayMap arrays = weights::read_safetensors(file);
  const DeeplabDesign design = deeplab_design(arrays, 8, file.string());
  const weights::ArrayMap own = deeplab_weights(arrays, design, unchanged(), file.string());
  Map picture = deploy::testing::make_map({3, 257, 257});
  for (std::size_t i = 0; i < picture.values.size(); ++i)
    picture.values[i] = static_cast<float>(std::sin(0.013 * static_cast<double>(i)));
  const Map logits =
      run_reference(graph::deeplab_supernet(design.options, design.classes).graph, own, picture);
  ASSERT_EQ(logits.shape, (graph::Shape{21, 33, 33}));

  const auto answer = nlohmann::json::parse(core::read_text_file(side_car)).at("known_answer_test");
  const double tolerance = 1e-4 * answer.at("max").get<double>();
  ASSERT_FALSE(answer.at("samples").empty());
  for (const auto& sample : answer.at("samples")) {
    const auto index = sample.at(0).get<std::int64_t>();
    const double y = static_cast<double>(index / 257 % 257) / 8;
    const double x = static_cast<double>(index % 257) / 8;
    EXPECT_NEAR(
        corner_aligned(logits, index / 257 / 257, y, x), sample.at(1).get<double>(), tolerance);
  }
}

}  // namespace
}  // namespace parsimony::supernet
