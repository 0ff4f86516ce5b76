// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/layouts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "parsimony/data/check_fixture_for_test.h"
#include "parsimony/data/class_fixtures_for_test.h"
#include "parsimony/data/export_folder.h"
#include "parsimony/data/face_fixtures_for_test.h"
#include "parsimony/data/fixtures_for_test.h"
#include "parsimony/data/matlab_fixtures_for_test.h"
#include "parsimony/data/split_lists.h"
#include "parsimony/data/target_fixtures_for_test.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void make_picture(const fs::path& file) {
  static std::uint64_t seed = 1000;
  write_png(file, make_image(kSide, kSide, ++seed));
}

LabelMap constant(std::uint8_t id) {
  return LabelMap(kSide, kSide, id);
}

void make_pairs_set(const fs::path& root, int count, const std::string& label_folder = "labels") {
  for (int i = 0; i < count; ++i) {
    const std::string name = fmt::format("p{}.png", i);
    make_picture(root / "images" / name);
    store_gray(root / label_folder / name, make_labels(kSide, kSide, 4));
  }
}

void make_voc_set(const fs::path& base) {
  LabelMap labels = make_labels(kSide, kSide, 21);
  labels.at(0, 0) = 255;
  for (const char* id : {"2007_000032", "2007_000039", "2008_000001"}) {
    make_picture(base / "JPEGImages" / (std::string(id) + ".jpg"));
    write_label_png(
        base / "SegmentationClass" / (std::string(id) + ".png"), labels, voc_palette(21));
  }
  store(base / "ImageSets/Segmentation/train.txt", "2007_000032\n2007_000039\n");
  store(base / "ImageSets/Segmentation/val.txt", "2008_000001\n");
}

void make_cityscapes_set(const fs::path& root, const std::string& kind, std::uint8_t value) {
  for (const auto& [split, frame] : {std::pair("train", "000019"), std::pair("val", "000020")}) {
    const std::string name = std::string("aachen/aachen_000000_") + frame;
    make_picture(root / "leftImg8bit" / split / (name + "_leftImg8bit.png"));
    store_gray(root / "gtFine" / split / (name + "_gtFine_" + kind + ".png"), constant(value));
  }
}

void make_segnet_set(const fs::path& root) {
  for (const std::string split : {"train", "val", "test"}) {
    const std::string name = "0001TP_" + split + ".png";
    make_picture(root / split / name);
    store_gray(root / (split + "annot") / name, make_labels(kSide, kSide, 12));
  }
}

void make_original_camvid(const fs::path& root, int strange_pixels) {
  const std::vector<Rgb> colours = {
      {128, 128, 128}, {0, 128, 64}, {192, 0, 192}, {0, 0, 0}, {1, 2, 3}};
  for (int i = 0; i < 10; ++i) {
    const std::string name = fmt::format("0001TP_00{}", i);
    make_picture(root / "701_StillsRaw_full" / (name + ".png"));
    LabelMap labels = make_labels(kSide, kSide, 4);
    for (int pixel = 0; pixel < strange_pixels; ++pixel)
      labels.ids[static_cast<std::size_t>(pixel)] = 4;
    store_rgb(root / "LabeledApproved_full" / (name + "_L.png"), labels, colours);
  }
}

// Masks of both kinds that are around: 0/1 and 0/255. One picture of each list is lost.
void make_eg1800_set(const fs::path& root) {
  std::string train;
  for (int i = 0; i < 10; ++i) {
    const std::string name = fmt::format("{:05}", i + 1);
    make_picture(root / "Images" / (name + ".png"));
    LabelMap mask = constant(0);
    mask.at(3, 3) = i % 2 == 0 ? 1 : 255;
    store_gray(root / "Labels" / (name + ".png"), mask);
    if (i < 8) train += name + ".png\n";
  }
  store(root / "eg1800_train.txt", train + "00001.png\n00777.png\n");
  store(root / "eg1800_test.txt", "00009.png\n00010.png\n00888.png\n");
}

// The contract of every layout: what the seam promises, whatever the files look like.
struct Tree {
  const char* layout;
  const char* name;
  void (*make)(const fs::path& root);
  std::size_t classes;
  TargetSet targets = {Target::kClasses};
};

