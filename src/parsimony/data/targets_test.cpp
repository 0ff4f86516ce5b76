// SPDX-License-Identifier: Apache-2.0
// Depths and poses of the layout "folder": descriptions, reading, what may be asked for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "parsimony/data/check_fixture_for_test.h"
#include "parsimony/data/export_folder.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/target_fixtures_for_test.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const OpenOptions kEverything{.targets = {}};

TEST(TargetSet, HoldsTargets) {
  const TargetSet set = {Target::kClasses, Target::kPose};
  EXPECT_TRUE(set.contains(Target::kPose));
  EXPECT_FALSE(set.contains(Target::kDepth));
  EXPECT_EQ(set - TargetSet{Target::kPose}, TargetSet{Target::kClasses});
  EXPECT_EQ((set & TargetSet{Target::kPose, Target::kDepth}), TargetSet{Target::kPose});
  EXPECT_EQ(text_of(set), "classes and pose");
  EXPECT_EQ(text_of({}), "nothing");
}

TEST(Skeletons, OfPublishedSets) {
  for (const Skeleton& skeleton : {lsp_skeleton(), mpii_skeleton()}) {
    EXPECT_EQ(skeleton.mirror_pairs.size(), 6u);
    JointPairs named = joint_pairs_of(skeleton.joints);
    for (auto& [a, b] : named) {
      if (a > b) std::swap(a, b);
    }
    EXPECT_THAT(named, ::testing::UnorderedElementsAreArray(skeleton.mirror_pairs));
    EXPECT_TRUE(skeleton.torso && skeleton.head);
    EXPECT_THAT(skeleton.spreads, IsEmpty());
  }
  EXPECT_EQ(lsp_skeleton().torso, std::pair(9, 2));
  EXPECT_EQ(mpii_skeleton().head, std::pair(8, 9));
}

TEST(Skeletons, CocoJointsHaveItsSpreadsInAnyOrder) {
  Skeleton skeleton;
  for (const char* joint :
       {"nose", "eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"}) {
    if (std::string_view(joint) == "nose") {
      skeleton.joints.emplace_back(joint);
      continue;
    }
    for (const char* side : {"right_", "left_"})
      skeleton.joints.push_back(std::string(side) + joint);
  }
  complete_by_names(skeleton);
  ASSERT_EQ(skeleton.spreads.size(), 17u);
  EXPECT_EQ(skeleton.spreads[0], 0.026);
  EXPECT_EQ(skeleton.spreads[16], 0.089);
  EXPECT_EQ(skeleton.spreads[9], 0.062);  // right wrist
  EXPECT_FALSE(skeleton.head);
}

class FolderTargets : public ::testing::Test {
 protected:
  const fs::path& root() const { return folder_.path(); }

 private:
  core::TemporaryFolder folder_;
};

TEST_F(FolderTargets, PosesAreRead) {
  make_pose_set(root());
  const auto set = open_dataset(root(), {.targets = {Target::kPose}});
  EXPECT_EQ(set->info().targets, TargetSet{Target::kPose});
  EXPECT_THAT(set->info().classes, IsEmpty());
  EXPECT_EQ(set->info().skeleton.joints, lsp_skeleton().joints);
  EXPECT_THAT(set->info().skeleton.bones, ElementsAre(std::pair(0, 1), std::pair(12, 13)));
  EXPECT_EQ(set->info().skeleton.torso, std::pair(9, 2));  // by name
  const Sample sample = set->read(Split::kTrain, 0);
  Pose expected = make_pose(kSide, kSide);
  expected.head_size = 5.5;
  EXPECT_EQ(sample.pose, expected);
  EXPECT_EQ(sample.joint_pairs, set->info().skeleton.mirror_pairs);
  EXPECT_EQ(sample.joint_pairs.size(), 6u);
  EXPECT_EQ(sample.labels, LabelMap());
  EXPECT_EQ(sample.depth, DepthMap());
}

TEST_F(FolderTargets, DepthsAreReadInMetres) {
  make_depth_set(root());
  const auto set = open_dataset(root(), {.targets = {Target::kDepth}});
  EXPECT_EQ(set->info().depth_scale, 100);
  const Sample sample = set->read(Split::kVal, 1);
  EXPECT_EQ(sample.depth.at(0, 0), 3.0F);
  EXPECT_NEAR(sample.depth.at(3, 5), 2.5, 0.0051);  // stored in centimetres
  EXPECT_EQ(sample.depth.at(1, 1), DepthMap::kInvalid);
  EXPECT_FALSE(sample.pose);
}

