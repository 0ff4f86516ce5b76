// SPDX-License-Identifier: Apache-2.0
#include "parsimony/metric/confusion.h"

#include <gtest/gtest.h>

namespace parsimony::metric {
namespace {

// The known answer of spec rl-cell-search, section 5: class 3 is absent but predicted once.
ConfusionMatrix known_matrix() {
  const std::int64_t counts[4][4] = {{50, 2, 3, 0}, {4, 30, 6, 0}, {1, 0, 20, 1}, {0, 0, 0, 0}};
  ConfusionMatrix matrix(4);
  for (int t = 0; t < 4; ++t) {
    for (int p = 0; p < 4; ++p) matrix.set(t, p, counts[t][p]);
  }
  return matrix;
}

TEST(Reward, OfTheCvprState) {
  const Reward r = reward(known_matrix(), {.absent = AbsentClasses::kCvpr, .omit = {}});
  EXPECT_NEAR(r.miou, 0.453149, 1e-6);
  EXPECT_NEAR(r.mean_accuracy, 0.886364, 1e-6);
  EXPECT_NEAR(r.fwiou, 0.689758, 1e-6);
  EXPECT_NEAR(r.value, 0.651903, 1e-6);
}

TEST(Quality, TheForegroundIsAllButTheFirstClass) {
  EXPECT_NEAR(quality(known_matrix()).foreground_iou, (30.0 / 42 + 20.0 / 31) / 2, 1e-12);
  ConfusionMatrix portrait(2);
  portrait.set(0, 0, 60);
  portrait.set(0, 1, 10);
  portrait.set(1, 1, 30);
  EXPECT_NEAR(quality(portrait).foreground_iou, 0.75, 1e-12);
  EXPECT_NEAR(quality(portrait).miou, (60.0 / 70 + 0.75) / 2, 1e-12);
}

TEST(Reward, OfTheLaterState) {
  EXPECT_NEAR(
      reward(known_matrix(), {.absent = AbsentClasses::kHead, .omit = {0}}).value, 0.725098, 1e-6);
  const Reward all = reward(known_matrix(), {.absent = AbsentClasses::kHead, .omit = {}});
  EXPECT_NEAR(all.miou, 0.548195, 1e-6);
  EXPECT_NEAR(all.mean_accuracy, 1.142045, 1e-6);
  EXPECT_NEAR(all.fwiou, 0.757251, 1e-6);
  EXPECT_NEAR(all.value, 0.779745, 1e-6);
}

TEST(Reward, ExcludesAbsentClassesByDefault) {
  const Reward r = reward(known_matrix(), {.omit = {0}});
  EXPECT_NEAR(r.miou, (30.0 / 42 + 20.0 / 31) / 2, 1e-12);
  EXPECT_NEAR(r.mean_accuracy, (30.0 / 40 + 20.0 / 22) / 2, 1e-12);
}

TEST(Quality, OfPerfectAndConstantPredictions) {
  ConfusionMatrix perfect(3);
  perfect.set(0, 0, 10);
  perfect.set(1, 1, 5);
  EXPECT_DOUBLE_EQ(quality(perfect).miou, 1);
  EXPECT_DOUBLE_EQ(quality(perfect).pixel_accuracy, 1);
  ConfusionMatrix constant(2);
  constant.set(0, 0, 75);
  constant.set(1, 0, 25);
  EXPECT_DOUBLE_EQ(quality(constant).miou, 0.375);
  EXPECT_DOUBLE_EQ(quality(constant).mean_accuracy, 0.5);
}

TEST(ConfusionMatrix, LeavesIgnoredPixelsOut) {
  const std::uint8_t labels[] = {0, 1, 255, 1};
  const std::uint8_t predictions[] = {0, 0, 1, 1};
  ConfusionMatrix matrix(2);
  matrix.add(labels, predictions, 4);
  EXPECT_EQ(matrix.total(), 3);
  EXPECT_EQ(matrix.count(1, 0), 1);
  ConfusionMatrix sum(2);
  sum.add(matrix);
  sum.add(matrix);
  EXPECT_EQ(sum.total(), 6);
}

// Classes: background, left eye, right eye, nose. Left taken for right is right within the group.
TEST(ConfusionMatrix, F1OfGroupsForgivesConfusionsWithin) {
  ConfusionMatrix matrix(4);
  matrix.set(0, 0, 100);
  matrix.set(0, 1, 4);
  matrix.set(1, 1, 6);
  matrix.set(1, 2, 3);
  matrix.set(2, 2, 5);
  matrix.set(2, 0, 2);
  EXPECT_DOUBLE_EQ(*matrix.f1({1}), 2.0 * 6 / (9 + 10));
  EXPECT_DOUBLE_EQ(*matrix.f1({2}), 2.0 * 5 / (7 + 8));
  EXPECT_DOUBLE_EQ(*matrix.f1({1, 2}), 2.0 * 14 / (16 + 18));
  EXPECT_FALSE(matrix.f1({3}));
  EXPECT_DOUBLE_EQ(*matrix.f1({1, 2, 3}), *matrix.f1({1, 2}));
  EXPECT_FALSE(matrix.f1({}));
}

// HELEN's groups, counted by hand (spec rl-cell-search, section 8.7). "overall" is the group of all
// eyes, brows, nose and mouth parts, so that a brow taken for an eye counts as right in it.
TEST(Scores, HoldTheMeanF1OfClassesThatCountAndThatOfGroups) {
  ConfusionMatrix matrix(5);  // class 3 is predicted only, class 4 is nowhere
  matrix.set(0, 0, 10);
  matrix.set(1, 1, 6);
  matrix.set(1, 2, 2);
  matrix.set(2, 2, 3);
  matrix.set(2, 3, 1);
  const objective::Scores all = scores(
      matrix,
      {.reward = {.omit = {0}}, .groups = {{"both", {1, 2}}, {"second", {2}}, {"nowhere", {4}}}});
  const double first = 2.0 * 6 / (8 + 6), second = 2.0 * 3 / (4 + 5);
  EXPECT_DOUBLE_EQ(all.at("f1"), (first + second) / 2);
  EXPECT_DOUBLE_EQ(all.at("f1.both"), 2.0 * 11 / (12 + 11));
  EXPECT_DOUBLE_EQ(all.at("f1.second"), second);
  EXPECT_FALSE(all.contains("f1.nowhere"));
  EXPECT_DOUBLE_EQ(scores(matrix, {}).at("f1"), (1 + first + second) / 3);
  EXPECT_DOUBLE_EQ(scores(ConfusionMatrix(2), {}).at("f1"), 0);
}

TEST(ConfusionMatrix, F1OfTheGroupsOfHelen) {
  ConfusionMatrix matrix(11);
  const int counts[][3] = {{0, 0, 100},  {0, 2, 3},  // background, some taken for a brow
                           {1, 1, 50},   {1, 6, 5},  // skin, some taken for the nose
                           {2, 2, 10},   {2, 3, 2},  {2, 4, 1},  // left brow
                           {3, 3, 8},    {3, 1, 2},              // right brow
                           {4, 4, 6},    {4, 5, 4},              // left eye
                           {5, 5, 9},    {5, 10, 1},             // right eye
                           {6, 6, 20},   {6, 7, 2},              // nose
                           {7, 7, 5},    {7, 8, 3},              // upper lip
                           {8, 8, 2},    {8, 9, 1},  {9, 9, 7},
                           {9, 1, 4},                  // inner mouth, lower lip
                           {10, 10, 30}, {10, 4, 2}};  // hair
  for (const auto& [truth, prediction, count] : counts) matrix.set(truth, prediction, count);
  EXPECT_DOUBLE_EQ(*matrix.f1({4, 5}), 2.0 * 19 / (20 + 22));                    // eyes
  EXPECT_DOUBLE_EQ(*matrix.f1({2, 3}), 2.0 * 20 / (23 + 23));                    // brows
  EXPECT_DOUBLE_EQ(*matrix.f1({6}), 2.0 * 20 / (22 + 25));                       // nose
  EXPECT_DOUBLE_EQ(*matrix.f1({7, 8, 9}), 2.0 * 18 / (22 + 20));                 // mouth
  EXPECT_DOUBLE_EQ(*matrix.f1({2, 3, 4, 5, 6, 7, 8, 9}), 2.0 * 80 / (87 + 90));  // overall
}

TEST(ConfusionMatrix, OfNothingHasNoQuality) {
  const ConfusionMatrix empty(2);
  EXPECT_FALSE(empty.iou(0).has_value());
  EXPECT_DOUBLE_EQ(quality(empty).miou, 0);
  EXPECT_DOUBLE_EQ(reward(empty, {}).value, 0);
}

}  // namespace
}  // namespace parsimony::metric
