// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/constant_model.h"

#include <gtest/gtest.h>

#include <cmath>

namespace parsimony::run {
namespace {

constexpr std::int64_t kSide = 32;

data::Sample picture(std::uint8_t left_class, float metres) {
  data::Sample sample{.image = data::Image(kSide, kSide),
                      .labels = data::LabelMap(kSide, kSide),
                      .depth = data::DepthMap(kSide, kSide)};
  for (std::int64_t y = 0; y < kSide; ++y) {
    for (std::int64_t x = 0; x < kSide; ++x) {
      sample.labels.at(x, y) = x < kSide / 2 ? left_class : 2;
      sample.depth.at(x, y) = metres;
    }
  }
  return sample;
}

class ConstantModel : public ::testing::Test {
 protected:
  ConstantModel() {
    info_.name = "toy";
    info_.classes = {"a", "b", "c"};
    info_.palette.resize(3);
    info_.targets = {data::Target::kClasses, data::Target::kDepth};
  }

  std::unique_ptr<Model> of(std::vector<data::Sample> training) {
    data::MemoryDataset dataset(info_);
    for (data::Sample& sample : training)
      dataset.add(data::Split::kTrain, "picture", std::move(sample));
    task::TaskOptions options{.heads = {"segmentation", "depth"}};
    return constant_model({options, info_}, dataset, {log_, progress_, stop_, 1});
  }

  data::DatasetInfo info_{.name = "", .format = "memory", .classes = {}, .palette = {}};
  core::SilentLog log_;
  core::SilentProgress progress_;
  core::StopFlag stop_;
};

TEST_F(ConstantModel, SaysTheMostFrequentClassAndTheMeanDepthOfEachPlace) {
  data::Sample half_labelled = picture(1, 4);
  for (std::int64_t x = 0; x < kSide; ++x) half_labelled.depth.at(x, 0) = 0;
  const auto model = of({picture(0, 1), half_labelled, picture(1, 4)});
  const task::Prediction prediction = model->predict(data::Image(kSide, kSide));
  EXPECT_EQ(prediction.classes.at(3, 16), 1);
  EXPECT_EQ(prediction.classes.at(28, 16), 2);
  // In the form of the task, logarithms.
  EXPECT_NEAR(prediction.depth.at(16, 16), std::cbrt(16), 1e-4);
  EXPECT_NEAR(prediction.depth.at(16, 0), 2, 1e-4) << "a place that is not valid was counted";
}

TEST_F(ConstantModel, SaysTheSameOfEveryPictureAtItsOwnSize) {
  const auto model = of({picture(0, 1), picture(1, 3)});
  data::Image other(64, 48);
  other.pixels.assign(other.pixels.size(), 200);
  const task::Prediction prediction = model->predict(other);
  EXPECT_EQ(prediction.depth.width, 64);
  EXPECT_EQ(prediction.depth.height, 48);
  EXPECT_EQ(prediction.depth.at(10, 10), model->predict(data::Image(64, 48)).depth.at(10, 10));
}

TEST_F(ConstantModel, IsInterrupted) {
  stop_.request();
  EXPECT_EQ(of({picture(0, 1)}), nullptr);
}

}  // namespace
}  // namespace parsimony::run
