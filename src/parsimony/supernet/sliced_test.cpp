// SPDX-License-Identifier: Apache-2.0
#include "parsimony/supernet/sliced.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "parsimony/supernet/fixtures_for_test.h"
#include "parsimony/supernet/importance.h"

namespace parsimony::supernet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A picture's first convolution of 4 channels, of which 2 may stay, and the logits.
graph::Supernet two_layers() {
  graph::Supernet s;
  graph::Graph& g = s.graph;
  const auto add = [&](graph::Layer layer, graph::NodeId input, std::string name) {
    return g.add(layer, {input}, graph::Section::kEncoder, std::move(name));
  };
  const auto x = g.add(graph::Input{3, 1}, {}, graph::Section::kEncoder, "picture");
  const auto a = add(graph::Conv{.in_channels = 3, .out_channels = 4}, x, "a");
  const auto norm = add(graph::BatchNorm{4}, a, "norm");
  const auto last = add(graph::Conv{.in_channels = 4, .out_channels = 2, .bias = true}, norm, "b");
  g.outputs.push_back({"logits", last});
  s.sites = {{graph::SiteKind::kWidth, "a", -1, -1, {a}, {4, 2}}};
  return s;
}

TEST(Sliced, KeepsTheFirstChannelsOfEveryArray) {
  const graph::Supernet supernet = two_layers();
  weights::ArrayMap all = random_weights(supernet.graph, core::Rng(1));
  const std::vector<float> last = {1, 2, 3, 4, 5, 6, 7, 8}, means = {10, 20, 30, 40};
  all.arrays["b.weight"] = weights::Array::from_floats({2, 4, 1, 1}, last);
  all.arrays["norm.running_mean"] = weights::Array::from_floats({4}, means);
  all.arrays["more"] = weights::Array::from_floats({1}, std::vector<float>{1});
  all.metadata["trained_on"] = "noise";
  const weights::ArrayMap kept = sliced(supernet, all, {1});
  EXPECT_EQ(kept.arrays.size(), 7);
  EXPECT_EQ(kept.metadata, all.metadata);
  EXPECT_THAT(kept.arrays.at("b.weight").to_floats(), ::testing::ElementsAre(1, 2, 5, 6));
  EXPECT_THAT(kept.arrays.at("norm.running_mean").to_floats(), ::testing::ElementsAre(10, 20));
  EXPECT_EQ(kept.arrays.at("b.bias"), all.arrays.at("b.bias"));
  check_weights(graph::subsample(supernet, {1}), kept);
  all.arrays.erase("more");
  EXPECT_EQ(sliced(supernet, all, {0}), all);
}

// The supernet with weights of zero for what the choices drop, but for bypasses outside of sums.
weights::ArrayMap masked(const graph::Supernet& supernet,
                         weights::ArrayMap all,
                         const graph::Choices& choices) {
  const auto change = [&](const std::string& name, const auto& factor) {
    weights::Array& array = all.arrays.at(name);
    std::vector<float> values = array.to_floats();
    const std::size_t channels =
        array.shape.size() < 2 ? 1 : static_cast<std::size_t>(array.shape[1]);
    const std::size_t taps = values.size() / static_cast<std::size_t>(array.shape[0]) / channels;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= factor(i / taps % channels);
    array = weights::Array::from_floats(array.shape, values);
  };
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const graph::Site& site = supernet.sites[i];
    if (site.kind != graph::SiteKind::kBypass || choices[i] == 0) continue;
    for (const graph::NodeId input : supernet.graph[site.to].inputs) {
      if (input == site.from) continue;
      for (const char* part : {".weight", ".bias"})
        change(supernet.graph[input].name + part, [](std::size_t) { return 0.0F; });
    }
  }
  const auto slices = graph::channel_slices(supernet, choices);
  for (const graph::Node& node : supernet.graph.nodes) {
    const auto* conv = std::get_if<graph::Conv>(&node.layer);
    if (conv == nullptr || conv->groups > 1 || !slices.contains(node.name)) continue;
    const auto& inputs = slices.at(node.name).inputs;
    const std::set<std::int64_t> kept(inputs.begin(), inputs.end());
    change(node.name + ".weight", [&](std::size_t channel) {
      return kept.contains(static_cast<std::int64_t>(channel)) ? 1.0F : 0.0F;
    });
  }
  return all;
}

class SlicedDeeplab : public ::testing::TestWithParam<graph::DeeplabOptions> {};