const Tree kTrees[] = {
    {"folder", "folder", [](const fs::path& root) { make_folder_set(root); }, 3},
    {"pairs", "pairs", [](const fs::path& root) { make_pairs_set(root, 20); }, 4},
    {"voc", "voc", [](const fs::path& root) { make_voc_set(root); }, 21},
    {"voc",
     "vocdevkit",
     [](const fs::path& root) { make_voc_set(root / "VOCdevkit/VOC2012"); },
     21},
    {"cityscapes",
     "cityscapes",
     [](const fs::path& root) { make_cityscapes_set(root, "labelIds", 26); },
     19},
    {"camvid", "segnet", [](const fs::path& root) { make_segnet_set(root); }, 11},
    {"camvid", "segnet_parent", [](const fs::path& root) { make_segnet_set(root / "CamVid"); }, 11},
    {"camvid", "camvid", [](const fs::path& root) { make_original_camvid(root, 0); }, 11},
    {"eg1800", "eg1800", [](const fs::path& root) { make_eg1800_set(root); }, 2},
    {"eg1800", "eg1800_original", [](const fs::path& root) { make_original_eg1800_set(root); }, 2},
    {"eg1800",
     "eg1800_original_parent",
     [](const fs::path& root) { make_original_eg1800_set(root / "data"); },
     2},
    {"celebamask_hq",
     "celebamask_hq",
     [](const fs::path& root) { make_celebamask_hq_set(root); },
     19},
    {"celebamask_hq",
     "celebamask_hq_parent",
     [](const fs::path& root) { make_celebamask_hq_set(root / "CelebAMask-HQ"); },
     19},
    {"helen", "helen", [](const fs::path& root) { make_helen_set(root); }, 11},
    {"folder",
     "folder_poses",
     [](const fs::path& root) { make_pose_set(root); },
     0,
     {Target::kPose}},
    {"folder",
     "folder_depths",
     [](const fs::path& root) { make_depth_set(root); },
     0,
     {Target::kDepth}},
    {"folder",
     "folder_everything",
     [](const fs::path& root) { make_full_set(root); },
     3,
     {Target::kClasses, Target::kDepth, Target::kPose}},
    {"mpii", "mpii", [](const fs::path& root) { make_mpii_set(root); }, 0, {Target::kPose}},
    {"lsp", "lsp", [](const fs::path& root) { make_lsp_set(root); }, 0, {Target::kPose}},
    {"lsp", "lspet", [](const fs::path& root) { make_lspet_set(root); }, 0, {Target::kPose}},
    {"nyu_depth_v2",
     "nyu_depth_v2",
     [](const fs::path& root) { make_nyu_set(root / "official_splits"); },
     0,
     {Target::kDepth}},
    {"nyu_depth_v2",
     "nyu_depth_v2_inner",
     [](const fs::path& root) { make_nyu_set(root); },
     0,
     {Target::kDepth}},
    {"classes", "classes", [](const fs::path& root) { make_class_set(root); }, 3},
    {"classes", "classes_unsplit", [](const fs::path& root) { make_unsplit_class_set(root); }, 3},
};

class EveryLayout : public ::testing::TestWithParam<Tree> {};

TEST_P(EveryLayout, KeepsTheContractOfDataset) {
  const core::TemporaryFolder folder;
  GetParam().make(folder.path());
  const std::unique_ptr<Dataset> set = open_dataset(folder.path(), {.targets = {}});
  EXPECT_EQ(set->info().format, GetParam().layout);
  const TargetSet targets = set->info().targets;
  EXPECT_EQ(targets, GetParam().targets);
  EXPECT_FALSE(set->info().name.empty());
  EXPECT_EQ(set->info().classes.size(), GetParam().classes);
  EXPECT_EQ(set->info().palette.size(), GetParam().classes);
  std::set<int> sided;
  for (const auto& [left, right] : set->info().mirror_pairs) {
    for (const int id : {int{left}, int{right}}) {
      EXPECT_LT(id, static_cast<int>(GetParam().classes));
      EXPECT_TRUE(sided.insert(id).second) << id;
    }
  }
  for (const ClassGroup& group : set->info().groups) {
    EXPECT_FALSE(group.classes.empty()) << group.name;
    for (const int id : group.classes) EXPECT_LT(id, static_cast<int>(GetParam().classes));
  }
  EXPECT_GT(set->size(Split::kTrain), 0);
  EXPECT_GT(set->size(Split::kVal), 0);
  for (const Split split : kSplits) {
    for (std::int64_t i = 0; i < set->size(split); ++i) {
      const Sample sample = set->read(split, i);
      const auto expect_size = [&](const auto& map, Target target) {
        EXPECT_EQ(map.width, targets.contains(target) ? sample.image.width : 0);
        EXPECT_EQ(map.height, targets.contains(target) ? sample.image.height : 0);
      };
      expect_size(sample.labels, Target::kClasses);
      expect_size(sample.depth, Target::kDepth);
      EXPECT_EQ(sample.pose.has_value(), targets.contains(Target::kPose));
      if (sample.pose) {
        EXPECT_EQ(sample.pose->joints.size(), set->info().skeleton.joints.size());
      }
      EXPECT_EQ(sample.joint_pairs, set->info().skeleton.mirror_pairs);
      EXPECT_EQ(sample.mirror_pairs, set->info().mirror_pairs);
      for (const std::uint8_t id : sample.labels.ids) {
        ASSERT_TRUE(id < GetParam().classes || id == LabelMap::kIgnore) << int{id};
      }
      if (set->info().label_kind == LabelKind::kPicture) {
        EXPECT_THAT(sample.labels.ids, ::testing::Each(sample.labels.ids.front()));
      }
      EXPECT_FALSE(set->id(split, i).empty());
    }
  }
  EXPECT_THROW(set->read(Split::kTrain, set->size(Split::kTrain)), core::Error);
}

