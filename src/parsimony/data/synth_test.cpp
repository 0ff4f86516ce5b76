// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/synth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"

namespace parsimony::data {
namespace {

constexpr std::size_t kParts = kPartCount;
constexpr std::int64_t kPortraits = 150;

// Made once for all tests that look at statistics.
const MemoryDataset& portraits() {
  static const MemoryDataset dataset = make_synthetic_dataset(
      {.train = kPortraits, .val = 0, .test = 0, .width = 96, .height = 96}, 2);
  return dataset;
}

std::array<double, kParts> shares_of(const LabelMap& labels) {
  std::array<double, kParts> shares{};
  for (const std::uint8_t id : labels.ids)
    shares[id] += 1.0 / static_cast<double>(labels.ids.size());
  return shares;
}

double share_of(const std::array<double, kParts>& shares, Part part) {
  return shares[static_cast<std::size_t>(part)];
}

TEST(SynthTest, PictureAndLabelsAgreeInSizeAndRange) {
  for (const auto& [width, height] : {std::pair{128, 128}, {64, 96}, {100, 60}, {33, 47}}) {
    SynthOptions options;
    options.width = width, options.height = height;
    const Sample sample = synth_portrait(options, core::Rng(5));
    EXPECT_EQ(sample.image.width, width);
    EXPECT_EQ(sample.image.height, height);
    EXPECT_EQ(sample.labels.width, width);
    EXPECT_EQ(sample.labels.height, height);
    EXPECT_LT(*std::max_element(sample.labels.ids.begin(), sample.labels.ids.end()), kPartCount);
  }
}

TEST(SynthTest, EveryPartIsInNearlyEveryPortrait) {
  std::array<int, kParts> seen{};
  std::array<double, kParts> mean{};
  for (std::int64_t i = 0; i < kPortraits; ++i) {
    const auto shares = shares_of(portraits().read(Split::kTrain, i).labels);
    for (std::size_t k = 0; k < kParts; ++k) {
      seen[k] += shares[k] > 0.0005;
      mean[k] += shares[k] / static_cast<double>(kPortraits);
    }
  }
  for (std::size_t k = 0; k < kParts; ++k)
    EXPECT_GT(seen[k], 0.9 * kPortraits) << portraits().info().classes[k];
  EXPECT_GT(share_of(mean, Part::kBackground), 0.25);
  EXPECT_LT(share_of(mean, Part::kBackground), 0.7);
  for (const Part part : {Part::kSkin, Part::kHair, Part::kClothes}) {
    EXPECT_GT(share_of(mean, part), 0.05);
    EXPECT_LT(share_of(mean, part), 0.4);
  }
  for (const Part part : {Part::kBrows, Part::kEyes, Part::kNose, Part::kMouth}) {
    EXPECT_GT(share_of(mean, part), 0.002);
    EXPECT_LT(share_of(mean, part), 0.03);
  }
}

TEST(SynthTest, ZoomComesCloserToTheFace) {
  const auto area_of_eyes = [](double zoom) {
    double share = 0;
    for (std::uint64_t i = 0; i < 20; ++i) {
      const Sample sample = synth_portrait({.width = 96, .height = 96, .zoom = zoom}, core::Rng(i));
      share += share_of(shares_of(sample.labels), Part::kEyes);
    }
    return share;
  };
  EXPECT_NEAR(area_of_eyes(1.5) / area_of_eyes(1), 1.5 * 1.5, 0.2);
}

TEST(SynthTest, FacesAreOrderedLikeFaces) {
  // Mean rows of the parts: brows above eyes above nose above mouth.
  int ordered = 0;
  for (std::int64_t i = 0; i < kPortraits; ++i) {
    const LabelMap labels = portraits().read(Split::kTrain, i).labels;
    std::array<double, kParts> row{}, count{};
    for (std::int64_t y = 0; y < labels.height; ++y) {
      for (std::int64_t x = 0; x < labels.width; ++x) {
        row[labels.at(x, y)] += static_cast<double>(y), count[labels.at(x, y)] += 1;
      }
    }
    for (std::size_t k = 0; k < kParts; ++k) row[k] /= std::max(1.0, count[k]);
    constexpr std::array kDown{Part::kBrows, Part::kEyes, Part::kNose, Part::kMouth};
    ordered += std::is_sorted(kDown.begin(), kDown.end(), [&](Part a, Part b) {
      return row[static_cast<std::size_t>(a)] < row[static_cast<std::size_t>(b)];
    });
  }
  EXPECT_GT(ordered, 0.95 * kPortraits);
}

TEST(SynthTest, EqualSeedsGiveEqualDataWhateverTheThreads) {
  const SynthOptions options{
      .train = 5, .val = 3, .test = 2, .width = 48, .height = 40, .seed = 11};
  const MemoryDataset one = make_synthetic_dataset(options, 1),
                      four = make_synthetic_dataset(options, 4);
  for (const Split split : {Split::kTrain, Split::kVal, Split::kTest}) {
    ASSERT_EQ(one.size(split), four.size(split));
    for (std::int64_t i = 0; i < one.size(split); ++i) {
      EXPECT_EQ(one.id(split, i), four.id(split, i));
      EXPECT_EQ(one.read(split, i).image, four.read(split, i).image);
      EXPECT_EQ(one.read(split, i).labels, four.read(split, i).labels);
    }
  }
}

TEST(SynthTest, APortraitDoesNotDependOnTheirNumber) {
  const SynthOptions few{.train = 2, .val = 1, .test = 0, .width = 32, .height = 32};
  const SynthOptions many{.train = 6, .val = 4, .test = 3, .width = 32, .height = 32};
  const MemoryDataset a = make_synthetic_dataset(few, 1), b = make_synthetic_dataset(many, 2);
  EXPECT_EQ(a.read(Split::kTrain, 1).image, b.read(Split::kTrain, 1).image);
  EXPECT_EQ(a.read(Split::kVal, 0).image, b.read(Split::kVal, 0).image);
}

TEST(SynthTest, PortraitsDifferFromEachOtherAndBetweenSeedsAndSplits) {
  std::set<std::vector<std::uint8_t>> pictures, labels;
  for (const std::int64_t seed : {1, 2}) {
    const MemoryDataset dataset = make_synthetic_dataset(
        {.train = 12, .val = 12, .test = 12, .width = 32, .height = 32, .seed = seed}, 2);
    for (const Split split : {Split::kTrain, Split::kVal, Split::kTest}) {
      for (std::int64_t i = 0; i < 12; ++i) {
        pictures.insert(dataset.read(split, i).image.pixels);
        labels.insert(dataset.read(split, i).labels.ids);
      }
    }
  }
  EXPECT_EQ(pictures.size(), 72U);
  EXPECT_EQ(labels.size(), 72U);
}

// What colour alone can tell: every pixel goes to the part of the nearest mean colour.
TEST(SynthTest, ColourAloneDoesNotTellTheParts) {
  using Mean = std::array<double, 3>;
  std::array<Mean, kParts> mean{};
  std::array<double, kParts> count{}, hits{};
  const auto each_pixel = [](auto visit) {
    for (std::int64_t i = 0; i < kPortraits; ++i) {
      const Sample sample = portraits().read(Split::kTrain, i);
      for (std::size_t p = 0; p < sample.labels.ids.size(); ++p)
        visit(sample.labels.ids[p], &sample.image.pixels[3 * p]);
    }
  };
  each_pixel([&](std::size_t id, const std::uint8_t* rgb) {
    count[id] += 1;
    for (std::size_t c = 0; c < 3; ++c) mean[id][c] += rgb[c];
  });
  for (std::size_t k = 0; k < kParts; ++k) {
    for (double& value : mean[k]) value /= count[k];
  }
  each_pixel([&](std::size_t id, const std::uint8_t* rgb) {
    const auto distance = [&](const Mean& m) {
      return std::hypot(m[0] - rgb[0], m[1] - rgb[1], m[2] - rgb[2]);
    };
    const auto nearest =
        std::min_element(mean.begin(), mean.end(), [&](const Mean& a, const Mean& b) {
          return distance(a) < distance(b);
        });
    hits[id] += static_cast<std::size_t>(nearest - mean.begin()) == id;
  });
  double recall = 0, pixels = 0, right = 0;
  for (std::size_t k = 0; k < kParts; ++k) {
    recall += hits[k] / count[k] / kPartCount;
    pixels += count[k], right += hits[k];
  }
  EXPECT_LT(right / pixels, 0.5);
  EXPECT_LT(recall, 0.5);
  EXPECT_GT(recall, 1.0 / kPartCount);  // and yet colour is a cue
}

TEST(SynthTest, LabelsFollowThePicture) {
  // Across borders of the labels the picture changes more than within parts.
  double across = 0, within = 0, borders = 0, pairs = 0;
  for (std::int64_t i = 0; i < kPortraits; ++i) {
    const Sample s = portraits().read(Split::kTrain, i);
    for (std::int64_t y = 0; y < s.labels.height; ++y) {
      for (std::int64_t x = 0; x + 1 < s.labels.width; ++x) {
        double step = 0;
        for (int c = 0; c < 3; ++c) step += std::abs(s.image.at(x, y)[c] - s.image.at(x + 1, y)[c]);
        const bool border = s.labels.at(x, y) != s.labels.at(x + 1, y);
        (border ? across : within) += step;
        (border ? borders : pairs) += 1;
      }
    }
  }
  EXPECT_GT(across / borders, 2.5 * within / pairs);
}

TEST(SynthTest, OcclusionCanBeSwitchedOffAndOn) {
  int differing = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    SynthOptions clear, covered;
    clear.width = clear.height = covered.width = covered.height = 48;
    clear.occlusion = 0, covered.occlusion = 1;
    differing += synth_portrait(clear, core::Rng(seed)).labels !=
                 synth_portrait(covered, core::Rng(seed)).labels;
  }
  EXPECT_EQ(differing, 8);
}

TEST(SynthTest, InfoNamesTheClassesAndTheirColours) {
  const DatasetInfo& info = portraits().info();
  EXPECT_EQ(info.classes,
            (std::vector<std::string>{
                "background", "skin", "hair", "brows", "eyes", "nose", "mouth", "clothes"}));
  ASSERT_EQ(info.palette.size(), kParts);
  for (std::size_t a = 0; a < kParts; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      const Rgb p = info.palette[a], q = info.palette[b];
      EXPECT_GT(std::hypot(p.r - q.r, p.g - q.g, p.b - q.b), 40)
          << info.classes[a] << " and " << info.classes[b];
    }
  }
}

TEST(SynthTest, OptionsAreDeclared) {
  SynthOptions options;
  core::Config::from_text("train: 3\nwidth: 64\nocclusion: 0.5\n", "test").read_into(options);
  EXPECT_EQ(options.train, 3);
  EXPECT_EQ(options.width, 64);
  EXPECT_EQ(options.occlusion, 0.5);
  EXPECT_THROW(core::Config::from_text("height: 3\n", "test").read_into(options), core::Error);
  EXPECT_THROW(core::Config::from_text("colour: red\n", "test").read_into(options), core::Error);
}

}  // namespace
}  // namespace parsimony::data
