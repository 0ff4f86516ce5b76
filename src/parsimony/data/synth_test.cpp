// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/synth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/data/depth_coding.h"
#include "parsimony/data/export_folder.h"
#include "parsimony/data/skeleton.h"

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

SynthOptions scene_options(SynthScene scene, std::int64_t train = 40) {
  return {.train = train,
          .val = 2,
          .test = 2,
          .width = 80,
          .height = 96,
          .occlusion = 0.2,
          .scene = scene};
}

TEST(SynthPeopleTest, JointsLieOnThePerson) {
  const MemoryDataset set = make_synthetic_dataset(scene_options(SynthScene::kPeople), 2);
  EXPECT_EQ(set.info().targets, (TargetSet{Target::kClasses, Target::kPose}));
  EXPECT_EQ(set.info().skeleton, lsp_skeleton());
  int visible = 0, hidden = 0, faces_ahead = 0, wrong_sides = 0;
  for (std::int64_t i = 0; i < set.size(Split::kTrain); ++i) {
    const Sample sample = set.read(Split::kTrain, i);
    ASSERT_EQ(sample.pose->joints.size(), 14u);
    double area = 0;
    for (const std::uint8_t id : sample.labels.ids) area += id;
    EXPECT_EQ(sample.pose->area, area);
    for (const Joint& joint : sample.pose->joints) {
      ASSERT_GE(std::min(joint.x, joint.y), 0);  // whole people
      ASSERT_LE(joint.x, 79);
      ASSERT_LE(joint.y, 95);
      if (joint.visibility == Visibility::kVisible) {
        ++visible;
        EXPECT_EQ(sample.labels.at(std::lround(joint.x), std::lround(joint.y)), 1) << i;
      } else {
        EXPECT_EQ(joint.visibility, Visibility::kHidden);
        ++hidden;
      }
    }
    // Most people face the camera: their left is on the right of the picture.
    const auto& joints = sample.pose->joints;
    faces_ahead += joints[9].x > joints[8].x;
    wrong_sides += (joints[9].x > joints[8].x) != (joints[3].x > joints[2].x) &&
                   std::abs(joints[9].x - joints[8].x) > 5;
  }
  EXPECT_GT(visible, 5 * hidden);
  EXPECT_GT(hidden, 10);
  EXPECT_GT(faces_ahead, 20);
  EXPECT_LT(faces_ahead, 38);
  EXPECT_LE(wrong_sides, 2);
}

TEST(SynthPeopleTest, ZoomLeavesJointsOutsideThePicture) {
  SynthOptions options = scene_options(SynthScene::kPeople, 20);
  options.zoom = 2;
  const MemoryDataset set = make_synthetic_dataset(options, 2);
  int outside = 0;
  for (std::int64_t i = 0; i < 20; ++i) {
    const Sample sample = set.read(Split::kTrain, i);
    for (const Joint& joint : sample.pose->joints) {
      if (joint.x >= -0.5 && joint.x <= 79.5 && joint.y >= -0.5 && joint.y <= 95.5) continue;
      ++outside;
      EXPECT_EQ(joint.visibility, Visibility::kHidden);
    }
  }
  EXPECT_GT(outside, 20);
}

TEST(SynthRoomsTest, DepthsAreThoseOfARoom) {
  const MemoryDataset set = make_synthetic_dataset(scene_options(SynthScene::kRooms), 2);
  EXPECT_EQ(set.info().targets, (TargetSet{Target::kClasses, Target::kDepth}));
  std::array<int, 4> rooms_with{};
  double least = 100, most = 0;
  for (std::int64_t i = 0; i < set.size(Split::kTrain); ++i) {
    const Sample sample = set.read(Split::kTrain, i);
    std::set<int> ids(sample.labels.ids.begin(), sample.labels.ids.end());
    for (const int id : ids) ++rooms_with[static_cast<std::size_t>(id)];
    for (const float metres : sample.depth.metres) {
      ASSERT_GT(metres, 0.2);
      ASSERT_LT(metres, 12);
      EXPECT_NEAR(metres * 1000, std::round(metres * 1000), 1e-2);
      least = std::min<double>(least, metres), most = std::max<double>(most, metres);
    }
    EXPECT_FALSE(find_wrong_unit(sample.depth, 1000));
  }
  EXPECT_LT(least, 1.5);
  EXPECT_GT(most, 6);
  EXPECT_GT(rooms_with[0], 38);
  EXPECT_GT(rooms_with[1], 30);
  EXPECT_GT(rooms_with[3], 20);
}

