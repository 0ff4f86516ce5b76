// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <set>
#include <string_view>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/parallel.h"
#include "parsimony/data/augment_fixtures_for_test.h"

namespace parsimony::data {
namespace {

using testing::coloured_sample;
using testing::fixed_scale;
using testing::kColours;
using testing::noise_image;

// True where all labels within `radius` agree: there, interpolation mixes no two classes.
// What lies beyond the crop is unknown, so nothing near its border is.
bool is_interior(const LabelMap& labels, std::int64_t x, std::int64_t y, std::int64_t radius) {
  if (std::min(x, y) < radius) return false;
  if (x + radius >= labels.width || y + radius >= labels.height) return false;
  for (std::int64_t v = y - radius; v <= y + radius; ++v) {
    for (std::int64_t u = x - radius; u <= x + radius; ++u) {
      if (labels.at(u, v) != labels.at(x, y)) return false;
    }
  }
  return true;
}

TEST(AugmentTest, IsAWindowOfTheWholeResizedPicture) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    core::Rng rng(seed);
    const auto width = 20 + rng.below(20), height = 20 + rng.below(20), crop = 5 + rng.below(9);
    const double scale = rng.uniform(0.7, 1.8);
    const Sample sample{noise_image(width, height, seed),
                        coloured_sample(width, height, seed).labels};
    const Sample out = augment(sample, fixed_scale(crop, scale), rng.split("augment"));

    const auto full_width = std::llround(static_cast<double>(width) * scale);
    const auto full_height = std::llround(static_cast<double>(height) * scale);
    const Image image = resize_bicubic(sample.image, full_width, full_height);
    const LabelMap labels = resize_nearest(sample.labels, full_width, full_height);
    const auto equals_at = [&](std::int64_t left, std::int64_t top) {
      for (std::int64_t y = 0; y < crop; ++y) {
        for (std::int64_t x = 0; x < crop; ++x) {
          if (!std::equal(out.image.at(x, y), out.image.at(x, y) + 3, image.at(left + x, top + y)))
            return false;
          if (out.labels.at(x, y) != labels.at(left + x, top + y)) return false;
        }
      }
      return true;
    };
    int found = 0;
    for (std::int64_t top = 0; top + crop <= full_height; ++top) {
      for (std::int64_t left = 0; left + crop <= full_width; ++left) found += equals_at(left, top);
    }
    EXPECT_EQ(found, 1) << "seed " << seed;
  }
}

TEST(AugmentTest, LabelsStayOnTheirColours) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    core::Rng rng(seed);
    const Sample sample = coloured_sample(60 + rng.below(80), 60 + rng.below(80), seed);
    const Sample out = augment(sample, {.crop = 97, .shorter_side = 100}, rng);
    std::int64_t checked = 0;
    for (std::int64_t y = 0; y < out.labels.height; ++y) {
      for (std::int64_t x = 0; x < out.labels.width; ++x) {
        if (out.labels.at(x, y) == LabelMap::kIgnore || !is_interior(out.labels, x, y, 5)) continue;
        const Rgb colour = kColours[out.labels.at(x, y)];
        ASSERT_NEAR(out.image.at(x, y)[0], colour.r, 3)
            << "seed " << seed << " at " << x << "," << y;
        ASSERT_NEAR(out.image.at(x, y)[1], colour.g, 3);
        ASSERT_NEAR(out.image.at(x, y)[2], colour.b, 3);
        ++checked;
      }
    }
    EXPECT_GT(checked, 500) << "seed " << seed;
  }
}

TEST(AugmentTest, MirrorsPictureAndLabelsAlike) {
  const Sample sample = coloured_sample(32, 32, 3);
  AugmentOptions options = fixed_scale(32, 1.0);
  const Sample plain = augment(sample, options, core::Rng(1));
  options.mirror = 1;
  const Sample flipped = augment(sample, options, core::Rng(1));
  EXPECT_EQ(plain.image, sample.image);
  for (std::int64_t y = 0; y < 32; ++y) {
    for (std::int64_t x = 0; x < 32; ++x) {
      EXPECT_EQ(flipped.labels.at(x, y), sample.labels.at(31 - x, y));
      EXPECT_TRUE(std::equal(
          flipped.image.at(x, y), flipped.image.at(x, y) + 3, sample.image.at(31 - x, y)));
    }
  }
}

// A face of which the subject's left eye lies in the right half of the picture, as in a photograph.
Sample two_eyes() {
  Sample sample = coloured_sample(16, 16, 3);
  sample.labels = LabelMap(16, 16, 0);
  for (std::int64_t y = 4; y < 8; ++y) {
    for (std::int64_t x = 2; x < 6; ++x) sample.labels.at(x, y) = 5;      // right eye
    for (std::int64_t x = 10; x < 13; ++x) sample.labels.at(x, y) = 4;    // left eye
    for (std::int64_t x = 7; x < 9; ++x) sample.labels.at(x, y + 4) = 6;  // nose
  }
  sample.labels.at(0, 0) = LabelMap::kIgnore;
  sample.mirror_pairs = {{2, 3}, {4, 5}};
  return sample;
}

