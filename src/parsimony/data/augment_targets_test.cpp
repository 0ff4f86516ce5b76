// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/augment.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "parsimony/data/augment_fixtures_for_test.h"

namespace parsimony::data {
namespace {

using testing::coloured_sample;
using testing::fixed_scale;
using testing::noise_image;

TEST(AugmentTest, DepthAndPoseChangeNothingElse) {
  const Sample plain{noise_image(50, 37, 4), coloured_sample(50, 37, 4).labels};
  Sample full = plain;
  full.depth = DepthMap(50, 37, 2);
  full.pose = Pose{{{3, 4, Visibility::kVisible}}};
  const AugmentOptions options{.crop = 41, .shorter_side = 45, .colour = 0.3};
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Sample a = augment(plain, options, core::Rng(seed));
    const Sample b = augment(full, options, core::Rng(seed));
    EXPECT_EQ(a.image, b.image);
    EXPECT_EQ(a.labels, b.labels);
    EXPECT_EQ(a.depth, DepthMap());
    EXPECT_FALSE(a.pose);
    const Sample view = central_view(full, 60, 20);
    EXPECT_EQ(view.image, central_view(plain, 60, 20).image);
  }
}

TEST(AugmentTest, SamplesWithoutClassesStayWithout) {
  Sample sample{noise_image(20, 30, 4)};
  sample.depth = DepthMap(20, 30, 2);
  const Sample out = augment(sample, {.crop = 16, .shorter_side = 0}, core::Rng(1));
  EXPECT_EQ(out.labels, LabelMap());
  EXPECT_EQ(out.depth.width, 16);
  EXPECT_EQ(central_view(sample, 0, 9).labels, LabelMap());
}

// A white block on black with a joint at its middle, which lies on a pixel's centre.
Sample marked_sample(std::int64_t width, std::int64_t height, std::int64_t x, std::int64_t y) {
  Sample sample{Image(width, height)};
  for (std::int64_t v = y - 2; v <= y + 2; ++v) {
    for (std::int64_t u = x - 2; u <= x + 2; ++u) std::fill_n(sample.image.at(u, v), 3, 255);
  }
  sample.pose =
      Pose{{{static_cast<float>(x), static_cast<float>(y), Visibility::kVisible}}, 12, 100};
  return sample;
}

// Mean place of what is brighter than black: padding, which is grey, is told by the window.
std::array<double, 2> centre_of_mark(const Image& image) {
  double sum = 0, sum_x = 0, sum_y = 0;
  for (std::int64_t y = 0; y < image.height; ++y) {
    for (std::int64_t x = 0; x < image.width; ++x) {
      const double weight = image.at(x, y)[0];
      sum += weight, sum_x += weight * static_cast<double>(x),
          sum_y += weight * static_cast<double>(y);
    }
  }
  return {sum_x / sum, sum_y / sum};
}

TEST(AugmentTest, JointsStayOnWhatTheyMark) {
  int seen = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    core::Rng rng(seed);
    const std::int64_t width = 50 + rng.below(30), height = 50 + rng.below(30);
    const Sample sample =
        marked_sample(width, height, 5 + rng.below(width - 10), 5 + rng.below(height - 10));
    // Crops within the picture have no padding; the mark must lie inside with its surroundings.
    const Sample out = augment(sample, {.crop = 40, .shorter_side = 60}, rng.split("augment"));
    const Joint joint = out.pose->joints[0];
    EXPECT_EQ(joint.visibility, Visibility::kVisible);
    if (std::min(joint.x, joint.y) < 7 || std::max(joint.x, joint.y) > 32) continue;
    const auto [x, y] = centre_of_mark(out.image);
    EXPECT_NEAR(joint.x, x, 0.1) << seed;  // sharp edges ring a little
    EXPECT_NEAR(joint.y, y, 0.1) << seed;
    ++seen;
  }
  EXPECT_GT(seen, 30);
}

TEST(AugmentTest, JointsOutsideTheCropKeepTheirPlace) {
  const Sample sample = marked_sample(60, 40, 50, 20);
  const Sample out = central_view(sample, 0, 20);
  EXPECT_EQ(out.pose->joints[0].x, 30);  // the crop begins at (20, 10)
  EXPECT_EQ(out.pose->joints[0].y, 10);
  EXPECT_EQ(out.pose->joints[0].visibility, Visibility::kVisible);
  const Sample larger = central_view(sample, 80, 0);
  EXPECT_NEAR(larger.pose->joints[0].x, 100.5, 1e-4);  // centres of pixels are aligned
  EXPECT_NEAR(larger.pose->joints[0].y, 40.5, 1e-4);
  EXPECT_NEAR(larger.pose->head_size, 24, 1e-9);
  EXPECT_NEAR(larger.pose->area, 400, 1e-9);
}

TEST(AugmentTest, MirrorsSwapJointsOfBothSides) {
  Sample sample{noise_image(32, 32, 4)};
  sample.pose = Pose{{{3, 4, Visibility::kVisible},
                      {20.25F, 5, Visibility::kHidden},
                      {10, 11, Visibility::kVisible},
                      {40, -3, Visibility::kAbsent}}};
  sample.joint_pairs = {{1, 0}};
  AugmentOptions options = fixed_scale(32, 1.0);
  options.mirror = 1;
  const Sample once = augment(sample, options, core::Rng(1));
  const std::vector<Joint> expected = {{10.75F, 5, Visibility::kHidden},
                                       {28, 4, Visibility::kVisible},
                                       {21, 11, Visibility::kVisible},
                                       {-9, -3, Visibility::kAbsent}};
  EXPECT_EQ(once.pose->joints, expected);
  EXPECT_EQ(once.joint_pairs, sample.joint_pairs);
  const Sample twice = augment(once, options, core::Rng(2));
  EXPECT_EQ(twice.pose, sample.pose);
  EXPECT_EQ(twice.image, sample.image);
}

TEST(AugmentTest, DepthsFollowTheClassesAndTheZoom) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    core::Rng rng(seed);
    Sample sample = coloured_sample(30 + rng.below(40), 30 + rng.below(40), seed);
    sample.depth = DepthMap(sample.image.width, sample.image.height);
    // Depths that tell the class, and no depth where it is 3.
    const std::array<float, 4> depths = {1, 2, 4, DepthMap::kInvalid};
    for (std::size_t i = 0; i < sample.labels.ids.size(); ++i)
      sample.depth.metres[i] = depths[sample.labels.ids[i]];
    const AugmentOptions options{.crop = 50, .shorter_side = 20};
    const core::Rng stream = rng.split("augment");
    core::Rng same = stream;
    const Crop crop = random_crop(sample, options, same);
    const double zoom = std::sqrt(
        static_cast<double>(crop.scaled_width) / static_cast<double>(sample.image.width) *
        static_cast<double>(crop.scaled_height) / static_cast<double>(sample.image.height));
    EXPECT_NEAR(zoom, 1.05, 0.4);
    const Sample out = augment(sample, options, stream);
    for (std::size_t i = 0; i < out.labels.ids.size(); ++i) {
      const std::uint8_t id = out.labels.ids[i];
      const double expected = id == LabelMap::kIgnore ? 0 : depths[id] / zoom;
      ASSERT_NEAR(out.depth.metres[i], expected, 1e-5) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace parsimony::data
