// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/testing/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace parsimony::deploy::testing {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;
using weights::Array;

Map run(graph::Layer layer, const Map& picture, const weights::ArrayMap& weights = {}) {
  graph::Graph g;
  const auto x =
      g.add(graph::Input{picture.shape.channels, 1}, {}, graph::Section::kDecoder, "picture");
  g.outputs.push_back({"logits", g.add(layer, {x}, graph::Section::kDecoder, "a")});
  return run_reference(g, weights, picture);
}

TEST(Reference, ConvolutionPadsStridesAndDilates) {
  weights::ArrayMap weights;
  const std::vector<float> kernel = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  weights.arrays["a.weight"] = Array::from_floats({1, 1, 3, 3}, kernel);
  weights.arrays["a.bias"] = Array::from_floats({1}, std::vector<float>{100});
  const Map picture{{1, 2, 2}, {1, 10, 100, 1000}};
  EXPECT_EQ(run(graph::Conv{.in_channels = 1,
                            .out_channels = 1,
                            .kernel = 3,
                            .stride = 2,
                            .padding = 1,
                            .bias = true},
                picture,
                weights)
                .values,
            std::vector<double>({100 + 5 + 60 + 800 + 9000}));
  EXPECT_EQ(
      run(graph::Conv{.in_channels = 1, .out_channels = 1, .kernel = 3, .padding = 1, .bias = true},
          picture,
          weights)
          .values[3],
      100 + 1 + 20 + 400 + 5000);
  EXPECT_EQ(run(graph::Conv{.in_channels = 1,
                            .out_channels = 1,
                            .kernel = 3,
                            .padding = 2,
                            .dilation = 2,
                            .bias = true},
                picture,
                weights)
                .values[0],
            100 + 5);
}

TEST(Reference, GroupsSeeTheirOwnChannels) {
  weights::ArrayMap weights;
  weights.arrays["a.weight"] = Array::from_floats({2, 1, 1, 1}, std::vector<float>{2, 3});
  EXPECT_THAT(run(graph::Conv{.in_channels = 2, .out_channels = 2, .groups = 2},
                  {{2, 1, 1}, {10, 100}},
                  weights)
                  .values,
              ElementsAre(20, 300));
}

TEST(Reference, BatchNormUsesRunningStatistics) {
  weights::ArrayMap weights;
  weights.arrays["a.weight"] = Array::from_floats({1}, std::vector<float>{3});
  weights.arrays["a.bias"] = Array::from_floats({1}, std::vector<float>{1});
  weights.arrays["a.running_mean"] = Array::from_floats({1}, std::vector<float>{5});
  weights.arrays["a.running_var"] = Array::from_floats({1}, std::vector<float>{4});
  EXPECT_THAT(run(graph::BatchNorm{1}, {{1, 1, 1}, {9}}, weights).values,
              ElementsAre(DoubleNear(7, 1e-4)));
}

// Values of torch.nn.functional.interpolate(mode="bilinear", align_corners=False).
TEST(Reference, ResizeAlignsPixelCentres) {
  const Map row{{1, 1, 2}, {0, 4}};
  EXPECT_THAT(resize_bilinear(row, {1, 4}).values, Pointwise(DoubleEq(), {0.0, 1.0, 3.0, 4.0}));
  const Map wide{{1, 1, 4}, {0, 4, 8, 12}};
  EXPECT_THAT(resize_bilinear(wide, {1, 2}).values, Pointwise(DoubleEq(), {2.0, 10.0}));
  EXPECT_THAT(resize_bilinear(wide, {1, 1}).values, Pointwise(DoubleEq(), {6.0}));
}

TEST(Reference, MaxPoolIgnoresThePadding) {
  const Map picture{{1, 3, 3}, {-9, -8, -7, -6, -5, -4, -3, -2, -1}};
  EXPECT_THAT(run(graph::MaxPool{.stride = 2}, picture).values, ElementsAre(-5, -4, -2, -1));
  EXPECT_THAT(run(graph::MaxPool{}, picture).values,
              ElementsAre(-5, -4, -4, -2, -1, -1, -2, -1, -1));
}

