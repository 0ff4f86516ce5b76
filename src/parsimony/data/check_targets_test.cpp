// SPDX-License-Identifier: Apache-2.0
// What check says of depths and poses; label maps are tested in check_labels_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "parsimony/data/check_fixture_for_test.h"
#include "parsimony/data/target_fixtures_for_test.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckTargets : public ::testing::Test {
 protected:
  const fs::path& root() const { return folder_.path(); }
  void expect(const char* kind, Severity severity, const char* file, const Texts& texts) const {
    const CheckReport report = check(root());
    EXPECT_THAT(report.findings, Contains(Reports(kind, severity, std::string(file), texts)))
        << to_text(report);
  }
  void expect_error(const char* kind, const char* file, const Texts& texts) const {
    expect(kind, Severity::kError, file, texts);
  }

 private:
  core::TemporaryFolder folder_;
};

class CheckPoses : public CheckTargets {
 protected:
  CheckPoses() { make_pose_set(root()); }
  // t1 with these joints instead.
  void annotate(const Pose& pose) const {
    store(root() / "annotations.json", annotations_with("t1", keypoints_text(pose)));
  }
  void annotate(const std::string& keypoints) const {
    store(root() / "annotations.json", annotations_with("t1", keypoints));
  }
};

TEST_F(CheckPoses, FaultlessSetHasNoFindings) {
  const CheckReport report = check(root());
  EXPECT_THAT(report.findings, IsEmpty()) << to_text(report);
  EXPECT_EQ(report.images, (std::array<std::int64_t, 3>{4, 2, 2}));
  ASSERT_EQ(report.joints.size(), 14u);
  EXPECT_EQ(report.joints[0].labelled, (std::array<std::int64_t, 3>{4, 2, 2}));
  EXPECT_EQ(report.joints[1].hidden, (std::array<std::int64_t, 3>{4, 2, 2}));
  EXPECT_EQ(report.joints[2].labelled, (std::array<std::int64_t, 3>{0, 0, 0}));
  EXPECT_THAT(to_text(report), AllOf(HasSubstr("right_knee"), HasSubstr("fit for use")));
  const nlohmann::ordered_json json = to_json(report);
  EXPECT_EQ(json["targets"], nlohmann::ordered_json::array({"pose"}));
  EXPECT_EQ(json["joints"][1]["name"], "right_knee");
  EXPECT_EQ(json["joints"][1]["labelled"], 8);
}

TEST_F(CheckPoses, JointsOutside) {
  Pose pose = make_pose(kSide, kSide);
  pose.joints[5].x = -0.4F;  // within the first pixel
  pose.joints[6].y = 23.6F;
  annotate(pose);
  expect("joint-outside",
         Severity::kNote,
         "images/t1.png",
         {"1 of 13", "24x24", "right_wrist", "23.6"});
  for (Joint& joint : pose.joints) joint.x += 300;
  annotate(pose);
  expect("joint-outside", Severity::kWarning, "images/t1.png", {"13 of 13", "..."});
}

TEST_F(CheckPoses, AllJointsAbsent) {
  annotate(Pose{std::vector<Joint>(14)});
  expect("no-joints", Severity::kWarning, "images/t1.png", {"14 joints"});
}

TEST_F(CheckPoses, WrongNumberOfJoints) {
  annotate("[[1, 2, 1]]");
  expect_error("wrong-joint-count", "annotations.json", {"'t1'", "1 keypoints", "expected 14"});
}

TEST_F(CheckPoses, CoordinatesThatAreNone) {
  std::string keypoints = keypoints_text(make_pose(kSide, kSide));
  annotate(keypoints.replace(1, keypoints.find(']'), "[null, 3, 1]"));
  expect_error("non-finite-joint", "annotations.json", {"'t1'", "'right_ankle'", "[null,3,1]"});
  keypoints = keypoints_text(make_pose(kSide, kSide));
  annotate(keypoints.replace(1, keypoints.find(']'), "[1e39, 3, 1]"));
  expect_error("non-finite-joint", "annotations.json", {"'t1'", "'right_ankle'"});
  annotate(keypoints.replace(1, keypoints.find(']'), "[4, 3, 7]"));
  expect_error("malformed-pose", "annotations.json", {"'t1'", "[4,3,7]", "0, 1 or 2"});
  annotate(keypoints.replace(1, keypoints.find(']'), "[\"4\", 3, 1]"));
  expect_error("malformed-pose", "annotations.json", {"'t1'", "'right_ankle'"});
}

TEST_F(CheckPoses, BrokenAnnotationsAreOneFinding) {
  const auto only = [this](const Texts& texts) {
    const CheckReport report = check(root());
    int errors = 0;
    for (const Finding& finding : report.findings) errors += finding.file == "annotations.json";
    EXPECT_EQ(errors, 1) << to_text(report);
    expect_error("malformed-pose", "annotations.json", texts);
  };
  store(root() / "annotations.json", "{\"annotations\": [");
  only({"JSON"});
  store(root() / "annotations.json", "[]");
  only({"no list 'annotations'"});
  fs::remove(root() / "annotations.json");
  expect_error("missing-pose", "annotations.json", {"no such file"});
}

TEST_F(CheckPoses, MissingAndRepeatedPoses) {
  store(root() / "train.txt", "t0\nt1\nt2\nt3\nt9\n");
  write_png(root() / "images/t9.png", make_image(kSide, kSide, 9));
  expect_error("missing-pose", "images/t9.png", {"train.txt", "'t9'", "no pose"});
  fs::remove(root() / "images/t2.png");
  expect_error("missing-image", "annotations.json", {"train.txt", "'t2'", "no picture"});
  std::string text = annotations_with("", "");
  text.replace(text.find("\"t3\""), 4, "\"t0\"");
  store(root() / "annotations.json", text);
  expect_error("duplicate-id", "annotations.json", {"'t0'", "more than one"});
  store(root() / "annotations.json", R"({"annotations": [{"keypoints": []}]})");
  expect_error("malformed-pose", "annotations.json", {"no 'id'"});
}

