// SPDX-License-Identifier: Apache-2.0
// The layout classes, and label maps that are one class a picture wherever they come from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "parsimony/data/check_fixture_for_test.h"
#include "parsimony/data/class_fixtures_for_test.h"
#include "parsimony/data/export_folder.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/merge.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ClassFolders : public ::testing::Test {
 protected:
  ClassFolders() { make_class_set(root()); }
  const fs::path& root() const { return folder_.path(); }
  void expect(const char* kind, Severity severity, const std::string& file, const Texts& texts) {
    const CheckReport report = check(root());
    EXPECT_THAT(report.findings, Contains(Reports(kind, severity, file, texts))) << to_text(report);
    EXPECT_EQ(severity == Severity::kNote, report.ok()) << to_text(report);
  }
  void start_again() const {
    for (const fs::directory_entry& entry : fs::directory_iterator(root()))
      fs::remove_all(entry.path());
  }

 private:
  core::TemporaryFolder folder_;
};

TEST_F(ClassFolders, EveryPixelHasTheClassOfThePicture) {
  const auto set = open_dataset(root());
  EXPECT_EQ(set->info().format, "classes");
  EXPECT_EQ(set->info().label_kind, LabelKind::kPicture);
  EXPECT_THAT(set->info().classes, ElementsAre("Cat", "bird", "tree"));
  EXPECT_EQ(set->size(Split::kTrain), 12);
  EXPECT_EQ(set->size(Split::kVal), 6);
  EXPECT_EQ(set->size(Split::kTest), 3);
  EXPECT_EQ(set->id(Split::kVal, 3), "val__bird__1");
  const Sample sample = set->read(Split::kVal, 3);
  EXPECT_EQ(sample.image.width, kSide + 1);
  EXPECT_EQ(sample.labels, LabelMap(kSide + 1, kSide, 1));
}

TEST_F(ClassFolders, AFaultlessSetHasNoFindings) {
  const CheckReport report = check(root());
  EXPECT_THAT(report.findings, IsEmpty()) << to_text(report);
  EXPECT_EQ(report.classes[1].images, (std::array<std::int64_t, 3>{4, 2, 1}));
}

TEST_F(ClassFolders, CheckCountsPictures) {
  make_class_folder(root() / "train/bird", 8);
  const CheckReport report = check(root());
  EXPECT_THAT(to_text(report),
              AllOf(HasSubstr("images    share    train      val     test"),
                    HasSubstr("  1  bird        11   44.0 %        8        2        1  ####"),
                    Not(HasSubstr("pixels"))));
  const nlohmann::ordered_json json = to_json(report);
  EXPECT_EQ(json["label_kind"], "picture");
  EXPECT_EQ(json["classes"][1]["images"], 11);
}

TEST_F(ClassFolders, WithoutValTrainIsSplit) {
  fs::remove_all(root() / "val");
  fs::remove_all(root() / "test");
  const auto set = open_dataset(root());
  EXPECT_EQ(set->size(Split::kTrain), 11);
  EXPECT_EQ(set->size(Split::kVal), 1);
  EXPECT_EQ(set->size(Split::kTest), 0);
}

TEST_F(ClassFolders, WithoutAnySplitTheHashDecides) {
  start_again();
  make_unsplit_class_set(root());
  const auto set = open_dataset(root());
  EXPECT_EQ(set->size(Split::kTrain), 24);
  EXPECT_EQ(set->size(Split::kVal), 3);
  EXPECT_EQ(set->size(Split::kTest), 3);
  std::vector<std::string> ids;
  for (const Split split : kSplits) {
    for (std::int64_t i = 0; i < set->size(split); ++i) {
      ids.push_back(set->id(split, i));
      const std::string name = set->info().classes[set->read(split, i).labels.at(0, 0)];
      EXPECT_THAT(ids.back(), ::testing::StartsWith(name + "__"));
    }
  }
  std::ranges::sort(ids);
  EXPECT_EQ(std::ranges::unique(ids).size(), 0u);
  EXPECT_EQ(ids.size(), 30u);
}