TEST_P(EveryLayout, ImportsAsTheSameSet) {
  const core::TemporaryFolder folder;
  GetParam().make(folder.path() / "source");
  const OpenOptions everything{.targets = {}};
  const std::unique_ptr<Dataset> set = open_dataset(folder.path() / "source", everything);
  write_dataset_folder(*set, folder.path() / "copy", 2);
  const std::unique_ptr<Dataset> copy = open_dataset(folder.path() / "copy", everything);
  EXPECT_EQ(copy->info().targets, set->info().targets);
  EXPECT_EQ(copy->info().skeleton, set->info().skeleton);
  EXPECT_EQ(copy->info().classes, set->info().classes);
  EXPECT_EQ(copy->info().mirror_pairs, set->info().mirror_pairs);
  EXPECT_EQ(copy->info().groups, set->info().groups);
  EXPECT_EQ(copy->info().label_kind, set->info().label_kind);
  for (const Split split : kSplits) {
    ASSERT_EQ(copy->size(split), set->size(split));
    for (std::int64_t i = 0; i < set->size(split); ++i) {
      EXPECT_EQ(copy->id(split, i), set->id(split, i));
      EXPECT_EQ(copy->read(split, i).image, set->read(split, i).image);
      EXPECT_EQ(copy->read(split, i).labels, set->read(split, i).labels);
      EXPECT_EQ(copy->read(split, i).depth, set->read(split, i).depth);
      EXPECT_EQ(copy->read(split, i).pose, set->read(split, i).pose);
    }
  }
}

// What opens and reads without errors has no error in `check`.
TEST_P(EveryLayout, ChecksWithoutErrors) {
  const core::TemporaryFolder folder;
  GetParam().make(folder.path());
  const CheckReport report = check(folder.path());
  EXPECT_EQ(report.format, GetParam().layout);
  EXPECT_EQ(report.targets, GetParam().targets);
  const std::unique_ptr<Dataset> set = open_dataset(folder.path(), {.targets = {}});
  for (const Split split : kSplits)
    EXPECT_EQ(report.images[static_cast<std::size_t>(split)], set->size(split));
  for (const Finding& finding : report.findings)
    EXPECT_NE(finding.severity, Severity::kError) << finding.file << ": " << finding.detail;
}

INSTANTIATE_TEST_SUITE_P(Trees, EveryLayout, ::testing::ValuesIn(kTrees), [](const auto& instance) {
  return std::string(instance.param.name);
});

TEST(Detection, SaysWhyNoLayoutFits) {
  const core::TemporaryFolder folder;
  EXPECT_THAT(user_error([&] { open_dataset(folder.path()); }),
              AllOf(HasSubstr(folder.path().string()),
                    HasSubstr("no file dataset.json"),
                    HasSubstr("JPEGImages"),
                    HasSubstr("leftImg8bit"),
                    HasSubstr("trainannot"),
                    HasSubstr("no folder images/")));
  EXPECT_THAT(user_error([&] { open_dataset(folder.path() / "none"); }),
              HasSubstr("no such folder"));
  store(folder.path() / "set.zip", "PK");
  EXPECT_THAT(user_error([&] { open_dataset(folder.path() / "set.zip"); }), HasSubstr("is a file"));
  fs::create_directories(folder.path() / "images");
  EXPECT_THAT(user_error([&] { open_dataset(folder.path()); }), HasSubstr("beside images/"));
  fs::create_directories(folder.path() / "labels");
  EXPECT_THAT(user_error([&] { open_dataset(folder.path()); }), HasSubstr("no complete sample"));
}