TEST_F(FolderTargets, OnlyWhatIsWantedIsRead) {
  make_full_set(root());
  fs::remove_all(root() / "labels");
  store(root() / "far/t0.png", "broken");
  const auto set = open_dataset(root(), {.targets = {Target::kPose}});
  EXPECT_TRUE(set->read(Split::kTrain, 0).pose);
  EXPECT_EQ(set->info().depth_scale, 0);
  EXPECT_THAT(user_error([&] { open_dataset(root()); }), HasSubstr("has no label map"));
  const auto depths = open_dataset(root(), {.targets = {Target::kDepth}});
  EXPECT_THAT(user_error([&] { depths->read(Split::kTrain, 0); }), HasSubstr("far/t0.png"));
}

TEST_F(FolderTargets, EverythingIsReadWhenAskedFor) {
  make_full_set(root());
  const auto set = open_dataset(root(), kEverything);
  EXPECT_EQ(text_of(set->info().targets), "classes and depth and pose");
  const Sample sample = set->read(Split::kTest, 1);
  EXPECT_EQ(sample.labels, make_labels(kSide, kSide, 3));
  EXPECT_EQ(sample.depth.width, kSide);
  EXPECT_TRUE(sample.pose);
  const auto classes = open_dataset(root());
  EXPECT_EQ(classes->info().targets, TargetSet{Target::kClasses});
  EXPECT_TRUE(classes->info().skeleton.joints.empty());
  EXPECT_EQ(classes->read(Split::kTest, 1).depth, DepthMap());
}

TEST_F(FolderTargets, ASetWithoutTheTargetSaysWhatItHas) {
  make_pose_set(root());
  EXPECT_THAT(user_error([&] { open_dataset(root()); }),
              AllOf(HasSubstr("'people' (folder) is labelled with pose"),
                    HasSubstr("classes was asked for"),
                    HasSubstr("Choose a task")));
  EXPECT_THAT(user_error([&] { open_dataset(root(), {.targets = {Target::kDepth}}); }),
              HasSubstr("depth was asked for"));
  EXPECT_THAT(user_error([&] { open_dataset(root(), {.targets = {}, .depth_scale = 10}); }),
              HasSubstr("no depth is read"));
  const core::TemporaryFolder plain;
  make_folder_set(plain.path());
  EXPECT_THAT(user_error([&] { open_dataset(plain.path(), {.targets = {Target::kPose}}); }),
              HasSubstr("is labelled with classes, but pose was asked for"));
}

TEST_F(FolderTargets, ScaleMayBeStatedAndIsRefusedWhereItCannotBe) {
  make_depth_set(root());
  const TargetSet depth = {Target::kDepth};
  EXPECT_EQ(open_dataset(root(), {.targets = depth, .depth_scale = 200})
                ->read(Split::kTrain, 0)
                .depth.at(0, 0),
            1.5F);
  const auto in_micrometres = open_dataset(root(), {.targets = depth, .depth_scale = 100000});
  EXPECT_THAT(user_error([&] { in_micrometres->read(Split::kTrain, 0); }),
              AllOf(HasSubstr("far/t0.png"),
                    HasSubstr("0.1 to 80 m"),
                    HasSubstr("100 (centimetres)"),
                    HasSubstr("1.8")));
  const auto in_metres = open_dataset(root(), {.targets = depth, .depth_scale = 1});
  EXPECT_THAT(user_error([&] { in_metres->read(Split::kTrain, 0); }), HasSubstr("centimetres"));
  EXPECT_THAT(user_error([&] { open_dataset(root(), {.targets = depth, .depth_scale = -1}); }),
              HasSubstr("numbers per metre"));
}

TEST_F(FolderTargets, SubsetsAreListsOfTheirOwn) {
  make_pose_set(root());
  const TargetSet pose = {Target::kPose};
  const auto open = [&](const std::string& subset) {
    return open_dataset(root(), {.targets = pose, .subset = subset});
  };
  EXPECT_THAT(user_error([&] { open("upright"); }), HasSubstr("has no subsets"));
  store(root() / "train_upright.txt", "t1\nt3\n");
  store(root() / "val_upright.txt", "v1\n");
  EXPECT_THAT(user_error([&] { open("upright"); }), HasSubstr("test_upright.txt"));
  store(root() / "test_upright.txt", "e0\n");
  const auto set = open("upright");
  EXPECT_EQ(set->size(Split::kTrain), 2);
  EXPECT_EQ(set->id(Split::kTrain, 1), "t3");
  EXPECT_EQ(set->size(Split::kVal), 1);
  EXPECT_EQ(open("")->size(Split::kTrain), 4);
  EXPECT_THAT(user_error([&] { open("uprigth"); }),
              AllOf(HasSubstr("train_uprigth.txt"), HasSubstr("Subsets of this set: upright")));
  const core::TemporaryFolder pairs;
  write_png(pairs.path() / "images/a.png", make_image(kSide, kSide));
  store_gray(pairs.path() / "labels/a.png", make_labels(kSide, kSide, 3));
  EXPECT_THAT(user_error([&] { open_dataset(pairs.path(), {.subset = "upright"}); }),
              HasSubstr("for the layout 'folder' only"));
}

