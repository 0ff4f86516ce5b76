// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/fitted.h"

#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/data/augment.h"

namespace parsimony::data {
namespace {

TEST(Placed, IsAsLargeAsFitsAndInTheMiddle) {
  EXPECT_EQ(placed(200, 100, 64, 64), (Placement{.left = 0, .top = 16, .width = 64, .height = 32}));
  EXPECT_EQ(placed(50, 100, 64, 64), (Placement{.left = 16, .top = 0, .width = 32, .height = 64}));
  EXPECT_EQ(placed(320, 240, 640, 480), (Placement{.width = 640, .height = 480}));
  // Not a pixel of a frame of its shape stays empty, whatever the sizes.
  for (std::int64_t k = 1; k < 50; ++k)
    EXPECT_EQ(placed(3 * k, 7 * k, 33, 77), (Placement{.width = 33, .height = 77})) << k;
  // However thin, it has a pixel.
  EXPECT_EQ(placed(1000, 1, 64, 64).height, 1);
  EXPECT_THROW(placed(0, 10, 64, 64), core::Error);
}

// A wide picture of two halves with a joint at their border.
Sample halves() {
  Sample sample{.image = Image(80, 40),
                .labels = LabelMap(80, 40),
                .depth = DepthMap(80, 40, 2.5F),
                .pose = Pose{.joints = {{39.5F, 19.5F, Visibility::kVisible}}}};
  sample.pose->head_size = 10;
  for (std::int64_t y = 0; y < 40; ++y) {
    for (std::int64_t x = 40; x < 80; ++x) sample.labels.at(x, y) = 1;
  }
  return sample;
}

TEST(Fitted, KeepsTheShapeAndMovesLabelsAlong) {
  const Sample square = fitted(halves(), 64, 64);
  EXPECT_EQ(square.image.width, 64);
  EXPECT_EQ(square.image.height, 64);
  EXPECT_EQ(square.labels.at(31, 32), 0);
  EXPECT_EQ(square.labels.at(32, 32), 1);
  EXPECT_EQ(square.labels.at(32, 15), LabelMap::kIgnore);
  EXPECT_EQ(square.labels.at(32, 16), 1);
  EXPECT_NEAR(square.pose->joints[0].x, 31.5, 1e-4);
  EXPECT_NEAR(square.pose->joints[0].y, 31.5, 1e-4);
  EXPECT_NEAR(square.pose->head_size, 8, 1e-9);
}

TEST(Fitted, IsTheSameViewSoDepthsStay) {
  const Sample square = fitted(halves(), 160, 160);
  EXPECT_EQ(square.depth.at(80, 80), 2.5F);
  EXPECT_EQ(square.depth.at(80, 10), DepthMap::kInvalid);
}

TEST(FittedDataset, FitsEverySampleAndIsOtherwiseTheSame) {
  DatasetInfo info{.name = "people", .format = "memory", .classes = {"a", "b"}, .palette = {}};
  info.targets = {Target::kClasses, Target::kDepth, Target::kPose};
  info.skeleton.joints = {"nose"};
  auto set = std::make_unique<MemoryDataset>(info);
  set->add(Split::kTrain, "one", halves());
  const FittedDataset fitted_set(std::move(set), 48);
  EXPECT_EQ(fitted_set.info().name, "people");
  EXPECT_EQ(fitted_set.size(Split::kTrain), 1);
  EXPECT_EQ(fitted_set.size(Split::kVal), 0);
  EXPECT_EQ(fitted_set.id(Split::kTrain, 0), "one");
  const Sample sample = fitted_set.read(Split::kTrain, 0);
  EXPECT_EQ(sample.image.width, 48);
  EXPECT_EQ(sample.labels.height, 48);
}

}  // namespace
}  // namespace parsimony::data