TEST(Folder, ReadsListsClassesAndIgnoreId) {
  const core::TemporaryFolder folder;
  make_folder_set(folder.path());
  store(
      folder.path() / "dataset.json",
      R"({"name": "own", "classes": ["a", "b"], "ignore_id": 2, "palette": [[1, 2, 3], [4, 5, 6]]})");
  const auto set = open_dataset(folder.path());
  EXPECT_EQ(set->info().name, "own");
  EXPECT_THAT(set->info().classes, ElementsAre("a", "b"));
  EXPECT_EQ(set->info().palette[1], (Rgb{4, 5, 6}));
  EXPECT_EQ(set->size(Split::kTrain), 4);
  EXPECT_EQ(set->id(Split::kVal, 1), "v1");
  const Sample sample = set->read(Split::kTrain, 0);
  EXPECT_EQ(sample.labels.at(0, 0), 0);
  EXPECT_EQ(sample.labels.at(kSide - 1, 0), LabelMap::kIgnore);  // stored as 2
}

TEST(Folder, MirrorPairsAreDeclaredOrComeFromNames) {
  const core::TemporaryFolder folder;
  make_folder_set(folder.path());
  const auto pairs = [&folder](const std::string& text) {
    store(folder.path() / "dataset.json", text);
    return open_dataset(folder.path())->info().mirror_pairs;
  };
  EXPECT_EQ(pairs(R"({"classes": ["left eye", "nose", "right eye"]})"), (MirrorPairs{{0, 2}}));
  EXPECT_TRUE(pairs(R"({"classes": ["l_eye", "r_eye", "a"], "mirror_pairs": []})").empty());
  EXPECT_EQ(pairs(R"({"classes": ["a", "b", "c"], "mirror_pairs": [["c", "b"]]})"),
            (MirrorPairs{{2, 1}}));
  EXPECT_EQ(open_dataset(folder.path())->read(Split::kTrain, 0).mirror_pairs,
            (MirrorPairs{{2, 1}}));
}

TEST(Folder, GroupsAreDeclared) {
  const core::TemporaryFolder folder;
  make_folder_set(folder.path());
  store(folder.path() / "dataset.json",
        R"({"classes": ["a", "b", "c"], "groups": {"z": ["c", "a"], "one": ["b"]}})");
  EXPECT_THAT(open_dataset(folder.path())->info().groups,
              ElementsAre(ClassGroup{"z", {2, 0}}, ClassGroup{"one", {1}}));
}

TEST(Folder, ReadNamesFileValueAndPixelCount) {
  const core::TemporaryFolder folder;
  make_folder_set(folder.path());
  LabelMap labels = make_labels(kSide, kSide, 3);
  labels.at(0, 0) = labels.at(1, 0) = 17;
  store_gray(folder.path() / "labels/t1.png", labels);
  write_png(folder.path() / "images/t2.png", make_image(10, 12));
  const auto set = open_dataset(folder.path());
  EXPECT_THAT(
      user_error([&] { set->read(Split::kTrain, 1); }),
      AllOf(HasSubstr("labels/t1.png"), HasSubstr("value 17 in 2 pixels"), HasSubstr("check")));
  EXPECT_THAT(user_error([&] { set->read(Split::kTrain, 2); }),
              AllOf(HasSubstr("labels/t2.png"), HasSubstr("24x24"), HasSubstr("10x12")));
}

TEST(Folder, MissingFilesStopOpening) {
  const core::TemporaryFolder folder;
  make_folder_set(folder.path());
  fs::remove(folder.path() / "labels/t1.png");
  fs::remove(folder.path() / "labels/t2.png");
  EXPECT_THAT(
      user_error([&] { open_dataset(folder.path()); }),
      AllOf(HasSubstr("images/t1.png"), HasSubstr("1 more error"), HasSubstr("parsimony check")));
}

TEST(Folder, SetsOfOtherTasksSayThatTheyHaveNoLabels) {
  const core::TemporaryFolder folder;
  store(folder.path() / "dataset.json", "{\n\"task\": \"object_detection\"\n}");
  EXPECT_THAT(
      user_error([&] { open_dataset(folder.path()); }),
      AllOf(HasSubstr("line 2"), HasSubstr("object_detection"), HasSubstr("no label maps")));
}