TEST_F(ClassFolders, ClassesOfValMustBeThoseOfTrain) {
  make_class_folder(root() / "val/birds", 1);
  expect("unknown-class", Severity::kError, "val/birds", {"'birds'", "did you mean 'bird'"});
  EXPECT_THAT(user_error([&] { open_dataset(root()); }),
              AllOf(HasSubstr("val/birds"), HasSubstr("train/birds/")));
  fs::remove_all(root() / "val/birds");
  fs::remove_all(root() / "val/bird");
  expect("class-missing-in-split", Severity::kWarning, "", {"class 1 'bird'", "no picture in val"});
  EXPECT_EQ(open_dataset(root())->size(Split::kVal), 4);
  make_class_folder(root() / "val/bird", 1);
  fs::remove_all(root() / "test/bird");
  expect("class-missing-in-split", Severity::kNote, "", {"class 1 'bird'", "no picture in test"});
}

TEST_F(ClassFolders, ThereAreAtMost255Classes) {
  start_again();
  const Bytes picture = encode_png(make_image(2, 2));
  const auto add = [&](int id) { store(root() / fmt::format("train/c{:03}/0.png", id), picture); };
  for (int id = 0; id < 255; ++id) add(id);
  EXPECT_EQ(open_dataset(root())->info().classes.size(), 255u);
  add(255);
  EXPECT_THAT(user_error([&] { open_dataset(root()); }),
              AllOf(HasSubstr("256 class folders"), HasSubstr("at most 255")));
  EXPECT_THAT(
      check(root()).findings,
      ElementsAre(Reports(
          "too-many-classes", Severity::kError, std::string("train"), Texts{"256", "255"})));
}

TEST_F(ClassFolders, WhatIsNotUsedIsSaid) {
  fs::create_directories(root() / "train/fish/more");
  expect("empty-class", Severity::kWarning, "train/fish", {"no pictures"});
  fs::remove_all(root() / "train/fish");
  make_class_folder(root() / "valid/bird", 1);
  expect("unlisted-file", Severity::kWarning, "valid", {"none of train/, val/ and test/"});
  fs::remove_all(root() / "valid");
  make_class_folder(root() / "test", 3);
  fs::create_directories(root() / "train/.cache");
  store(root() / "labels.csv", "0.jpg,bird");
  expect("unlisted-file", Severity::kNote, "test", {"3 pictures lie beside the class folders"});
  EXPECT_EQ(open_dataset(root())->size(Split::kTest), 3);
}

TEST_F(ClassFolders, OtherFoldersBesideUnsplitClassesAreNoFault) {
  start_again();
  make_unsplit_class_set(root());
  store(root() / "docs/licence.txt", "none");
  expect("empty-class", Severity::kNote, "docs", {"no pictures"});
  EXPECT_EQ(open_dataset(root())->info().classes.size(), 3u);
}

TEST_F(ClassFolders, DamagedPicturesAndDoublesAreNamed) {
  store(root() / "train/Cat/0.jpg", "no picture");
  expect("unreadable-image", Severity::kError, "train/Cat/0.jpg", {"no known picture format"});
  EXPECT_THAT(user_error([&] { open_dataset(root())->read(Split::kTrain, 0); }),
              HasSubstr("train/Cat/0.jpg"));
  fs::copy_file(
      root() / "val/Cat/0.jpg", root() / "train/Cat/0.jpg", fs::copy_options::overwrite_existing);
  const auto doubles = check(root()).findings;
  EXPECT_THAT(doubles,
              ElementsAre(Reports("duplicate-across-splits",
                                  Severity::kWarning,
                                  std::string("val/Cat/0.jpg"),
                                  Texts{"train/Cat/0.jpg"})));
  fs::remove(root() / "train/Cat/0.jpg");
  write_png(root() / "train/Cat/1.png", make_image(kSide, kSide, 77));
  expect("ambiguous-file", Severity::kWarning, "train/Cat/1.jpg", {"same name"});
}

TEST_F(ClassFolders, IdsThatWouldBeEqualAreErrors) {
  make_class_folder(root() / "train/Cat__x", 1);
  fs::copy_file(root() / "val/Cat/0.jpg", root() / "train/Cat/x__0.jpg");
  fs::remove(root() / "val/Cat/0.jpg");
  expect("duplicate-id",
         Severity::kError,
         "train/Cat__x/0.jpg",
         {"'train__Cat__x__0'", "train/Cat/x__0.jpg"});
}

TEST_F(ClassFolders, SidesInNamesAreMirrorPairs) {
  make_class_folder(root() / "train/left turn", 1);
  make_class_folder(root() / "train/right turn", 1);
  EXPECT_EQ(open_dataset(root())->info().mirror_pairs, (MirrorPairs{{2, 3}}));
}