TEST_P(SlicedDeeplab, IsTheMaskedSupernet) {
  const graph::Supernet supernet = graph::deeplab_supernet(GetParam(), 3);
  const weights::ArrayMap all = ordered(supernet, random_weights(supernet.graph, core::Rng(3)));
  const Map picture = random_map({3, 33, 25}, core::Rng(4));
  core::Rng rng(5);
  for (int i = 0; i < 4; ++i) {
    graph::Choices choices;
    for (const graph::Site& site : supernet.sites) {
      const bool fixed = site.name == "decoder.decoder_conv1" || site.name == "decoder.aspp0";
      choices.push_back(fixed || rng.chance(0.5) ? 0 : static_cast<int>(rng.below(site.options())));
    }
    const graph::Graph candidate = graph::subsample(supernet, choices);
    const weights::ArrayMap kept = sliced(supernet, all, choices);
    check_weights(candidate, kept);
    EXPECT_LT(
        relative_difference(run_reference(candidate, kept, picture),
                            run_reference(supernet.graph, masked(supernet, all, choices), picture)),
        1e-9);
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         SlicedDeeplab,
                         ::testing::Values(small_mobilenet(),
                                           small_mobilenet(graph::DeeplabHead::kDense),
                                           small_xception()),
                         name_of);

class CheckWeights : public ::testing::Test {
 protected:
  std::string error() {
    const std::string from_check = error_of([&] { check_weights(supernet_.graph, weights_); });
    EXPECT_EQ(error_of([&] { sliced(supernet_, weights_, {1}); }), from_check);
    EXPECT_EQ(error_of([&] { ordered(supernet_, weights_); }), from_check);
    return from_check;
  }
  void set(const std::string& name, std::size_t index, float value) {
    weights::Array& array = weights_.arrays.at(name);
    std::vector<float> values = array.to_floats();
    values.at(index) = value;
    array = weights::Array::from_floats(array.shape, values);
  }

  graph::Supernet supernet_ = two_layers();
  weights::ArrayMap weights_ = random_weights(supernet_.graph, core::Rng(1));
};

TEST_F(CheckWeights, NamesWhatIsMissing) {
  weights_.arrays.erase("norm.bias");
  weights_.arrays.erase("b.weight");
  EXPECT_THAT(error(),
              AllOf(HasSubstr("there is no array 'norm.bias' of shape [4]"),
                    HasSubstr("and 1 more such arrays")));
}

TEST_F(CheckWeights, SaysExpectedAndFoundShapes) {
  weights_.arrays["b.weight"] = weights::Array::from_floats({4, 2, 1, 1}, std::vector<float>(8));
  EXPECT_THAT(error(), HasSubstr("'b.weight' has shape [4, 2, 1, 1], expected [2, 4, 1, 1]"));
}

TEST_F(CheckWeights, CountsValuesThatAreNotFinite) {
  set("b.weight", 1, std::numeric_limits<float>::quiet_NaN());
  set("b.weight", 6, -std::numeric_limits<float>::infinity());
  EXPECT_THAT(error(), HasSubstr("'b.weight' holds 2 values of 8 that are not finite"));
}

TEST_F(CheckWeights, RefusesVariancesThatNobodyCanDivideBy) {
  set("norm.running_var", 2, -0.5);
  EXPECT_THAT(error(), HasSubstr("'norm.running_var' holds the variance -0.5"));
}

TEST_F(CheckWeights, RefusesIntegers) {
  weights_.arrays["b.bias"] = {weights::DType::kI8, {2}, {1, 2}};
  EXPECT_THAT(error(), HasSubstr("'b.bias' holds I8, expected floating-point values"));
}

TEST_F(CheckWeights, AcceptsHalfPrecisionAndFurtherArrays) {
  weights_.arrays["b.bias"] = {weights::DType::kF16, {2}, {0, 0, 0, 0}};
  weights_.arrays["step"] = {weights::DType::kI8, {1}, {1}};
  check_weights(supernet_.graph, weights_);
  EXPECT_EQ(sliced(supernet_, weights_, {1}).arrays.at("b.bias").type, weights::DType::kF16);
}

TEST_F(CheckWeights, WrongChoicesAreTheGraphsErrors) {
  EXPECT_THAT(error_of([&] { sliced(supernet_, weights_, {2}); }),
              HasSubstr("choice 2 at site 0 (a): expected 0 to 1"));
}

}  // namespace
}  // namespace parsimony::supernet