TEST(Folder, ValIsHeldOutOfTrainWhenThereIsNoList) {
  const core::TemporaryFolder folder;
  make_folder_set(folder.path(), 20, 0, 0);
  fs::remove(folder.path() / "val.txt");
  fs::remove(folder.path() / "test.txt");
  const auto set = open_dataset(folder.path());
  EXPECT_EQ(set->size(Split::kTrain), 18);
  EXPECT_EQ(set->size(Split::kVal), 2);
  EXPECT_EQ(set->size(Split::kTest), 0);
}

TEST(Lists, AcceptPathsColumnsBlanksAndComments) {
  const core::TemporaryFolder folder;
  store(folder.path() / "l.txt",
        "\xef\xbb\xbf"
        "# comment\r\na\r\n\n VOC2012/JPEGImages/b.jpg\tVOC2012/SegmentationClass/b.png\n"
        "/SegNet/train/c.png /SegNet/trainannot/c.png\nmy picture\nv1.2_frame\n");
  EXPECT_THAT(read_list(folder.path() / "l.txt"),
              ElementsAre("a", "b", "c", "my picture", "v1.2_frame"));
}

TEST(Lists, SplitByHashIsStableAndDisjoint) {
  std::vector<std::string> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(fmt::format("id{}", i));
  SplitIds splits = split_by_hash(ids);
  EXPECT_EQ(splits.at(Split::kTrain).size(), 40u);
  EXPECT_EQ(splits.at(Split::kVal).size(), 5u);
  EXPECT_EQ(splits.at(Split::kTest).size(), 5u);
  std::set<std::string> all;
  for (const auto& split : splits.ids) all.insert(split.begin(), split.end());
  EXPECT_EQ(all.size(), 50u);
  std::ranges::reverse(ids);
  EXPECT_EQ(split_by_hash(ids).ids, splits.ids);
  // Documented as the order of `printf ID | sha256sum`, so it may never change.
  EXPECT_THAT(split_by_hash({"a", "b", "c", "d"}).at(Split::kVal), ElementsAre("d"));
}

TEST(Pairs, ClassesComeFromLabelsOrClassesTxt) {
  const core::TemporaryFolder folder;
  make_pairs_set(folder.path(), 10, "masks");
  EXPECT_THAT(open_dataset(folder.path())->info().classes,
              ElementsAre("class 0", "class 1", "class 2", "class 3"));
  store(folder.path() / "classes.txt", "sky\nsea\nland\nship\nplane\n");
  EXPECT_EQ(open_dataset(folder.path())->info().classes.size(), 5u);
}

TEST(Pairs, MirrorPairsComeFromClassesTxt) {
  const core::TemporaryFolder folder;
  make_pairs_set(folder.path(), 10);
  store(folder.path() / "classes.txt", "background\nleft hand\nright hand\nhead\n");
  EXPECT_EQ(open_dataset(folder.path())->info().mirror_pairs, (MirrorPairs{{1, 2}}));
}

TEST(Pairs, SplitSubfoldersOnBothSides) {
  for (const bool split_first : {false, true}) {
    const core::TemporaryFolder folder;
    for (const std::string split : {"train", "val", "test"}) {
      const fs::path root = folder.path();
      make_picture(split_first ? root / split / "images/a.png" : root / "images" / split / "a.png");
      store_gray(split_first ? root / split / "labels/a.png" : root / "labels" / split / "a.png",
                 constant(1));
    }
    const auto set = open_dataset(folder.path());
    EXPECT_EQ(set->info().format, "pairs");
    EXPECT_EQ(set->size(Split::kTrain), 1);
    EXPECT_EQ(set->size(Split::kVal), 1);
    EXPECT_EQ(set->size(Split::kTest), 1);
  }
}

TEST(Pairs, BlackAndWhiteMasksAreRefusedWithTheRemedy) {
  const core::TemporaryFolder folder;
  make_picture(folder.path() / "images/a.png");
  LabelMap mask = constant(0);
  mask.at(5, 5) = 255;
  store_gray(folder.path() / "labels/a.png", mask);
  EXPECT_THAT(user_error([&] { open_dataset(folder.path()); }),
              AllOf(HasSubstr("labels/a.png"),
                    HasSubstr("255 (1 pixels)"),
                    HasSubstr("store the object as 1")));
}

