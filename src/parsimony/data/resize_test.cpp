// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "parsimony/core/error.h"
#include "parsimony/data/augment_fixtures_for_test.h"

namespace parsimony::data {
namespace {

using testing::coloured_sample;
using testing::noise_image;

TEST(ResizeTest, KeepsConstantImagesExactly) {
  for (const int level : {0, 1, 77, 128, 254, 255}) {
    Image image(13, 7);
    std::fill(image.pixels.begin(), image.pixels.end(), static_cast<std::uint8_t>(level));
    for (const auto& [w, h] : {std::pair{1, 1}, {13, 7}, {5, 3}, {40, 29}, {3, 60}}) {
      const Image out = resize_bicubic(image, w, h);
      for (const std::uint8_t value : out.pixels) ASSERT_EQ(value, level) << w << "x" << h;
    }
  }
}

TEST(ResizeTest, EqualSizeIsTheIdentity) {
  const Image image = noise_image(31, 18, 1);
  EXPECT_EQ(resize_bicubic(image, 31, 18), image);
  const LabelMap labels = coloured_sample(31, 18, 1).labels;
  EXPECT_EQ(resize_nearest(labels, 31, 18), labels);
}

TEST(ResizeTest, FollowsLinearGradientsAwayFromTheBorder) {
  Image image(40, 36);
  for (std::int64_t y = 0; y < image.height; ++y) {
    for (std::int64_t x = 0; x < image.width; ++x) {
      image.at(x, y)[0] = static_cast<std::uint8_t>(5 * x + 10);
      image.at(x, y)[1] = static_cast<std::uint8_t>(6 * y + 10);
      image.at(x, y)[2] = static_cast<std::uint8_t>(2 * x + 3 * y);
    }
  }
  for (const auto& [w, h] : {std::pair{80, 72}, {57, 50}, {20, 18}, {10, 12}}) {
    const Image out = resize_bicubic(image, w, h);
    const double rx = 40.0 / w, ry = 36.0 / h;
    const double margin_x = 2 * std::max(1.0, 1 / rx) + 1, margin_y = 2 * std::max(1.0, 1 / ry) + 1;
    for (auto y = std::llround(margin_y); y < h - std::llround(margin_y); ++y) {
      for (auto x = std::llround(margin_x); x < w - std::llround(margin_x); ++x) {
        const double sx = (static_cast<double>(x) + 0.5) * rx - 0.5;
        const double sy = (static_cast<double>(y) + 0.5) * ry - 0.5;
        ASSERT_NEAR(out.at(x, y)[0], 5 * sx + 10, 0.51) << x << "," << y << " of " << w << "x" << h;
        ASSERT_NEAR(out.at(x, y)[1], 6 * sy + 10, 0.51);
        ASSERT_NEAR(out.at(x, y)[2], 2 * sx + 3 * sy, 0.51);
      }
    }
  }
}

TEST(ResizeTest, BicubicWeightsAreThoseOfKeysKernel) {
  // One bright pixel, doubled: output centres lie 1/4 and 3/4 of a pixel off, so the kernel with
  // a = -0.5 gives 0.8671875 and 0.2265625 inside, -0.0703125 and -0.0234375 in the lobes.
  Image image(9, 1);
  std::fill(image.pixels.begin(), image.pixels.end(), std::uint8_t{100});
  image.at(4, 0)[0] = 200;
  const Image out = resize_bicubic(image, 18, 1);
  const std::array<int, 8> expected{98, 93, 123, 187, 187, 123, 93, 98};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(out.at(5 + static_cast<std::int64_t>(i), 0)[0], expected[i]) << i;
  }
}

TEST(ResizeTest, ShrinkingDoesNotAlias) {
  Image image(64, 64);  // the finest checkerboard there is: its mean is all that may survive
  for (std::int64_t y = 0; y < 64; ++y) {
    for (std::int64_t x = 0; x < 64; ++x) std::fill_n(image.at(x, y), 3, (x + y) % 2 ? 255 : 0);
  }
  const Image out = resize_bicubic(image, 20, 20);
  for (const std::uint8_t value : out.pixels) EXPECT_NEAR(value, 127.5, 12);
}

TEST(ResizeTest, NearestTakesTheSourcePixelUnderTheCentre) {
  LabelMap labels(5, 1);
  for (std::int64_t x = 0; x < 5; ++x) labels.at(x, 0) = static_cast<std::uint8_t>(x);
  const LabelMap wide = resize_nearest(labels, 10, 1);
  for (std::int64_t x = 0; x < 10; ++x) EXPECT_EQ(wide.at(x, 0), x / 2);
  const LabelMap narrow = resize_nearest(labels, 3, 2);
  for (std::int64_t y = 0; y < 2; ++y) {
    EXPECT_EQ(narrow.at(0, y), 0);  // floor(0.5 * 5 / 3)
    EXPECT_EQ(narrow.at(1, y), 2);
    EXPECT_EQ(narrow.at(2, y), 4);
  }
}

TEST(ResizeTest, RefusesEmptySizes) {
  EXPECT_THROW(resize_bicubic(Image(3, 3), 0, 4), core::Error);
  EXPECT_THROW(resize_nearest(LabelMap(3, 3), 4, -1), core::Error);
  EXPECT_THROW(resize_bicubic(Image(), 4, 4), core::Error);
}

TEST(ResizeTest, DepthIsTakenFromOnePixelAndKept) {
  DepthMap depth(5, 1);
  for (std::int64_t x = 0; x < 5; ++x) depth.at(x, 0) = static_cast<float>(x) + 0.5F;
  const DepthMap wide = resize_nearest(depth, 10, 2);
  for (std::int64_t x = 0; x < 10; ++x) EXPECT_EQ(wide.at(x, 1), depth.at(x / 2, 0));
  EXPECT_THROW(resize_nearest(DepthMap(), 4, 4), core::Error);
}

}  // namespace
}  // namespace parsimony::data