// On the floor 1/depth is linear in the place in the picture, as for every plane.
TEST(SynthRoomsTest, FloorsArePlanes) {
  const MemoryDataset set = make_synthetic_dataset(scene_options(SynthScene::kRooms), 2);
  int checked = 0;
  for (std::int64_t i = 0; i < set.size(Split::kTrain); ++i) {
    const Sample sample = set.read(Split::kTrain, i);
    for (std::int64_t y = 1; y + 1 < sample.depth.height; ++y) {
      for (std::int64_t x = 0; x < sample.depth.width; ++x) {
        const auto is_floor = [&](std::int64_t row) { return sample.labels.at(x, row) == 1; };
        if (!is_floor(y - 1) || !is_floor(y) || !is_floor(y + 1)) continue;
        const double above = 1 / sample.depth.at(x, y - 1), below = 1 / sample.depth.at(x, y + 1);
        ASSERT_NEAR(1 / sample.depth.at(x, y), (above + below) / 2, 2e-3);
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 10000);
}

TEST(SynthScenesTest, AreWrittenAndReadBackEqual) {
  for (const SynthScene scene : {SynthScene::kPortraits, SynthScene::kPeople, SynthScene::kRooms}) {
    const core::TemporaryFolder folder;
    const MemoryDataset set = make_synthetic_dataset(scene_options(scene, 4), 2);
    write_dataset_folder(set, folder.path() / "set", 2);
    const auto back = open_dataset(folder.path() / "set", {.targets = {}});
    EXPECT_EQ(back->info().name, set.info().name);
    EXPECT_EQ(back->info().targets, set.info().targets);
    EXPECT_EQ(back->info().skeleton, set.info().skeleton);
    EXPECT_EQ(back->info().depth_scale, set.info().depth_scale);
    for (const Split split : {Split::kTrain, Split::kVal, Split::kTest}) {
      ASSERT_EQ(back->size(split), set.size(split));
      for (std::int64_t i = 0; i < set.size(split); ++i) {
        const Sample a = set.read(split, i), b = back->read(split, i);
        EXPECT_EQ(a.image, b.image);
        EXPECT_EQ(a.labels, b.labels);
        EXPECT_EQ(a.depth, b.depth);
        EXPECT_EQ(a.pose, b.pose);
      }
    }
  }
}

TEST(SynthScenesTest, DependOnSeedAndIndexOnly) {
  for (const SynthScene scene : {SynthScene::kPeople, SynthScene::kRooms}) {
    const MemoryDataset few = make_synthetic_dataset(scene_options(scene, 2), 1);
    const MemoryDataset many = make_synthetic_dataset(scene_options(scene, 4), 3);
    EXPECT_EQ(few.read(Split::kTrain, 1).image, many.read(Split::kTrain, 1).image);
    EXPECT_EQ(few.read(Split::kVal, 0).pose, many.read(Split::kVal, 0).pose);
    EXPECT_EQ(few.read(Split::kVal, 0).depth, many.read(Split::kVal, 0).depth);
    EXPECT_NE(many.read(Split::kTrain, 0).image, many.read(Split::kTrain, 1).image);
  }
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
  core::Config::from_text("train: 3\nwidth: 64\nocclusion: 0.5\nscene: rooms\n", "test")
      .read_into(options);
  EXPECT_EQ(options.scene, SynthScene::kRooms);
  EXPECT_EQ(options.train, 3);
  EXPECT_EQ(options.width, 64);
  EXPECT_EQ(options.occlusion, 0.5);
  EXPECT_THROW(core::Config::from_text("height: 3\n", "test").read_into(options), core::Error);
  EXPECT_THROW(core::Config::from_text("colour: red\n", "test").read_into(options), core::Error);
}

}  // namespace
}  // namespace parsimony::data