TEST(Voc, AugmentedListAndLabelsAreUsed) {
  const core::TemporaryFolder folder;
  make_voc_set(folder.path());
  make_picture(folder.path() / "JPEGImages/2010_000001.jpg");
  store_gray(folder.path() / "SegmentationClassAug/2010_000001.png", constant(7));
  store_gray(folder.path() / "SegmentationClassAug/2007_000032.png", constant(9));
  store(folder.path() / "ImageSets/Segmentation/train_aug.txt",
        "/JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png\n2010_000001\n");
  const auto set = open_dataset(folder.path());
  ASSERT_EQ(set->size(Split::kTrain), 2);
  EXPECT_EQ(set->read(Split::kTrain, 0).labels.at(0, 0), 255);  // the label of VOC itself wins
  EXPECT_EQ(set->read(Split::kTrain, 1).labels.at(0, 0), 7);
}

TEST(Eg1800, AnyValueIsPortraitAndLostPicturesAreCounted) {
  const core::TemporaryFolder folder;
  make_eg1800_set(folder.path());
  const auto set = open_dataset(folder.path());
  EXPECT_EQ(set->size(Split::kTrain) + set->size(Split::kVal), 8);
  EXPECT_EQ(set->size(Split::kTest), 2);
  for (std::int64_t i = 0; i < 2; ++i) {
    const LabelMap labels = set->read(Split::kTest, i).labels;
    EXPECT_EQ(labels.at(3, 3), 1);
    EXPECT_EQ(std::ranges::count(labels.ids, 1), 1);
  }
  std::vector<std::string> found;
  for (const Finding& finding : scan_eg1800(folder.path()).findings) {
    EXPECT_NE(finding.severity, Severity::kError) << finding.detail;
    found.push_back(finding.file + ": " + finding.detail);
  }
  EXPECT_THAT(
      found,
      ::testing::UnorderedElementsAre("eg1800_train.txt: '00001' is listed more than once",
                                      "eg1800_train.txt: 1 of 9 listed pictures are not here",
                                      "eg1800_test.txt: 1 of 3 listed pictures are not here"));
  fs::remove(folder.path() / "Labels/00009.png");
  EXPECT_THAT(user_error([&] { open_dataset(folder.path()); }), HasSubstr("Images/00009.png"));
}

TEST(Cityscapes, LabelIdsBecomeTrainIds) {
  const core::TemporaryFolder folder;
  make_cityscapes_set(folder.path(), "labelIds", 26);
  fs::create_directories(folder.path() / "leftImg8bit/test");
  fs::create_directories(folder.path() / "gtFine/test");
  EXPECT_EQ(open_dataset(folder.path())->read(Split::kTrain, 0).labels, constant(13));  // car
  EXPECT_EQ(open_dataset(folder.path())->size(Split::kTest), 0);
  EXPECT_EQ(open_dataset(folder.path())->info().classes[13], "car");
  make_cityscapes_set(folder.path(), "labelIds", 4);
  EXPECT_EQ(open_dataset(folder.path())->read(Split::kTrain, 0).labels, constant(255));
  make_cityscapes_set(folder.path(), "labelIds", 34);
  EXPECT_THAT(user_error([&] { open_dataset(folder.path())->read(Split::kTrain, 0); }),
              HasSubstr("value 34"));
  make_cityscapes_set(folder.path(), "labelTrainIds", 18);
  EXPECT_EQ(open_dataset(folder.path())->read(Split::kTrain, 0).labels, constant(18));
}

TEST(Cityscapes, ThreeChannelsAreReadOnlyWhenEqual) {
  const core::TemporaryFolder folder;
  make_cityscapes_set(folder.path(), "labelIds", 7);
  const fs::path file =
      folder.path() / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png";
  store_rgb(file, constant(0), {{7, 7, 7}});
  EXPECT_EQ(open_dataset(folder.path())->read(Split::kTrain, 0).labels, constant(0));
  store_rgb(file, constant(0), {{128, 64, 128}});
  EXPECT_THAT(user_error([&] { open_dataset(folder.path())->read(Split::kTrain, 0); }),
              HasSubstr("colour (128,64,128) in 576 pixels"));
}

TEST(Camvid, SegnetVoidIsIgnored) {
  const core::TemporaryFolder folder;
  make_segnet_set(folder.path());
  const Sample sample = open_dataset(folder.path())->read(Split::kTest, 0);
  EXPECT_EQ(sample.labels.at(0, 0), 0);
  EXPECT_EQ(sample.labels.at(kSide - 1, 0), LabelMap::kIgnore);
}

