// SPDX-License-Identifier: Apache-2.0
#include "parsimony/metric/pose.h"

#include <gtest/gtest.h>

#include <cmath>

namespace parsimony::metric {
namespace {

using data::Joint;
using data::Pose;
using data::Skeleton;
using data::Visibility;

// Left shoulder, right hip, neck, head top.
Skeleton skeleton() {
  return {.joints = {"left_shoulder", "right_hip", "neck", "head_top"},
          .bones = {},
          .mirror_pairs = {},
          .torso = {{0, 1}},
          .head = {{2, 3}},
          .spreads = {0.1, 0.1, 0.05, 0.05},
          .unscored = {}};
}

Joint at(float x, float y) {
  return {x, y, Visibility::kVisible};
}

// A torso of 50 pixels and a head of 20.
Pose person() {
  return {.joints = {at(0, 0), at(30, 40), at(0, -10), at(0, -30)}};
}

// What was found lies so far to the right of the truth.
std::vector<FoundJoint> found(const Pose& pose,
                              const std::vector<double>& distances,
                              double confidence = 1) {
  std::vector<FoundJoint> joints;
  for (std::size_t j = 0; j < pose.joints.size(); ++j)
    joints.push_back({pose.joints[j].x + distances[j], pose.joints[j].y, confidence});
  return joints;
}

TEST(Pck, CountsJointsWithinAShareOfTheTorso) {
  PoseErrors errors(skeleton());
  errors.add(person(), found(person(), {0, 10, 10.01, 25}));
  EXPECT_DOUBLE_EQ(errors.pck(0.2, PoseScale::kTorso).value(), 0.5);
  EXPECT_DOUBLE_EQ(errors.pck(0.5, PoseScale::kTorso).value(), 1);
  EXPECT_DOUBLE_EQ(errors.pck(1, 0.2, PoseScale::kTorso).value(), 1);
  EXPECT_DOUBLE_EQ(errors.pck(2, 0.2, PoseScale::kTorso).value(), 0);
}

TEST(Pck, TakesTheHeadOfTheLabelBeforeThatOfTheJoints) {
  PoseErrors errors(skeleton());
  errors.add(person(), found(person(), {10, 10, 11, 11}));
  EXPECT_DOUBLE_EQ(errors.pck(0.5, PoseScale::kHead).value(), 0.5);
  Pose labelled = person();
  labelled.head_size = 24;
  PoseErrors larger(skeleton());
  larger.add(labelled, found(labelled, {10, 10, 11, 11}));
  EXPECT_DOUBLE_EQ(larger.pck(0.5, PoseScale::kHead).value(), 1);
}

TEST(Pck, LeavesOutWhatIsNotLabelledOrNotScored) {
  Pose pose = person();
  pose.joints[3].visibility = Visibility::kAbsent;
  Skeleton some = skeleton();
  some.unscored = {2};
  PoseErrors errors(some);
  errors.add(pose, found(pose, {0, 100, 100, 100}));
  EXPECT_DOUBLE_EQ(errors.pck(0.2, PoseScale::kTorso).value(), 0.5);
  EXPECT_FALSE(errors.pck(3, 0.2, PoseScale::kTorso));
  EXPECT_DOUBLE_EQ(errors.pck(2, 0.2, PoseScale::kTorso).value(), 0);
}

TEST(Pck, CountsHiddenJoints) {
  Pose pose = person();
  for (Joint& joint : pose.joints) joint.visibility = Visibility::kHidden;
  PoseErrors errors(skeleton());
  errors.add(pose, found(pose, {0, 0, 0, 0}));
  EXPECT_DOUBLE_EQ(errors.pck(0.2, PoseScale::kTorso).value(), 1);
}

TEST(Pck, IsUnknownWithoutAVisibleJointOrAScale) {
  Pose invisible = person();
  for (Joint& joint : invisible.joints) joint.visibility = Visibility::kAbsent;
  PoseErrors errors(skeleton());
  EXPECT_FALSE(errors.pck(0.2, PoseScale::kTorso));
  errors.add(invisible, found(invisible, {0, 0, 0, 0}));
  Pose point = person();
  point.joints[1] = point.joints[0];
  errors.add(point, found(point, {0, 0, 0, 0}));
  EXPECT_FALSE(errors.pck(0.2, PoseScale::kTorso));
  EXPECT_TRUE(errors.pck(0.5, PoseScale::kHead));
}

TEST(Similarity, OfKnownDistances) {
  Pose pose = person();
  pose.area = 2000;
  PoseErrors errors(skeleton());
  errors.add(pose, found(pose, {0, 10, 0, 10}));
  // exp(-100 / (2 * 2000 * 0.2^2)) and exp(-100 / (2 * 2000 * 0.1^2)).
  EXPECT_NEAR(errors.similarity(0).value(), (2 + std::exp(-0.625) + std::exp(-2.5)) / 4, 1e-12);
}

TEST(Similarity, TakesTheBoxOfTheJointsWithoutAnArea) {
  PoseErrors errors(skeleton());
  errors.add(person(), found(person(), {10, 0, 0, 0}));
  EXPECT_NEAR(errors.similarity(0).value(), (3 + std::exp(-100 / (2 * 30 * 70 * 0.04))) / 4, 1e-12);
}

TEST(Similarity, IsUnknownWithoutSpreadsOrJoints) {
  Skeleton unknown = skeleton();
  unknown.spreads.clear();
  PoseErrors errors(unknown);
  errors.add(person(), found(person(), {0, 0, 0, 0}));
  EXPECT_FALSE(errors.similarity(0));
  EXPECT_FALSE(errors.average_precision());
  Pose invisible = person();
  for (Joint& joint : invisible.joints) joint.visibility = Visibility::kAbsent;
  PoseErrors none(skeleton());
  none.add(invisible, found(invisible, {0, 0, 0, 0}));
  EXPECT_FALSE(none.average_precision());
}

TEST(AveragePrecision, RanksByConfidence) {
  const std::vector<double> right = {0, 0, 0, 0};
  const std::vector<double> wrong = {500, 500, 500, 500};
  // The wrong one is ranked last: precision 1 up to recall 1/2 (51 of 101 recalls), none beyond.
  PoseErrors last(skeleton());
  last.add(person(), found(person(), wrong, 0.1));
  last.add(person(), found(person(), right, 0.9));
  EXPECT_NEAR(last.average_precision().value(), 51.0 / 101, 1e-12);
  // Ranked first it costs half of that.
  PoseErrors first(skeleton());
  first.add(person(), found(person(), wrong, 0.9));
  first.add(person(), found(person(), right, 0.1));
  EXPECT_NEAR(first.average_precision().value(), 25.5 / 101, 1e-12);
}

TEST(AveragePrecision, IsAMeanOverSimilarities) {
  PoseErrors errors(skeleton());
  errors.add(person(), found(person(), {10, 10, 0, 0}));
  // (2 + 2 exp(-100 / 168)) / 4 = 0.776: right at 0.50, 0.55, 0.60, 0.65, 0.70, 0.75.
  EXPECT_NEAR(errors.average_precision().value(), 0.6, 1e-12);
  EXPECT_EQ(errors.average_precision(0.75).value(), 1);
  EXPECT_EQ(errors.average_precision(0.8).value(), 0);
}

}  // namespace
}  // namespace parsimony::metric
