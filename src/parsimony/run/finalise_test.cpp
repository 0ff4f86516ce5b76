// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/finalise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/run/model.h"

namespace parsimony::run {
namespace {

TEST(Paint, MixesColoursWithThePicture) {
  data::Image picture(2, 1);
  picture.pixels = {100, 100, 100, 100, 100, 100};
  data::LabelMap labels(2, 1);
  labels.ids = {1, 255};
  const data::Image painted = paint(labels, picture, {{0, 0, 0}, {200, 0, 50}}, 0.5);
  EXPECT_THAT(painted.pixels, ::testing::ElementsAre(150, 50, 75, 178, 178, 178));
}

TEST(MetricsJson, HasTheContractsKeys) {
  metric::ConfusionMatrix matrix(3);
  matrix.set(0, 0, 3);
  matrix.set(1, 0, 1);
  EXPECT_EQ(metrics_json(matrix, {"a", "b", "c"}, {{"both", {0, 1}}, {"none", {2}}}, 2),
            R"({"miou":0.375,"iou":[0.75,0.0,null],"f1":[0.8571428571428571,0.0,null],)"
            R"("groups":{"both":1.0,"none":null},"foreground_iou":0.0,)"
            R"("pixel_accuracy":0.75,"mean_accuracy":0.5,"fwiou":0.5625,)"
            R"("images":2,"classes":["a","b","c"]})");
}

}  // namespace
}  // namespace parsimony::run