TEST(Camvid, OriginalColoursAreGrouped) {
  const core::TemporaryFolder folder;
  make_original_camvid(folder.path(), 5);  // 5 of 576 pixels in unknown colours: below 1 %
  const auto set = open_dataset(folder.path());
  EXPECT_EQ(set->size(Split::kTrain), 8);
  EXPECT_EQ(set->size(Split::kVal), 1);
  const Sample sample = set->read(Split::kTrain, 0);
  EXPECT_EQ(sample.labels.at(0, 0), LabelMap::kIgnore);   // unknown colour
  EXPECT_EQ(sample.labels.at(0, 5), 0);                   // Sky
  EXPECT_EQ(sample.labels.at(7, 5), 1);                   // Bridge is building
  EXPECT_EQ(sample.labels.at(13, 5), 10);                 // MotorcycleScooter is bicyclist
  EXPECT_EQ(sample.labels.at(20, 5), LabelMap::kIgnore);  // Void
}

TEST(Camvid, ManyUnknownColoursAreRefused) {
  const core::TemporaryFolder folder;
  make_original_camvid(folder.path(), 6);
  EXPECT_THAT(user_error([&] { open_dataset(folder.path())->read(Split::kTrain, 0); }),
              AllOf(HasSubstr("colour (1,2,3) in 6 pixels"), HasSubstr("_L.png")));
}

TEST(Mpii, PeopleAreCutOutOfTheirPictures) {
  const core::TemporaryFolder folder;
  make_mpii_set(folder.path());
  const auto set = open_dataset(folder.path(), {.targets = {Target::kPose}});
  EXPECT_EQ(set->info().skeleton, mpii_skeleton());
  ASSERT_EQ(set->size(Split::kTrain), 3);
  ASSERT_EQ(set->size(Split::kVal), 1);
  EXPECT_EQ(set->size(Split::kTest), 0);
  EXPECT_EQ(set->id(Split::kTrain, 0), "1_0");
  EXPECT_EQ(set->id(Split::kTrain, 1), "1_1");
  const Image whole = read_image(folder.path() / "images/1.jpg");
  // Centre (40, 37) from 0, 3 pixels further down, 50 x 50 pixels.
  const Sample first = set->read(Split::kTrain, 0);
  ASSERT_EQ(first.image.width, 50);
  ASSERT_EQ(first.image.height, 50);
  EXPECT_TRUE(std::equal(first.image.at(0, 0), first.image.at(0, 0) + 3, whole.at(15, 15)));
  EXPECT_TRUE(std::equal(first.image.at(49, 49), first.image.at(49, 49) + 3, whole.at(64, 64)));
  EXPECT_EQ(first.pose->joints[0], (Joint{17, 14, Visibility::kVisible}));  // (32, 29) in whole
  EXPECT_EQ(first.pose->joints[3], Joint{});
  EXPECT_EQ(first.pose->head_size, 0);
  // Cut off at the left and the top, and at the right and the bottom: joints keep their places.
  const Sample corner = set->read(Split::kTrain, 2);
  EXPECT_EQ(corner.image.width, 35);
  EXPECT_EQ(corner.image.height, 42);
  EXPECT_EQ(corner.pose->joints[8], (Joint{10, 14, Visibility::kVisible}));
  const Sample last = set->read(Split::kVal, 0);
  EXPECT_EQ(last.image.width, 100 - 64);
  EXPECT_EQ(last.image.height, 80 - 37);
  std::vector<std::string> notes;
  for (const Finding& finding : scan_mpii(folder.path()).findings) {
    EXPECT_EQ(finding.severity, Severity::kNote);
    notes.push_back(finding.detail);
  }
  EXPECT_THAT(notes, ElementsAre(HasSubstr("1 of 4 people")));
}

TEST(Mpii, HeadSizesComeFromTheMatlabFile) {
  const core::TemporaryFolder folder;
  make_mpii_set(folder.path());
  const auto head = [&] {
    return open_dataset(folder.path(), {.targets = {Target::kPose}})
        ->read(Split::kVal, 0)
        .pose->head_size;
  };
  store_matlab<double>(
      folder.path() / "annot/gt_valid.mat", "headboxes_src", {10, 13, 20, 24}, {.dims = {2, 2, 1}});
  EXPECT_NEAR(head(), 0.6 * 5, 1e-9);
  // Files of other people are not used, and said so.
  store_matlab<double>(folder.path() / "annot/gt_valid.mat",
                       "headboxes_src",
                       {10, 13, 20, 24, 1, 2, 3, 4},
                       {.dims = {2, 2, 2}});
  EXPECT_EQ(head(), 0);
  EXPECT_THAT(check(folder.path()).findings,
              ::testing::Contains(Reports("malformed-pose",
                                          Severity::kWarning,
                                          std::string("annot/gt_valid.mat"),
                                          Texts{"other people"})));
}