TEST_F(ClassFolders, MergedClassesAreStillOfPictures) {
  auto set = open_dataset(root());
  const std::vector<std::string> merges = {"animal=Cat,bird"};
  const MergedDataset merged(std::move(set), merge_map(open_dataset(root())->info(), merges));
  EXPECT_EQ(merged.info().label_kind, LabelKind::kPicture);
  EXPECT_THAT(merged.info().classes, ElementsAre("animal", "tree"));
  EXPECT_THAT(merged.read(Split::kTrain, 4).labels.ids, Each(0));
}

// A copy in the layout "folder".
class ImportedClasses : public ClassFolders {
 protected:
  ImportedClasses() { write_dataset_folder(*open_dataset(root()), copy()); }
  fs::path copy() const { return folder_.path() / "copy"; }

 private:
  core::TemporaryFolder folder_;
};

TEST_F(ImportedClasses, KeepTheirKind) {
  EXPECT_EQ(open_dataset(copy())->info().label_kind, LabelKind::kPicture);
  const CheckReport report = check(copy());
  EXPECT_THAT(report.findings, IsEmpty()) << to_text(report);
  EXPECT_EQ(report.label_kind, LabelKind::kPicture);
  EXPECT_EQ(report.classes[2].images, (std::array<std::int64_t, 3>{4, 2, 1}));
  EXPECT_THAT(core::read_text_file(copy() / "dataset.json"),
              HasSubstr(R"("task": "classification")"));
}

TEST_F(ImportedClasses, MayNotMixClassesInOnePicture) {
  const fs::path labels = copy() / "labels/train__Cat__0.png";
  LabelMap mixed(kSide, kSide, 0);
  mixed.at(3, 0) = 2;
  store_gray(labels, mixed);
  const auto set = open_dataset(copy());
  EXPECT_THAT(user_error([&] { set->read(Split::kTrain, 0); }),
              AllOf(HasSubstr(labels.string()), HasSubstr("the ids 0 and 2")));
  EXPECT_THAT(check(copy()).findings,
              ElementsAre(Reports("mixed-label",
                                  Severity::kError,
                                  std::string("labels/train__Cat__0.png"),
                                  Texts{"0, 2", "one class a picture"})));
}

// Sets with label maps that lack what shows their layout must not be taken for class folders.
TEST(ClassFoldersDetection, LeavesOtherLayoutsAlone) {
  const auto refusal = [](const std::vector<const char*>& folders) {
    const core::TemporaryFolder root;
    for (const char* folder : folders) make_class_folder(root.path() / folder, 1);
    return why_not_classes(root.path());
  };
  for (const std::vector<const char*>& folders : std::vector<std::vector<const char*>>{
           {"images", "pictures"},
           {"Images", "Labels"},
           {"img", "gt"},
           {"images/train", "labels/train"},
           {"train/images", "train/labels"},
           {"train", "trainannot", "val", "valannot"},
           {"CamVid/train", "CamVid/trainannot"},
           {"JPEGImages", "SegmentationClass", "SegmentationObject"},
           {"701_StillsRaw_full", "other"},
           {"leftImg8bit/train/aachen", "leftImg8bit/train/bochum"},
           {"train_images_fine", "train_labels_fine"},
           {"images_data", "images_data_crop"},
           {"CelebA-HQ-img", "samples"},
           {"one"},
           {"train/one"},
           {}}) {
    EXPECT_NE(refusal(folders), "") << (folders.empty() ? "nothing" : folders.front());
  }
  EXPECT_EQ(refusal({"cat", "dog"}), "");
  EXPECT_EQ(refusal({"with_mask", "without_mask"}), "");
  EXPECT_THAT(refusal({"train/cat", "train/mask"}), HasSubstr("mask/"));

  const core::TemporaryFolder cities;
  for (const char* city : {"aachen", "bochum"})
    write_png(cities.path() / "train" / city / (std::string(city) + "_0_leftImg8bit.png"),
              make_image(kSide, kSide));
  EXPECT_THAT(why_not_classes(cities.path()), HasSubstr("Cityscapes"));
}

TEST(ClassFoldersDetection, SaysWhatIsMissing) {
  const core::TemporaryFolder root;
  EXPECT_THAT(user_error([&] { open_dataset(root.path()); }), HasSubstr("no folder train/"));
  make_class_folder(root.path() / "train/cat", 1);
  EXPECT_THAT(user_error([&] { open_dataset(root.path()); }),
              HasSubstr("fewer than two folders with pictures in train/"));
}

}  // namespace
}  // namespace parsimony::data