TEST_F(FolderTargets, VisibilityIsOfEitherKind) {
  make_pose_set(root());
  const auto visibility = [&](const std::string& top, const std::string& joint) {
    const std::string thirteen =
        ", null, null, null, null, null, null, null, null, null, null, "
        "null, null, null]";
    store(root() / "annotations.json",
          "{" + top + "\"annotations\": [{\"id\": \"x\", \"split\": \"train\", \"keypoints\": [" +
              joint + thirteen + "}]}");
    write_png(root() / "images/x.png", make_image(kSide, kSide, 77));
    for (const char* list : {"train.txt", "val.txt", "test.txt"}) fs::remove(root() / list);
    const auto set = open_dataset(root(), {.targets = {Target::kPose}});
    return set->read(Split::kTrain, 0).pose->joints[0].visibility;
  };
  EXPECT_EQ(visibility("", "[1, 2, 1]"), Visibility::kVisible);  // of 0 and 1
  EXPECT_EQ(visibility("", "[1, 2, 2]"), Visibility::kVisible);  // COCO's
  EXPECT_EQ(visibility("\"visibility\": \"coco\", ", "[1, 2, 1]"), Visibility::kHidden);
  EXPECT_EQ(visibility("", "[1, 2]"), Visibility::kVisible);
  EXPECT_EQ(visibility("", "[1, 2, 0]"), Visibility::kAbsent);
  EXPECT_EQ(visibility("", "null"), Visibility::kAbsent);
}

TEST_F(FolderTargets, DescriptionsAreCheckedValueByValue) {
  make_full_set(root());
  const auto expect_key = [this](const std::string& text, const Texts& texts) {
    store(root() / "dataset.json",
          "{\"keypoint_names\": [\"left_a\", \"right_a\", \"b\"],\n" + text + "}");
    EXPECT_THAT(check(root()).findings,
                ::testing::Contains(Reports(
                    "malformed-description", Severity::kError, std::string("dataset.json"), texts)))
        << text;
  };
  expect_key(R"("num_keypoints": 4)", {"line 2", "is 4", "3 names"});
  expect_key(R"("skeleton": [[0, 3]])", {"line 2", "names 3", "0 to 2"});
  expect_key(R"("skeleton": [["left_a", "bb"]])", {"line 2", "\"bb\"", "did you mean 'b'"});
  expect_key(R"("skeleton": [[0, 1, 2]])", {"line 2", "two joints"});
  expect_key(R"("skeleton": {"a": 1})", {"line 2", "list of pairs"});
  expect_key(R"("flip_pairs": [[0, 0]])", {"line 2", "twice the same"});
  expect_key(R"("flip_pairs": [[0, 1], [2, 1]])", {"line 2", "another pair"});
  expect_key(R"("torso": [0])", {"line 2", "'torso'", "two joints"});
  expect_key(R"("head": ["b", "c"])", {"line 2", "'head'", "\"c\""});
  expect_key(R"("spreads": [0.1, 0.1])", {"line 2", "3 numbers"});
  expect_key(R"("spreads": [0.1, 0.1, 0])", {"line 2", "above 0"});
  expect_key(R"("unscored": [7])", {"line 2", "names 7"});
  expect_key(R"("depth": "depth")", {"line 2", "an object"});
  expect_key(R"("depth": {"folder": "far"})", {"line 2", "no 'scale'"});
  expect_key(R"("depth": {"scale": 0})", {"line 2", "above 0"});
  expect_key(R"("depth": {"scale": 10, "invalid": -1})", {"line 2", "0 to 65535"});
  expect_key(R"("depth": {"scale": 10, "folder": "/tmp"})", {"line 2", "beside dataset.json"});
  expect_key(R"("task": "depth_estimation")", {"line 2", "'depth' is missing"});
  expect_key(R"("tasks": ["human_pose", "semantic_segmentation"])",
             {"line 2", "'semantic_segmentation'", "'classes' is missing"});
  store(root() / "dataset.json", R"({"keypoint_names": ["a", "a"]})");
  EXPECT_THAT(user_error([&] { open_dataset(root(), {.targets = {Target::kPose}}); }),
              HasSubstr("'a' twice"));
  store(root() / "dataset.json", R"({"keypoint_names": []})");
  EXPECT_THAT(user_error([&] { open_dataset(root(), {.targets = {Target::kPose}}); }),
              HasSubstr("list of 1 to 255 names"));
}