TEST(Reference, AveragesDoNotCountThePadding) {
  const Map picture{{1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}};
  EXPECT_THAT(run(graph::AvgPool{.stride = 2}, picture).values, ElementsAre(3, 4, 6, 7));
  EXPECT_THAT(run(graph::AvgPool{}, picture).values,
              ElementsAre(3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7));
}

// Spec rspnet 4.6.
TEST(Reference, ShuffleDealsOutTwoHalves) {
  const Map picture{{8, 1, 1}, {0, 1, 2, 3, 4, 5, 6, 7}};
  EXPECT_THAT(run(graph::Shuffle{2}, picture).values, ElementsAre(0, 4, 1, 5, 2, 6, 3, 7));
  EXPECT_THAT(run(graph::Slice{4, 3}, picture).values, ElementsAre(4, 5, 6));
  EXPECT_THAT(run(graph::Dropout{0.5}, picture).values, picture.values);
}

TEST(Reference, PathAttentionScoresWhatThePositivePartsHold) {
  // Two maps of one channel. Only one of the 8 hidden values is used: 2 * mean of ReLU - 1.
  graph::Graph g;
  const auto x = g.add(graph::Input{1, 1}, {}, graph::Section::kDecoder, "picture");
  const auto twice = g.add(graph::Scale{1}, {x}, graph::Section::kDecoder, "twice");
  const graph::PathAttention gate{.channels = 1, .inputs = 2};
  g.outputs = {{"logits", g.add(gate, {x, twice}, graph::Section::kDecoder, "gate")}};
  std::vector<float> first(8, 0), bias(8, 0), second(8, 0);
  first[3] = 2;
  bias[3] = -1;
  second[3] = 0.5F;
  weights::ArrayMap weights;
  weights.arrays["twice.weight"] = Array::from_floats({1}, std::vector<float>{2});
  weights.arrays["gate.hidden_weight"] = Array::from_floats({8, 1}, first);
  weights.arrays["gate.hidden_bias"] = Array::from_floats({8}, bias);
  weights.arrays["gate.score_weight"] = Array::from_floats({8}, second);
  weights.arrays["gate.score_bias"] = Array::from_floats({1}, std::vector<float>{0.25F});
  weights.arrays["gate.gamma"] = Array::from_floats({2}, std::vector<float>{1, 0.5F});
  // Means of the positive parts 1.5 and 3, hidden values 2 and 5.
  const double e1 = 1 + 0.25 + 0.5 * 2, e2 = 0.5 + 0.25 + 0.5 * 5;
  const double share = 1 / (1 + std::exp(e2 - e1));
  const double factor = share + 2 * (1 - share);
  EXPECT_THAT(run_reference(g, weights, {{1, 1, 2}, {3, -4}}).values,
              Pointwise(DoubleNear(1e-12), {3 * factor, -4 * factor}));
}

TEST(Reference, ScaleHasOneFactorPerChannel) {
  weights::ArrayMap weights;
  weights.arrays["a.weight"] = Array::from_floats({2}, std::vector<float>{2, -3});
  EXPECT_THAT(run(graph::Scale{2}, {{2, 1, 2}, {1, 3, 10, 20}}, weights).values,
              ElementsAre(2, 6, -30, -60));
}

TEST(Reference, ProductHasOneFactorPerChannel) {
  graph::Graph g;
  const auto x = g.add(graph::Input{2, 1}, {}, graph::Section::kDecoder, "picture");
  const auto mean = g.add(graph::GlobalPool{}, {x}, graph::Section::kDecoder, "mean");
  g.outputs.push_back(
      {"logits", g.add(graph::Multiply{}, {x, mean}, graph::Section::kDecoder, "product")});
  EXPECT_THAT(run_reference(g, {}, {{2, 1, 2}, {1, 3, 10, 20}}).values,
              ElementsAre(2, 6, 150, 300));
}

TEST(Reference, PoolAndReluSix) {
  EXPECT_THAT(run(graph::GlobalPool{}, {{2, 1, 2}, {1, 3, 10, 20}}).values, ElementsAre(2, 15));
  EXPECT_THAT(run(graph::Relu{.ceiling = 6}, {{1, 1, 3}, {-1, 3, 7}}).values, ElementsAre(0, 3, 6));
}

}  // namespace
}  // namespace parsimony::deploy::testing
