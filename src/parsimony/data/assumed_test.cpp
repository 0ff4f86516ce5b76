// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/assumed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"

namespace parsimony::data {
namespace {

TEST(AssumedDataset, HasWhatIsAssumed) {
  const auto set = assumed_dataset(
      {.train = 3, .val = 2, .test = 0, .width = 20, .height = 10, .classes = 4, .joints = 5},
      {Target::kClasses, Target::kDepth, Target::kPose},
      "streets");
  EXPECT_EQ(set->info().name, "streets");
  EXPECT_EQ(set->info().classes.size(), 4U);
  EXPECT_EQ(set->info().palette.size(), 4U);
  EXPECT_EQ(set->size(Split::kTrain), 3);
  EXPECT_EQ(set->size(Split::kVal), 2);
  EXPECT_EQ(set->size(Split::kTest), 0);
  const Sample sample = set->read(Split::kVal, 1);
  EXPECT_EQ(sample.image.width, 20);
  EXPECT_EQ(sample.labels.height, 10);
  EXPECT_EQ(sample.depth.width, 20);
  ASSERT_TRUE(sample.pose);
  EXPECT_EQ(sample.pose->joints.size(), 5U);
  EXPECT_EQ(set->info().skeleton.joints.size(), 5U);
}

TEST(AssumedDataset, IsLabelledWithWhatIsAskedFor) {
  const auto set =
      assumed_dataset({.train = 1, .val = 1, .width = 20, .height = 10}, {Target::kDepth}, "rooms");
  EXPECT_EQ(set->info().targets, TargetSet{Target::kDepth});
  const Sample sample = set->read(Split::kTrain, 0);
  EXPECT_EQ(sample.labels.width, 0);
  EXPECT_FALSE(sample.pose);
}

TEST(AssumedDataset, NeedsAWholeAssumption) {
  try {
    assumed_dataset(
        {.train = 3, .val = 0, .width = 20, .height = 10}, {Target::kClasses}, "streets");
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr("3 training and 0 validation pictures of 20x10"));
  }
}

}  // namespace
}  // namespace parsimony::data