TEST_F(FolderTargets, SkeletonsMayBeDeclared) {
  make_pictures(root());
  const Pose pose = make_pose(kSide, kSide, 3);
  std::string text = annotations_with("", "");
  store(root() / "dataset.json",
        R"({"keypoint_names": ["a", "b", "c"], "flip_pairs": [["c", "a"]], "torso": ["a", 1],
            "head": [1, 2], "spreads": [0.1, 0.2, 0.3], "unscored": ["b"]})");
  std::string entries;
  for (const std::string& id : target_set_ids())
    entries += fmt::format("{}{{\"id\": \"{}\", \"keypoints\": {}}}",
                           entries.empty() ? "" : ",",
                           id,
                           keypoints_text(pose));
  store(root() / "annotations.json", "{\"annotations\": [" + entries + "]}");
  const Skeleton skeleton = open_dataset(root(), kEverything)->info().skeleton;
  EXPECT_THAT(skeleton.mirror_pairs, ElementsAre(std::pair(2, 0)));
  EXPECT_EQ(skeleton.torso, std::pair(0, 1));
  EXPECT_EQ(skeleton.head, std::pair(1, 2));
  EXPECT_THAT(skeleton.spreads, ElementsAre(0.1, 0.2, 0.3));
  EXPECT_THAT(skeleton.unscored, ElementsAre(1));
}

// A set of samples without structure, whose numbers are as awkward as any.
MemoryDataset awkward_set() {
  DatasetInfo info = pose_info();
  info.targets = {Target::kClasses, Target::kDepth, Target::kPose};
  info.classes = {"a", "b", "c"};
  info.palette = voc_palette(3);
  info.skeleton.spreads.assign(14, 0.07);
  info.skeleton.unscored = {3};
  info.depth_scale = 256;
  MemoryDataset set(info);
  core::Rng rng(5);
  for (int i = 0; i < 6; ++i) {
    Sample sample{.image = make_image(kSide, kSide, static_cast<std::uint64_t>(i)),
                  .labels = make_labels(kSide, kSide, 3),
                  .depth = DepthMap(kSide, kSide)};
    for (float& metres : sample.depth.metres)
      metres = static_cast<float>(static_cast<double>(rng.below(5000)) / 256);
    Pose pose;
    for (int joint = 0; joint < 14; ++joint)
      pose.joints.push_back({static_cast<float>(rng.uniform(-30, 90)),
                             static_cast<float>(rng.uniform(-30, 90)),
                             static_cast<Visibility>(rng.below(3))});
    pose.joints[0].visibility = Visibility::kHidden;
    pose.area = i * 1.37;
    pose.head_size = i * 0.1;
    sample.pose = pose;
    set.add(i < 3   ? Split::kTrain
            : i < 5 ? Split::kVal
                    : Split::kTest,
            fmt::format("s{}", i),
            std::move(sample));
  }
  return set;
}

TEST_F(FolderTargets, ExportsReadBackEqual) {
  const MemoryDataset set = awkward_set();
  write_dataset_folder(set, root() / "out", 2);
  const auto back = open_dataset(root() / "out", kEverything);
  EXPECT_EQ(back->info().targets, set.info().targets);
  EXPECT_EQ(back->info().skeleton, set.info().skeleton);
  EXPECT_EQ(back->info().depth_scale, 256);
  for (const Split split : kSplits) {
    ASSERT_EQ(back->size(split), set.size(split));
    for (std::int64_t i = 0; i < set.size(split); ++i) {
      const Sample a = back->read(split, i), b = set.read(split, i);
      EXPECT_EQ(a.image, b.image);
      EXPECT_EQ(a.labels, b.labels);
      EXPECT_EQ(a.depth, b.depth);
      EXPECT_EQ(a.pose, b.pose);
    }
  }
}

TEST_F(FolderTargets, ExportsHoldOnlyWhatWasOpened) {
  make_full_set(root() / "in");
  const auto depths = open_dataset(root() / "in", {.targets = {Target::kDepth}});
  write_dataset_folder(*depths, root() / "out");
  EXPECT_FALSE(fs::exists(root() / "out/labels"));
  EXPECT_FALSE(fs::exists(root() / "out/annotations.json"));
  EXPECT_EQ(open_dataset(root() / "out", kEverything)->info().targets, TargetSet{Target::kDepth});
}

TEST_F(FolderTargets, DepthsBeyondSixteenBitsAreRefused) {
  EXPECT_THAT(user_error([&] { write_depth_png(root() / "d.png", DepthMap(2, 2, 70), 1000); }),
              AllOf(HasSubstr("70 m"), HasSubstr("at most 936")));
  DepthMap odd(4, 1);
  odd.metres = {-1, NAN, INFINITY, 1e-6F};
  write_depth_png(root() / "d.png", odd, 1000);
  const RawLabels raw = read_raw_labels(root() / "d.png");
  EXPECT_THAT(raw.wide, ElementsAre(0, 0, 0, 1));
}

}  // namespace
}  // namespace parsimony::data