TEST(AugmentTest, MirroredEyesKeepTheSideOfThePicture) {
  const Sample sample = two_eyes();
  AugmentOptions options = fixed_scale(16, 1.0);
  options.mirror = 1;
  const Sample flipped = augment(sample, options, core::Rng(1));
  EXPECT_EQ(flipped.mirror_pairs, sample.mirror_pairs);
  int left = 0, right = 0;
  for (std::int64_t y = 0; y < 16; ++y) {
    for (std::int64_t x = 0; x < 16; ++x) {
      const std::uint8_t id = flipped.labels.at(x, y);
      left += id == 4 && x >= 8;
      right += id == 5 && x < 8;
      if (id == 0 || id == 6) {
        EXPECT_EQ(id, sample.labels.at(15 - x, y));
      }
    }
  }
  // The shapes changed places, the names did not: 16 pixels on the right are now the left eye.
  EXPECT_EQ(std::ranges::count(flipped.labels.ids, 4), 16);
  EXPECT_EQ(std::ranges::count(flipped.labels.ids, 5), 12);
  EXPECT_EQ(left, 16);
  EXPECT_EQ(right, 12);
  EXPECT_EQ(flipped.labels.at(15, 0), LabelMap::kIgnore);
}

TEST(AugmentTest, MirroringTwiceGivesTheSampleBack) {
  AugmentOptions options = fixed_scale(16, 1.0);
  options.mirror = 1;
  Sample sample = two_eyes();
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    core::Rng rng(seed);
    for (std::uint8_t& id : sample.labels.ids) id = static_cast<std::uint8_t>(rng.below(256));
    const Sample once = augment(sample, options, core::Rng(seed));
    const Sample twice = augment(once, options, core::Rng(seed + 1));
    EXPECT_EQ(twice.image, sample.image);
    EXPECT_EQ(twice.labels, sample.labels);
  }
}

TEST(AugmentTest, UnmirroredCropsKeepTheirIdsAndPairs) {
  const Sample sample = two_eyes();
  EXPECT_EQ(augment(sample, fixed_scale(16, 1.0), core::Rng(4)).labels, sample.labels);
  EXPECT_EQ(central_view(sample, 0, 0).labels, sample.labels);
  EXPECT_EQ(central_view(sample, 0, 8).mirror_pairs, sample.mirror_pairs);
}

TEST(AugmentTest, MirrorsAsOftenAsAsked) {
  Sample sample{Image(2, 1), LabelMap(2, 1)};
  sample.labels.at(1, 0) = 1;
  AugmentOptions options = fixed_scale(2, 1.0);
  options.mirror = 0.3;
  int mirrored = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const LabelMap labels = augment(sample, options, core::Rng(seed)).labels;
    mirrored += labels.ids == std::vector<std::uint8_t>{1, 0, 255, 255} ||
                labels.ids == std::vector<std::uint8_t>{255, 255, 1, 0};
  }
  EXPECT_NEAR(mirrored, 600, 80);
}

TEST(AugmentTest, ColourChangesThePictureNotItsLabelsNorThePadding) {
  const Sample sample = coloured_sample(10, 6, 5);
  AugmentOptions options = fixed_scale(16, 1.0);
  const Sample plain = augment(sample, options, core::Rng(2));
  options.colour = 0.5;
  const Sample changed = augment(sample, options, core::Rng(2));
  EXPECT_EQ(changed.labels, plain.labels);  // the same window
  int moved = 0;
  for (std::int64_t y = 0; y < 16; ++y) {
    for (std::int64_t x = 0; x < 16; ++x) {
      const bool same =
          std::equal(plain.image.at(x, y), plain.image.at(x, y) + 3, changed.image.at(x, y));
      if (plain.labels.at(x, y) == LabelMap::kIgnore) {
        EXPECT_TRUE(same);
      } else {
        moved += !same;
      }
    }
  }
  EXPECT_GT(moved, 50);  // of 60
}

