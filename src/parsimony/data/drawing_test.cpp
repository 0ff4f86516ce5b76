// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/drawing.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/data/skeleton.h"

namespace parsimony::data {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Rgb kBackground = {90, 140, 60};

Rgb color_at(const Image& image, std::int64_t x, std::int64_t y) {
  const std::uint8_t* pixel = image.at(x, y);
  return {pixel[0], pixel[1], pixel[2]};
}

Image plain(std::int64_t width, std::int64_t height, Rgb color = kBackground) {
  Image image(width, height);
  for (std::size_t i = 0; i < image.pixels.size(); i += 3)
    std::ranges::copy(std::array{color.r, color.g, color.b}, &image.pixels[i]);
  return image;
}

// CIE lightness, 0 to 100.
double lightness(Rgb color) {
  const auto light = [](std::uint8_t value) {
    const double v = value / 255.0;
    return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  };
  const double y = 0.2126 * light(color.r) + 0.7152 * light(color.g) + 0.0722 * light(color.b);
  return y > 0.008856 ? 116 * std::cbrt(y) - 16 : 903.3 * y;
}

int difference(Rgb a, Rgb b) {
  return std::max({std::abs(a.r - b.r), std::abs(a.g - b.g), std::abs(a.b - b.b)});
}

TEST(PaintedTest, ClassesHaveTheirColoursAndTheRestIsWhite) {
  const std::vector<Rgb> palette = {{10, 20, 30}, {200, 100, 0}};
  LabelMap labels(3, 1);
  labels.ids = {0, 1, LabelMap::kIgnore};
  const Image opaque = painted(labels, plain(3, 1), palette, 1);
  EXPECT_EQ(color_at(opaque, 0, 0), palette[0]);
  EXPECT_EQ(color_at(opaque, 1, 0), palette[1]);
  EXPECT_EQ(color_at(opaque, 2, 0), (Rgb{255, 255, 255}));
  EXPECT_EQ(color_at(painted(labels, plain(3, 1), palette, 0.5), 1, 0), (Rgb{145, 120, 30}));
  EXPECT_EQ(painted(labels, plain(3, 1), palette, 0), plain(3, 1));
  EXPECT_THROW(painted(labels, plain(1, 3), palette, 1), core::Error);
}

DepthMap depths(const std::vector<float>& metres) {
  DepthMap map(static_cast<std::int64_t>(metres.size()), 1);
  map.metres = metres;
  return map;
}

TEST(DepthRangeTest, IsThatOfAllValidDepthsRoundedOutwards) {
  const DepthMap truth = depths({0, 1.23F, 4.4F, kNaN}), predicted = depths({2, 7.81F, -3});
  const DepthRange range = depth_range({&truth, &predicted});
  EXPECT_DOUBLE_EQ(range.nearest, 1);
  EXPECT_DOUBLE_EQ(range.farthest, 8);
  const DepthMap corridor = depths({0.7F, 93, kInfinity});
  EXPECT_EQ(depth_range({&corridor}), (DepthRange{0, 95}));
}

TEST(DepthRangeTest, RoundEndsStay) {
  const DepthMap map = depths({1.2F, 4.4F});
  EXPECT_DOUBLE_EQ(depth_range({&map}).nearest, 1.2);
  EXPECT_DOUBLE_EQ(depth_range({&map}).farthest, 4.4);
}

TEST(DepthRangeTest, IsNeverEmpty) {
  const DepthMap nothing = depths({0, kNaN, -1, kInfinity}), none;
  EXPECT_EQ(depth_range({&nothing, &none}), DepthRange{});
  EXPECT_EQ(depth_range({}), DepthRange{});
  for (const float metres : {0.003F, 0.1F, 2.0F, 2.03F, 80.0F, 12345.0F}) {
    const DepthMap wall = depths({metres, metres});
    const DepthRange range = depth_range({&wall});
    EXPECT_GE(range.nearest, 0.85 * static_cast<double>(metres));
    EXPECT_LT(range.nearest, metres);
    EXPECT_GT(range.farthest, metres);
    EXPECT_LE(range.farthest, 1.15 * static_cast<double>(metres));
  }
}

TEST(DepthColoursTest, FartherIsDarkerAndCoolerInEvenSteps) {
  constexpr int kSteps = 100;
  std::vector<float> metres;
  for (int i = 0; i <= kSteps; ++i) metres.push_back(2 + 3 * static_cast<float>(i) / kSteps);
  const Image image = depth_colours(depths(metres), {2, 5});
  const double mean_step =
      (lightness(color_at(image, 0, 0)) - lightness(color_at(image, kSteps, 0))) / kSteps;
  EXPECT_GT(mean_step, 0.7);
  for (int i = 1; i <= kSteps; ++i) {
    const double step = lightness(color_at(image, i - 1, 0)) - lightness(color_at(image, i, 0));
    EXPECT_GT(step, 0.2 * mean_step) << i;
    EXPECT_LT(step, 2 * mean_step) << i;
  }
  const Rgb near = color_at(image, 0, 0), far = color_at(image, kSteps, 0);
  EXPECT_GT(near.r, near.b);
  EXPECT_LT(far.r, far.b);
}

TEST(DepthColoursTest, DepthsBeyondTheRangeHaveTheColoursOfItsEnds) {
  const Image image = depth_colours(depths({0.5F, 1, 4, 9, 1e30F}), {1, 4});
  EXPECT_EQ(color_at(image, 0, 0), color_at(image, 1, 0));
  EXPECT_EQ(color_at(image, 3, 0), color_at(image, 2, 0));
  EXPECT_EQ(color_at(image, 4, 0), color_at(image, 2, 0));
}

TEST(DepthColoursTest, InvalidIsAGrayUnlikeAnyDepth) {
  std::vector<float> metres = {0, kNaN, -1, kInfinity};
  const std::size_t invalid = metres.size();
  for (int i = 0; i <= 500; ++i) metres.push_back(1 + static_cast<float>(i) / 500);
  const Image image = depth_colours(depths(metres), {1, 2});
  const Rgb gray = color_at(image, 0, 0);
  EXPECT_EQ(gray.r, gray.g);
  EXPECT_EQ(gray.g, gray.b);
  for (std::size_t i = 1; i < metres.size(); ++i) {
    const Rgb color = color_at(image, static_cast<std::int64_t>(i), 0);
    if (i < invalid) {
      EXPECT_EQ(color, gray);
    } else {
      EXPECT_GT(difference(color, gray), 60) << metres[i];
    }
  }
}

TEST(DepthColoursTest, RefusesWhatIsNoRange) {
  EXPECT_THROW(depth_colours(depths({1}), {2, 2}), core::Error);
  EXPECT_THROW(depth_colours(depths({1}), {-1, 2}), core::Error);
  EXPECT_THROW(depth_colours(depths({1}), {1, static_cast<double>(kInfinity)}), core::Error);
  EXPECT_THROW(with_depth_scale(plain(64, 64), {3, 2}), core::Error);
}

constexpr Rgb kPaper = {255, 255, 255};

bool is_plain_row(const Image& image, std::int64_t y, Rgb color) {
  for (std::int64_t x = 0; x < image.width; ++x) {
    if (color_at(image, x, y) != color) return false;
  }
  return true;
}

// What a scale below `height` rows of picture looks like, found from the top.
struct Scale {
  std::int64_t ramp = 0;   // a row of the ramp
  std::int64_t ticks = 0;  // first row of the ticks
  std::int64_t text = 0;   // first row below the ticks' that is not plain paper
};
Scale find_scale(const Image& image, std::int64_t height) {
  Scale scale;
  std::int64_t y = height;
  while (is_plain_row(image, y, kPaper)) ++y;
  scale.ramp = y;
  const Rgb nearest = color_at(image, 0, y);
  while (color_at(image, 0, y) == nearest) ++y;
  scale.ticks = y;
  while (!is_plain_row(image, y, kPaper)) ++y;
  while (is_plain_row(image, y, kPaper)) ++y;
  scale.text = y;
  return scale;
}

// How many separate marks there are in rows [top, bottom), at least `gap` columns apart.
int marks(const Image& image, std::int64_t top, std::int64_t bottom, std::int64_t gap) {
  int count = 0;
  std::int64_t blank = gap;
  for (std::int64_t x = 0; x < image.width; ++x) {
    bool inked = false;
    for (std::int64_t y = top; y < bottom; ++y) inked |= color_at(image, x, y) != kPaper;
    if (inked && blank >= gap) ++count;
    blank = inked ? 0 : blank + 1;
  }
  return count;
}

TEST(DepthScaleTest, LiesBelowThePictureAndShowsItsColours) {
  const Image picture = plain(200, 100);
  const DepthRange range{1, 5};
  const Image image = with_depth_scale(picture, range);
  EXPECT_EQ(image.width, picture.width);
  EXPECT_GT(image.height, picture.height);
  EXPECT_TRUE(std::equal(picture.pixels.begin(), picture.pixels.end(), image.pixels.begin()));
  const Scale scale = find_scale(image, picture.height);
  const Image ends = depth_colours(depths({1, 5}), range);
  EXPECT_EQ(color_at(image, 0, scale.ramp), color_at(ends, 0, 0));
  EXPECT_EQ(color_at(image, 199, scale.ramp), color_at(ends, 1, 0));
  // Ticks at 1, 2, 3, 4 and 5 metres or closer, so in the middle too.
  EXPECT_NE(color_at(image, 0, scale.ticks), kPaper);
  EXPECT_NE(color_at(image, 100, scale.ticks), kPaper);
  EXPECT_NE(color_at(image, 199, scale.ticks), kPaper);
}

TEST(DepthScaleTest, EveryTickHasATextOfItsOwnAtAllSizes) {
  const DepthRange ranges[] = {
      {0, 1}, {0, 10}, {0.5, 10}, {1.2, 4.4}, {0.7, 80}, {1.95, 2.05}, {0.28, 0.32}, {90, 250}};
  for (const DepthRange& range : ranges) {
    for (const std::int64_t width : {64, 80, 128, 320, 641, 1024, 2048}) {
      for (const std::int64_t height : {std::int64_t{48}, width}) {
        SCOPED_TRACE(testing::Message() << range.nearest << " to " << range.farthest << " m on "
                                        << width << "x" << height);
        const Image image = with_depth_scale(plain(width, height), range);
        const Scale scale = find_scale(image, height);
        const std::int64_t dot = (image.height - height) / 22;
        const int ticks = marks(image, scale.ticks, scale.ticks + 1, 1);
        EXPECT_GE(ticks, width < 320 ? 2 : 3);
        EXPECT_LE(ticks, 11);
        // Within a text dots are at most 3 apart, before the unit.
        EXPECT_EQ(marks(image, scale.text, scale.text + 7 * dot, 4 * dot), ticks);
        // Nothing is cut off at the sides and the bottom.
        EXPECT_TRUE(is_plain_row(image, image.height - 1, kPaper));
      }
    }
  }
}

TEST(DepthScaleTest, TextsAreTheTicksValuesInMetres) {
  const Image image = with_depth_scale(plain(64, 20), {1.95, 2.05});
  const std::int64_t top = find_scale(image, 20).text;
  std::string text = "\n";
  for (std::int64_t y = top; y < top + 7; ++y) {
    std::string row;
    for (std::int64_t x = 0; x < image.width; ++x)
      row += color_at(image, x, y) == kPaper ? ' ' : '#';
    text += row.substr(0, row.find_last_of('#') + 1) + "\n";
  }
  EXPECT_EQ(text, R"(
    #      ###  #####               ###     ###  #####
   ##     #   # #                  #   #   #   # #
  # #     #   # ####                   #   #   # ####    ## #
    #      ####     #                ##    #   #     #   # # #
    #         #     #               #      #   #     #   # # #
    #         # #   #              #       #   # #   #   # # #
  ##### #  ###   ###               ##### #  ###   ###    # # #
)");
}

TEST(DepthScaleTest, TypeGrowsWithThePicture) {
  const auto height = [](std::int64_t width, std::int64_t rows) {
    return with_depth_scale(plain(width, rows), {0, 4}).height - rows;
  };
  EXPECT_EQ(height(64, 64), height(200, 200));
  EXPECT_EQ(height(2048, 64), height(64, 64));
  EXPECT_EQ(height(960, 960), 4 * height(64, 64));
}

TEST(DepthScaleTest, IsSafeOnTinyPictures) {
  EXPECT_EQ(with_depth_scale(plain(2, 1), {0, 4}).width, 2);
  EXPECT_THROW(with_depth_scale(Image(), {0, 4}), core::Error);
}

constexpr Joint seen(float x, float y) {
  return {x, y, Visibility::kVisible};
}

// One bone, on the left.
Skeleton forearm() {
  Skeleton skeleton;
  skeleton.joints = {"left_elbow", "left_wrist", "right_wrist"};
  skeleton.bones = {{0, 1}};
  return skeleton;
}

Pose pose_of(std::vector<Joint> joints) {
  Pose pose;
  pose.joints = std::move(joints);
  return pose;
}

std::set<std::int64_t> columns_drawn(const Image& image, std::int64_t y) {
  std::set<std::int64_t> columns;
  for (std::int64_t x = 0; x < image.width; ++x) {
    if (color_at(image, x, y) != kBackground) columns.insert(x);
  }
  return columns;
}

TEST(WithPoseTest, NothingIsDrawnWithoutJoints) {
  const Image picture = plain(80, 80);
  EXPECT_EQ(with_pose(picture, {}, lsp_skeleton()), picture);
  const Pose absent = pose_of(std::vector<Joint>(14, {40, 40, Visibility::kAbsent}));
  EXPECT_EQ(with_pose(picture, absent, lsp_skeleton()), picture);
  const Pose nowhere = pose_of({seen(kNaN, 40), seen(40, kNaN), seen(kInfinity, 40)});
  EXPECT_EQ(with_pose(picture, nowhere, forearm()), picture);
  EXPECT_THROW(with_pose(picture, absent, forearm()), core::Error);
}

TEST(WithPoseTest, SidesHaveColoursOfTheirOwnInADarkOutline) {
  Skeleton skeleton;
  skeleton.joints = {"left_hip", "right_hip", "neck", "left_knee", "right_knee"};
  skeleton.bones = {{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 4}};
  const Image image = with_pose(
      plain(200, 200),
      pose_of({seen(140, 100), seen(60, 100), seen(100, 20), seen(140, 180), seen(60, 180)}),
      skeleton);
  const Rgb left = color_at(image, 140, 100), right = color_at(image, 60, 100);
  const Rgb middle = color_at(image, 100, 20);
  EXPECT_EQ(color_at(image, 140, 140), left);
  EXPECT_EQ(color_at(image, 60, 140), right);
  EXPECT_EQ(color_at(image, 100, 100), middle);
  EXPECT_EQ(color_at(image, 120, 60), left);
  EXPECT_EQ(color_at(image, 80, 60), right);
  // Blue against yellow is what red-green blindness leaves.
  EXPECT_GT(left.r - left.b, 200);
  EXPECT_LT(right.r - right.b, -100);
  EXPECT_GT(lightness(middle) - std::max(lightness(left), lightness(right)), 20);
  for (const Rgb color : {left, right, middle}) EXPECT_GT(lightness(color), 60);
  double darkest = 100;
  for (const std::int64_t x : columns_drawn(image, 140))
    darkest = std::min(darkest, lightness(color_at(image, x, 140)));
  EXPECT_LT(darkest, lightness(kBackground) - 15);
}

TEST(WithPoseTest, LinesGrowWithTheShorterSide) {
  const auto width = [](std::int64_t columns, std::int64_t rows) {
    const float x = static_cast<float>(columns) / 2, y = static_cast<float>(rows);
    const Image image = with_pose(
        plain(columns, rows), pose_of({seen(x, y / 8), seen(x, y * 7 / 8), {}}), forearm());
    return columns_drawn(image, rows / 2).size();
  };
  EXPECT_GE(width(80, 80), 3U);
  EXPECT_LE(width(80, 80), 6U);
  EXPECT_GE(width(1000, 1000), 12U);
  EXPECT_LE(width(1000, 1000), 24U);
  EXPECT_EQ(width(1000, 80), width(80, 80));
}

TEST(WithPoseTest, HiddenJointsAreRings) {
  for (const std::int64_t side : {60, 80, 300, 1000}) {
    SCOPED_TRACE(side);
    const auto s = static_cast<float>(side);
    const Joint hidden = {s / 2, s / 2, Visibility::kHidden};
    const Image image =
        with_pose(plain(side, side), pose_of({hidden, seen(s / 2, s * 0.8F), {}}), forearm());
    EXPECT_EQ(color_at(image, side / 2, side / 2), kBackground);
    const std::set<std::int64_t> columns = columns_drawn(image, side / 2);
    EXPECT_THAT(columns, testing::Contains(testing::Lt(side / 2)));
    EXPECT_THAT(columns, testing::Contains(testing::Gt(side / 2)));
    EXPECT_NE(color_at(image, side / 2, side * 4 / 5), kBackground);
  }
}

TEST(WithPoseTest, BonesToAbsentJointsAreNotDrawn) {
  const Image alone = with_pose(plain(100, 100), pose_of({seen(50, 20), {}, {}}), forearm());
  EXPECT_NE(color_at(alone, 50, 20), kBackground);
  EXPECT_EQ(color_at(alone, 50, 50), kBackground);
  EXPECT_EQ(alone,
            with_pose(plain(100, 100), pose_of({seen(50, 20), seen(50, kNaN), {}}), forearm()));
}

TEST(WithPoseTest, WhatIsOutsideIsCutOff) {
  // The upper left part of a larger drawing with lines as wide.
  const Pose pose = pose_of({seen(30, 40), seen(95, 120), seen(-20, 55)});
  const Image large = with_pose(plain(160, 80), pose, forearm());
  const Image small = with_pose(plain(80, 80), pose, forearm());
  for (std::int64_t y = 0; y < 80; ++y) {
    for (std::int64_t x = 0; x < 80; ++x)
      ASSERT_EQ(color_at(small, x, y), color_at(large, x, y)) << x << ", " << y;
  }
  EXPECT_NE(small, with_pose(plain(80, 80), pose_of({seen(30, 40), {}, {}}), forearm()));
}

TEST(WithPoseTest, IsSafeForAnyCoordinates) {
  constexpr float kHuge = std::numeric_limits<float>::max();
  for (const Joint& far : {seen(kHuge, 10), seen(-kHuge, -kHuge), seen(10, -1e10F)}) {
    const Image image = with_pose(plain(20, 30), pose_of({seen(10, 10), far, far}), forearm());
    EXPECT_EQ(image.width, 20);
    EXPECT_NE(color_at(image, 10, 10), kBackground);
  }
  EXPECT_EQ(with_pose(Image(), pose_of({seen(0, 0), seen(1, 1), {}}), forearm()), Image());
}

TEST(WithPoseTest, AMirroredPoseIsTheMirroredDrawing) {
  // Nobody's limbs cross, so that none is drawn over another.
  Pose pose = pose_of({seen(60, 140),
                       seen(62, 110),
                       {64, 80, Visibility::kHidden},
                       seen(86, 80),
                       seen(90, 110.25F),
                       seen(92, 140),
                       seen(40, 70),
                       seen(46, 55),
                       seen(58, 40),
                       seen(92, 40),
                       seen(104, 55.5F),
                       {112, 70, Visibility::kHidden},
                       seen(75, 34),
                       seen(75, 12)});
  const Skeleton skeleton = lsp_skeleton();
  const Image image = with_pose(plain(160, 160), pose, skeleton);
  for (Joint& joint : pose.joints) joint.x = 159 - joint.x;
  const Image flipped = with_pose(plain(160, 160), pose, skeleton);
  for (const auto& [a, b] : skeleton.mirror_pairs)
    std::swap(pose.joints[static_cast<std::size_t>(a)], pose.joints[static_cast<std::size_t>(b)]);
  const Image mirrored = with_pose(plain(160, 160), pose, skeleton);
  int changed = 0;
  for (std::int64_t y = 0; y < 160; ++y) {
    for (std::int64_t x = 0; x < 160; ++x) {
      EXPECT_EQ(color_at(flipped, 159 - x, y), color_at(image, x, y)) << x << ", " << y;
      EXPECT_EQ(color_at(mirrored, x, y) == kBackground, color_at(flipped, x, y) == kBackground);
      changed += color_at(mirrored, x, y) != color_at(flipped, x, y);
    }
  }
  EXPECT_EQ(color_at(mirrored, 159 - 92, 140), color_at(image, 60, 140));
  EXPECT_GT(changed, 100);
}

}  // namespace
}  // namespace parsimony::data