TEST(Mpii, MissingPicturesAndDamagedFilesAreErrors) {
  const core::TemporaryFolder folder;
  make_mpii_set(folder.path());
  const auto open = [&] { open_dataset(folder.path(), {.targets = {Target::kPose}}); };
  fs::remove(folder.path() / "images/1.jpg");
  EXPECT_THAT(user_error(open), AllOf(HasSubstr("images/1.jpg"), HasSubstr("no such picture")));
  store(folder.path() / "annot/valid.json", "{");
  EXPECT_THAT(user_error(open), HasSubstr("more error"));
  store(folder.path() / "annot/train.json", "{}");
  EXPECT_THAT(user_error(open), HasSubstr("no list of people"));
}

TEST(Lsp, FlagsMeanWhatEachSetSays) {
  const core::TemporaryFolder folder;
  make_lsp_set(folder.path() / "lsp");
  const auto lsp = open_dataset(folder.path() / "lsp", {.targets = {Target::kPose}});
  EXPECT_EQ(lsp->size(Split::kTrain), 900);
  EXPECT_EQ(lsp->size(Split::kVal), 100);
  ASSERT_EQ(lsp->size(Split::kTest), 3);
  EXPECT_EQ(lsp->id(Split::kTest, 0), "im1001");
  Pose expected = lsp_pose(1000);
  expected.joints[2].visibility = Visibility::kHidden;  // LSP places every joint
  EXPECT_EQ(lsp->read(Split::kTest, 0).pose, expected);

  make_lspet_set(folder.path() / "lspet");
  const auto extended = open_dataset(folder.path() / "lspet", {.targets = {Target::kPose}});
  EXPECT_EQ(extended->size(Split::kTrain), 18);
  EXPECT_EQ(extended->size(Split::kVal), 2);
  EXPECT_EQ(extended->size(Split::kTest), 0);
  Pose visible = lsp_pose(0);
  visible.joints[1] = visible.joints[2] = {};
  ASSERT_EQ(extended->id(Split::kTrain, 0), "im00001");
  EXPECT_EQ(extended->read(Split::kTrain, 0).pose, visible);
}

TEST(Lsp, JointsOfAnotherShapeAreRefused) {
  const core::TemporaryFolder folder;
  make_lspet_set(folder.path());
  const auto open = [&] { open_dataset(folder.path(), {.targets = {Target::kPose}}); };
  fs::remove(folder.path() / "images/im00003.jpg");
  EXPECT_THAT(user_error(open), AllOf(HasSubstr("joints.mat"), HasSubstr("'im00003'")));
  store_matlab<double>(folder.path() / "joints.mat", "joints", {1, 2, 3, 4}, {.dims = {2, 2}});
  EXPECT_THAT(user_error(open), HasSubstr("neither 3 x 14"));
  store_matlab<double>(folder.path() / "joints.mat", "j", {1}, {.dims = {1, 1}});
  EXPECT_THAT(user_error(open), HasSubstr("no variable 'joints'"));
}

TEST(NyuDepthV2, MillimetresOfScenes) {
  const core::TemporaryFolder folder;
  make_nyu_set(folder.path() / "official_splits");
  const OpenOptions depth{.targets = {Target::kDepth}};
  const auto set = open_dataset(folder.path(), depth);
  EXPECT_EQ(set->size(Split::kTrain) + set->size(Split::kVal), 10);
  EXPECT_EQ(set->size(Split::kVal), 1);
  ASSERT_EQ(set->size(Split::kTest), 2);
  EXPECT_EQ(set->id(Split::kTest, 0), "kitchen__00500");
  EXPECT_EQ(set->read(Split::kTest, 0).depth, make_depth(kSide, kSide));
  fs::remove(folder.path() / "official_splits/train/kitchen/sync_depth_00002.png");
  EXPECT_EQ(open_dataset(folder.path(), depth)->size(Split::kTrain) +
                open_dataset(folder.path(), depth)->size(Split::kVal),
            9);
  EXPECT_THAT(
      check(folder.path()).findings,
      ::testing::Contains(Reports("missing-depth",
                                  Severity::kWarning,
                                  std::string("official_splits/train/kitchen/rgb_00002.jpg"),
                                  Texts{"'kitchen__00002'"})));
}

}  // namespace
}  // namespace parsimony::data