// A picture of two greys: saturation does nothing, so each seed shows one brightness b and one
// contrast c: with mean m, a grey x becomes b (m + c (x - m)).
TEST(AugmentTest, BrightnessAndContrastVaryWithinTheirShare) {
  Sample sample{Image(8, 8), LabelMap(8, 8)};
  for (std::int64_t y = 0; y < 8; ++y) {
    for (std::int64_t x = 0; x < 8; ++x)
      std::fill_n(sample.image.at(x, y), 3, static_cast<std::uint8_t>(x < 4 ? 80 : 120));
  }
  AugmentOptions options = fixed_scale(8, 1.0);
  options.colour = 0.4;
  options.mirror = 0;
  double least_b = 2, most_b = 0, least_c = 2, most_c = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Image out = augment(sample, options, core::Rng(seed)).image;
    const double dark = out.at(0, 0)[0], bright = out.at(7, 0)[0];
    EXPECT_NEAR(out.at(0, 0)[2], dark, 1);
    const double b = (dark + bright) / 200;
    const double c = (bright - dark) / (40 * b);
    least_b = std::min(least_b, b), most_b = std::max(most_b, b);
    least_c = std::min(least_c, c), most_c = std::max(most_c, c);
  }
  EXPECT_NEAR(least_b, 0.6, 0.02);
  EXPECT_NEAR(most_b, 1.4, 0.02);
  EXPECT_NEAR(least_c, 0.6, 0.05);
  EXPECT_NEAR(most_c, 1.4, 0.05);
}

TEST(AugmentTest, SaturationKeepsTheGreyOfAPixel) {
  const Sample sample = coloured_sample(32, 32, 3);
  AugmentOptions options = fixed_scale(32, 1.0);
  options.mirror = 0;
  options.colour = 0.2;
  const auto grey = [](const std::uint8_t* p) {
    return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
  };
  const Image out = augment(sample, options, core::Rng(7)).image;
  // Brightness and contrast map grey to grey by one line; saturation must not leave it.
  std::array<double, 4> before{}, after{};
  for (std::int64_t y = 0; y < 32; ++y) {
    for (std::int64_t x = 0; x < 32; ++x) {
      const std::size_t id = sample.labels.at(x, y);
      before[id] = grey(sample.image.at(x, y));
      after[id] = grey(out.at(x, y));
    }
  }
  const double slope = (after[1] - after[0]) / (before[1] - before[0]);
  EXPECT_NEAR(after[2], after[0] + slope * (before[2] - before[0]), 2);
}

TEST(AugmentTest, PadsWithTheMeanColourAndIgnore) {
  const Sample sample = coloured_sample(10, 6, 5);
  const Sample out = augment(sample, fixed_scale(16, 1.0), core::Rng(2));
  EXPECT_EQ(std::count(out.labels.ids.begin(), out.labels.ids.end(), LabelMap::kIgnore),
            16 * 16 - 60);
  for (std::int64_t y = 0; y < 16; ++y) {
    for (std::int64_t x = 0; x < 16; ++x) {
      const std::uint8_t* pixel = out.image.at(x, y);
      const bool mean = pixel[0] == 124 && pixel[1] == 116 && pixel[2] == 104;
      EXPECT_EQ(mean, out.labels.at(x, y) == LabelMap::kIgnore);
    }
  }
}

TEST(AugmentTest, RaisesTheScaleToTheShorterSide) {
  // A picture of one class that fills the crop leaves no padding.
  const Sample sample{noise_image(30, 90, 1), LabelMap(30, 90, 2)};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Sample out = augment(sample, {.crop = 64, .shorter_side = 64}, core::Rng(seed));
    EXPECT_EQ(std::count(out.labels.ids.begin(), out.labels.ids.end(), 2), 64 * 64);
  }
}

TEST(AugmentTest, AnySizeGivesTheCropAndInventsNoLabel) {
  const std::array<std::pair<int, int>, 7> sizes{
      {{1, 1}, {1, 40}, {700, 3}, {2, 2}, {33, 65}, {256, 128}, {3, 5}}};
  for (const auto& [width, height] : sizes) {
    Sample sample = coloured_sample(width, height, 9);
    sample.labels.at(0, 0) = LabelMap::kIgnore;
    sample.labels.at(width - 1, height - 1) = 200;
    std::set<int> known(sample.labels.ids.begin(), sample.labels.ids.end());
    known.insert(LabelMap::kIgnore);
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      const std::int64_t crop = 1 + core::Rng(seed).below(60);
      const Sample out = augment(sample, {.crop = crop, .shorter_side = 48}, core::Rng(seed));
      ASSERT_EQ(out.image.width, crop);
      ASSERT_EQ(out.image.height, crop);
      ASSERT_EQ(out.labels.width, crop);
      ASSERT_EQ(out.labels.height, crop);
      for (const std::uint8_t id : out.labels.ids) ASSERT_TRUE(known.contains(id)) << int{id};
    }
  }
}