TEST_F(CheckPoses, SidesThatAMirrorWouldNotSwap) {
  std::string json = kPoseDescription;
  json.replace(
      json.rfind("]]"), 2, "]],\n \"flip_pairs\": [[0, 5], [1, 4], [2, 3], [6, 11], [7, 10]]");
  store(root() / "dataset.json", json);
  expect_error("unpaired-sides", "dataset.json", {"line 6", "'left_shoulder'", "'right_shoulder'"});
}

// A person who faces the camera: the right side is on the left of the picture.
Pose facing() {
  Pose pose{std::vector<Joint>(14)};
  const auto place = [&pose](std::size_t joint, float x, float y) {
    pose.joints[joint] = {x, y, Visibility::kVisible};
  };
  place(8, 8, 6), place(9, 16, 6);
  place(2, 9, 15), place(3, 15, 16);
  return pose;
}

TEST_F(CheckPoses, SwappedSides) {
  const auto is_reported = [this](const Pose& pose) {
    annotate(pose);
    const CheckReport report = check(root());
    return std::ranges::any_of(report.findings, [](const Finding& finding) {
      return finding.kind == FindingKind::kSwappedSides;
    });
  };
  Pose pose = facing();
  EXPECT_FALSE(is_reported(pose));
  std::swap(pose.joints[8], pose.joints[9]);
  annotate(pose);
  expect("swapped-sides", Severity::kNote, "images/t1.png", {"opposite directions"});
  std::swap(pose.joints[2], pose.joints[3]);  // seen from behind
  EXPECT_FALSE(is_reported(pose));
  // From the side, twists and errors look alike.
  pose = facing();
  pose.joints[8].x = 12.5F, pose.joints[9].x = 11.5F;
  EXPECT_FALSE(is_reported(pose));
  pose = facing();
  std::swap(pose.joints[8], pose.joints[9]);
  pose.joints[2].visibility = Visibility::kAbsent;
  EXPECT_FALSE(is_reported(pose));
}

TEST_F(CheckPoses, NamesThatDiffer) {
  std::string text = annotations_with("", "");
  store(root() / "annotations.json", text.replace(0, 1, "{\"keypoint_names\": [\"a\"], "));
  expect_error("malformed-pose", "annotations.json", {"'keypoint_names' differ"});
}

class CheckDepths : public CheckTargets {
 protected:
  CheckDepths() { make_depth_set(root()); }
};

TEST_F(CheckDepths, FaultlessSetHasNoFindings) {
  const CheckReport report = check(root());
  EXPECT_THAT(report.findings, IsEmpty()) << to_text(report);
  ASSERT_TRUE(report.depth);
  EXPECT_NEAR(report.depth->least, 0.7, 0.01);
  EXPECT_NEAR(report.depth->largest, 3.01, 0.01);
  EXPECT_NEAR(report.depth->median, 1.85, 0.1);
  EXPECT_NEAR(report.depth->valid, 575.0 / 576, 1e-9);
  EXPECT_THAT(to_text(report), HasSubstr("depth: 0.7 to 3.01 m"));
  EXPECT_NEAR(to_json(report)["depth"]["min"].get<double>(), 0.7, 0.01);
}

TEST_F(CheckDepths, WrongUnit) {
  write_depth_png(root() / "far/t2.png", make_depth(kSide, kSide), 10000);
  expect_error("depth-unit", "far/t2.png", {"100 numbers per metre", "0.1 to 80 m"});
  for (const Finding& finding : check(root()).findings)
    EXPECT_THAT(finding.remedy, HasSubstr("10000 (tenths of a millimetre)"));
}

TEST_F(CheckDepths, EightBit) {
  LabelMap coarse(kSide, kSide, 180);
  coarse.at(2, 2) = 60;
  store_gray(root() / "far/v0.png", coarse);
  expect("8-bit-depth", Severity::kWarning, "far/v0.png", {"8 bit", "2 different", "0.01 m"});
}

TEST_F(CheckDepths, OtherSize) {
  write_depth_png(root() / "far/t0.png", make_depth(12, 30), 100);
  expect_error("size-mismatch", "far/t0.png", {"depth map is 12x30", "24x24"});
}

TEST_F(CheckDepths, AllInvalid) {
  write_depth_png(root() / "far/e1.png", DepthMap(kSide, kSide), 100);
  expect("all-invalid-depth", Severity::kWarning, "far/e1.png", {"none of its 576 pixels"});
}

TEST_F(CheckDepths, UnreadableAndMissing) {
  store(root() / "far/t0.png", "broken");
  store_rgb(root() / "far/t1.png", make_labels(kSide, kSide, 3), voc_palette(3));
  fs::remove(root() / "far/t3.png");
  expect_error("unreadable-depth", "far/t0.png", {});
  expect_error("unreadable-depth", "far/t1.png", {"in colours"});
  expect_error("missing-depth", "images/t3.png", {"train.txt", "'t3'", "no depth map"});
}

TEST_F(CheckTargets, AllTargetsAreChecked) {
  make_full_set(root());
  const CheckReport report = check(root());
  EXPECT_THAT(report.findings, IsEmpty()) << to_text(report);
  EXPECT_EQ(text_of(report.targets), "classes and depth and pose");
  EXPECT_EQ(report.classes[1].pixels[0], 4 * kSide * kSide / 3);
  EXPECT_EQ(report.joints.size(), 14u);
  EXPECT_TRUE(report.depth);
}

}  // namespace
}  // namespace parsimony::data
