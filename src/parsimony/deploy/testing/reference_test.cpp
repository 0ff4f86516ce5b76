// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/testing/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
