// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/assumed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"

namespace parsimony::data {
namespace {

TEST(AssumedDataset, HasWhatIsAssumed) {
  const auto set = assumed_dataset(
      {.train = 3, .val = 2, .test = 0, .width = 20, .height = 10, .classes = 4}, "streets");
  EXPECT_EQ(set->info().name, "streets");
  EXPECT_EQ(set->info().classes.size(), 4U);
  EXPECT_EQ(set->info().palette.size(), 4U);
  EXPECT_EQ(set->size(Split::kTrain), 3);
  EXPECT_EQ(set->size(Split::kVal), 2);
  EXPECT_EQ(set->size(Split::kTest), 0);
  const Sample sample = set->read(Split::kVal, 1);
  EXPECT_EQ(sample.image.width, 20);
  EXPECT_EQ(sample.labels.height, 10);
}

TEST(AssumedDataset, NeedsAWholeAssumption) {
  try {
    assumed_dataset({.train = 3, .val = 0, .width = 20, .height = 10}, "streets");
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr("3 training and 0 validation pictures of 20x10"));
  }
}

}  // namespace
}  // namespace parsimony::data