// Studies are resumed and compared by their seeds: these crops may never change.
TEST(AugmentTest, SeedsGiveTheCropsTheyAlwaysGave) {
  Sample sample{Image(40, 30), LabelMap(40, 30)};
  for (std::int64_t y = 0; y < 30; ++y) {
    for (std::int64_t x = 0; x < 40; ++x)
      sample.labels.at(x, y) = static_cast<std::uint8_t>((x / 5 + y / 5) % 5);
  }
  const AugmentOptions options{.crop = 32, .shorter_side = 20};
  const std::array<Crop, 6> crops = {{{46, 35, 11, 2, 32, false},
                                      {38, 29, 0, -1, 32, false},
                                      {39, 29, 0, 0, 32, true},
                                      {49, 36, 8, 1, 32, false},
                                      {46, 34, 9, 1, 32, false},
                                      {55, 42, 13, 8, 32, true}}};
  const std::array<std::string_view, 6> labels = {"131095a1dd256c66",
                                                  "661e83ac895cfc74",
                                                  "ec263d255d984090",
                                                  "205b0fd211909245",
                                                  "4d5f8f128322b3d1",
                                                  "b6586fecabeb09d6"};
  for (std::uint64_t seed = 0; seed < crops.size(); ++seed) {
    core::Rng rng(seed);
    EXPECT_EQ(random_crop(sample, options, rng), crops[seed]) << seed;
    const Sample out = augment(sample, options, core::Rng(seed));
    EXPECT_TRUE(core::sha256(out.labels.ids).starts_with(labels[seed])) << seed;
  }
}

TEST(AugmentTest, DependsOnTheStreamOnly) {
  const Sample sample{noise_image(150, 170, 4), coloured_sample(150, 170, 4).labels};
  const AugmentOptions options{.crop = 41, .shorter_side = 50};
  std::vector<Sample> serial(16), parallel(16);
  const core::Rng rng(7);
  for (std::size_t i = 0; i < serial.size(); ++i)
    serial[i] = augment(sample, options, rng.split(i));
  core::parallel_for(16, 4, [&](std::int64_t i) {
    parallel[static_cast<std::size_t>(i)] =
        augment(sample, options, rng.split(static_cast<std::uint64_t>(i)));
  });
  std::set<std::vector<std::uint8_t>> distinct;
  for (std::size_t i = 0; i < serial.size(); ++i) {
    EXPECT_EQ(serial[i].image, parallel[i].image);
    EXPECT_EQ(serial[i].labels, parallel[i].labels);
    distinct.insert(serial[i].image.pixels);
  }
  EXPECT_EQ(distinct.size(), serial.size());
}

TEST(AugmentTest, RefusesSamplesAndOptionsThatCannotBe) {
  const Sample sample = coloured_sample(8, 8, 1);
  EXPECT_THROW(augment({Image(8, 8), LabelMap(8, 7)}, {}, core::Rng(1)), core::Error);
  EXPECT_THROW(augment({}, {}, core::Rng(1)), core::Error);
  Sample other{Image(8, 8)};
  other.depth = DepthMap(8, 7);
  EXPECT_THROW(augment(other, {}, core::Rng(1)), core::Error);
  EXPECT_THROW(augment(sample, {.scale_min = 1.5, .scale_max = 1.0}, core::Rng(1)), core::Error);
  EXPECT_THROW(augment(sample, {.crop = 0}, core::Rng(1)), core::Error);
}

TEST(AugmentTest, OptionsAreDeclared) {
  AugmentOptions options;
  const core::Config config = core::Config::from_text("crop: 350\nshorter_side: 400\n", "test");
  config.read_into(options);
  EXPECT_EQ(options.crop, 350);
  EXPECT_EQ(options.shorter_side, 400);
  EXPECT_THROW(core::Config::from_text("mirror: 1.5\n", "test").read_into(options), core::Error);
  EXPECT_THROW(core::Config::from_text("scale: 2\n", "test").read_into(options), core::Error);
}

TEST(CentralViewTest, CropsTheMiddleAndNeverShrinks) {
  const Sample sample = coloured_sample(21, 12, 6);
  const Sample same = central_view(sample, 10, 0);
  EXPECT_EQ(same.image, sample.image);
  EXPECT_EQ(same.labels, sample.labels);

  const Sample cropped = central_view(sample, 0, 9);
  ASSERT_EQ(cropped.labels.width, 9);
  ASSERT_EQ(cropped.labels.height, 9);
  for (std::int64_t y = 0; y < 9; ++y) {
    for (std::int64_t x = 0; x < 9; ++x)
      EXPECT_EQ(cropped.labels.at(x, y), sample.labels.at(x + 6, y + 1));
  }

  const Sample larger = central_view(sample, 24, 0);
  EXPECT_EQ(larger.image, resize_bicubic(sample.image, 42, 24));
  EXPECT_EQ(larger.labels, resize_nearest(sample.labels, 42, 24));
  EXPECT_EQ(central_view(sample, 24, 30).image.width, 30);
  EXPECT_EQ(central_view(sample, 24, 30).image.height, 24);
}

}  // namespace
}  // namespace parsimony::data
