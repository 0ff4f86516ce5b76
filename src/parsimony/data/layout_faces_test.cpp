// SPDX-License-Identifier: Apache-2.0
// The layouts celebamask_hq and helen: label maps that are composed of part files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/data/augment.h"
#include "parsimony/data/check_fixture_for_test.h"
#include "parsimony/data/face_classes.h"
#include "parsimony/data/face_fixtures_for_test.h"
#include "parsimony/data/label_parts.h"
#include "parsimony/data/layouts.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class CelebAMaskHq : public ::testing::Test {
 protected:
  CelebAMaskHq() { make_celebamask_hq_set(root()); }
  const fs::path& root() const { return folder_.path(); }
  void expect(const char* kind, Severity severity, const std::string& file, const Texts& texts) {
    const CheckReport report = check(root());
    EXPECT_THAT(report.findings, Contains(Reports(kind, severity, file, texts))) << to_text(report);
    EXPECT_TRUE(severity == Severity::kNote || !report.ok());
  }
  std::vector<std::string> ids(Split split) const {
    const auto set = open_dataset(root());
    std::vector<std::string> ids;
    for (std::int64_t i = 0; i < set->size(split); ++i) ids.push_back(set->id(split, i));
    return ids;
  }

 private:
  core::TemporaryFolder folder_;
};

TEST_F(CelebAMaskHq, LaterPartsOverwriteEarlierOnes) {
  const auto set = open_dataset(root());
  for (std::int64_t i = 0; i < 2; ++i) {  // one gray, one of three channels
    const LabelMap labels = set->read(Split::kVal, i).labels;
    EXPECT_EQ(labels.at(0, 0), 0);
    EXPECT_EQ(labels.at(3, 3), 1);     // skin
    EXPECT_EQ(labels.at(11, 12), 2);   // nose
    EXPECT_EQ(labels.at(5, 7), 4);     // l_eye
    EXPECT_EQ(labels.at(18, 7), 5);    // r_eye
    EXPECT_EQ(labels.at(9, 15), 11);   // u_lip
    EXPECT_EQ(labels.at(13, 15), 13);  // hair over u_lip
    EXPECT_EQ(labels.at(9, 17), 10);   // mouth
    EXPECT_EQ(labels.at(1, 9), 15);    // ear ring
  }
}

TEST_F(CelebAMaskHq, TheOtherOrderGivesOtherNumbersAndOtherOverlaps) {
  store_gray(root() / mask_name(4, "hat"), block_mask({0, 24, 0, 4}));
  store_gray(root() / mask_name(4, "neck"), block_mask({0, 24, 0, 24}));
  const auto official = open_dataset(root());
  const auto bisenet = open_dataset(root(), {.part_order = PartOrder::kBisenet});
  ASSERT_EQ(official->id(Split::kTrain, 0), "4");
  const LabelMap a = official->read(Split::kTrain, 0).labels;
  const LabelMap b = bisenet->read(Split::kTrain, 0).labels;
  const auto name = [](const Dataset& set, std::uint8_t id) { return set.info().classes[id]; };
  // Officially the neck is painted after hair and hat, there before them.
  EXPECT_EQ(name(*official, a.at(20, 15)), "neck");
  EXPECT_EQ(name(*bisenet, b.at(20, 15)), "hair");
  EXPECT_EQ(name(*bisenet, b.at(5, 1)), "hat");
  EXPECT_EQ(bisenet->info().classes[2], "l_brow");
  EXPECT_THAT(bisenet->info().mirror_pairs, ElementsAre(Pair(2, 3), Pair(4, 5), Pair(7, 8)));
}

TEST_F(CelebAMaskHq, PicturesAreScaledToTheirMasks) {
  const Sample sample = open_dataset(root())->read(Split::kVal, 0);
  EXPECT_EQ(sample.image.width, kSide);
  EXPECT_EQ(sample.image, resize_bicubic(read_image(root() / "CelebA-HQ-img/0.jpg"), kSide, kSide));
  write_jpeg(root() / "CelebA-HQ-img/0.jpg", make_image(2 * kSide, 2 * kSide + 1), 95);
  EXPECT_THAT(user_error([&] { open_dataset(root())->read(Split::kVal, 0); }),
              AllOf(HasSubstr("00000_"), HasSubstr("24x24"), HasSubstr("48x49")));
  expect("size-mismatch", Severity::kError, mask_name(0, "skin"), {"24x24", "48x49"});
}

TEST_F(CelebAMaskHq, TheSplitIsThatOfCelebA) {
  EXPECT_THAT(ids(Split::kTrain), ElementsAre("4", "5", "6", "7", "8", "2001"));
  EXPECT_THAT(ids(Split::kVal), ElementsAre("0", "1"));
  EXPECT_THAT(ids(Split::kTest), ElementsAre("2", "3"));
  expect("listed-but-missing",
         Severity::kNote,
         "CelebA-HQ-to-CelebA-mapping.txt",
         {"1 of the listed pictures"});
}

TEST_F(CelebAMaskHq, PictureNumbersGiveTheSameSplitWithoutThePartition) {
  const std::vector<std::string> train = ids(Split::kTrain), val = ids(Split::kVal);
  fs::remove(root() / "list_eval_partition.txt");
  EXPECT_EQ(ids(Split::kTrain), train);
  EXPECT_EQ(ids(Split::kVal), val);
  expect("no-official-split",
         Severity::kNote,
         "CelebA-HQ-to-CelebA-mapping.txt",
         {"list_eval_partition.txt"});
}

TEST_F(CelebAMaskHq, WithoutTheMappingTheHashDecidesAndCheckWarns) {
  fs::remove(root() / "CelebA-HQ-to-CelebA-mapping.txt");
  EXPECT_EQ(ids(Split::kTrain).size(), 8u);
  EXPECT_EQ(ids(Split::kVal).size(), 1u);
  expect("no-official-split", Severity::kWarning, "CelebA-HQ-to-CelebA-mapping.txt", {"hash"});
  store(root() / "train.txt", "0\n1\n2\n3\n4\n5\n6\n7\n");
  store(root() / "val.txt", "8\n2001\n");
  EXPECT_THAT(ids(Split::kVal), ElementsAre("8", "2001"));
  for (const Finding& finding : check(root()).findings)
    EXPECT_NE(finding.kind, FindingKind::kNoOfficialSplit);
}

TEST_F(CelebAMaskHq, BadLinesAreNamed) {
  const std::string mapping = "CelebA-HQ-to-CelebA-mapping.txt";
  const auto with_line = [&](const char* file, const std::string& line, const Texts& texts) {
    const std::string before = core::read_text_file(root() / file);
    store(root() / file, before + line);
    expect("malformed-list", Severity::kError, file, texts);
    EXPECT_THAT(user_error([&] { open_dataset(root()); }), HasSubstr("line 1"));
    store(root() / file, before);
  };
  with_line(mapping.c_str(), "7 12\n", {"line 13", "'7 12'", "2 columns"});
  with_line(mapping.c_str(), "x7 12 000012.jpg\n", {"line 13", "first column"});
  with_line(mapping.c_str(), "9 12 999999.jpg\n", {"line 13", "999999.jpg", "partition"});
  with_line("list_eval_partition.txt", "000012.jpg 3\n", {"line 12", "0 (train)"});
  fs::remove(root() / "list_eval_partition.txt");
  with_line(mapping.c_str(), "9 12 face.jpg\n", {"line 13", "third column"});
}

TEST_F(CelebAMaskHq, UnknownPartsAndMissingPartnersAreErrors) {
  store_gray(root() / mask_name(5, "l_eyes"), block_mask({0, 2, 0, 2}));
  expect("unknown-part", Severity::kError, mask_name(5, "l_eyes"), {"'l_eyes'", "'l_eye'"});
  EXPECT_THAT(user_error([&] { open_dataset(root()); }), HasSubstr("00005_l_eyes.png"));
  fs::remove(root() / mask_name(5, "l_eyes"));
  const std::string odd = "CelebAMask-HQ-mask-anno/0/5_skin.png";
  store_gray(root() / odd, block_mask({0, 2, 0, 2}));
  expect("unknown-part", Severity::kError, odd, {"00012_skin.png"});
  fs::remove(root() / odd);
  store_gray(root() / "CelebAMask-HQ-mask-anno/1/00005_skin.png", block_mask({0, 2, 0, 2}));
  expect("ambiguous-file",
         Severity::kWarning,
         "CelebAMask-HQ-mask-anno/1/00005_skin.png",
         {mask_name(5, "skin")});
  fs::remove(root() / "CelebAMask-HQ-mask-anno/1/00005_skin.png");
  for (const auto& [part, block] : celebamask_hq_blocks()) fs::remove(root() / mask_name(6, part));
  expect("missing-label", Severity::kError, "CelebA-HQ-img/6.jpg", {"'6'"});
}

TEST_F(CelebAMaskHq, PartsOfOtherSizesAndDamagedPartsAreNamed) {
  store_gray(root() / mask_name(0, "nose"), LabelMap(kSide + 1, kSide, 0));
  expect("size-mismatch", Severity::kError, mask_name(0, "nose"), {"25x24", "24x24"});
  EXPECT_THAT(user_error([&] { open_dataset(root())->read(Split::kVal, 0); }),
              AllOf(HasSubstr("00000_nose.png"), HasSubstr("Remedy")));
  store_gray(root() / mask_name(0, "nose"), block_mask({10, 14, 10, 14}));
  const std::string file = (root() / mask_name(0, "hair")).string();
  const std::string whole = core::read_text_file(file);
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    store(file, whole.substr(0, length));
    EXPECT_THAT(user_error([&] { open_dataset(root())->read(Split::kVal, 0); }),
                HasSubstr("00000_hair.png"))
        << length;
  }
  expect("unreadable-label", Severity::kError, mask_name(0, "hair"), {});
}

TEST_F(CelebAMaskHq, OptionsOfOtherLayoutsAreRefused) {
  EXPECT_THAT(user_error([&] { open_dataset(root(), {.least_probability = 0.5}); }),
              AllOf(HasSubstr("'helen'"), HasSubstr("'celebamask_hq'")));
}

class Helen : public ::testing::Test {
 protected:
  Helen() { make_helen_set(root()); }
  const fs::path& root() const { return folder_.path(); }
  void expect(const char* kind, Severity severity, const std::string& file, const Texts& texts) {
    const CheckReport report = check(root());
    EXPECT_THAT(report.findings, Contains(Reports(kind, severity, file, texts))) << to_text(report);
    EXPECT_FALSE(report.ok());
  }

 private:
  core::TemporaryFolder folder_;
};

TEST_F(Helen, TheMostProbableClassWins) {
  const auto set = open_dataset(root());
  EXPECT_EQ(set->size(Split::kTrain), 3);
  EXPECT_EQ(set->size(Split::kVal), 2);
  EXPECT_EQ(set->id(Split::kTest, 0), "100032545_1");
  const LabelMap labels = set->read(Split::kTest, 0).labels;
  EXPECT_EQ(labels.at(5, 7), 4);
  EXPECT_EQ(labels.at(18, 7), 5);
  EXPECT_EQ(labels.at(0, 0), 0);
  EXPECT_EQ(std::ranges::count(labels.ids, 4), 32);
}

TEST_F(Helen, TiesGoToTheFirstAndUnsurePixelsCanBeIgnored) {
  const std::string id = "100032545_1";
  const auto store_pixel = [&](int c, std::int64_t x, std::uint8_t value) {
    const fs::path file = root() / helen_map(id, c);
    const RawLabels raw = read_raw_labels(file);
    LabelMap map(raw.width, raw.height);
    map.ids = raw.values;
    map.at(x, 0) = value;
    store_gray(file, map);
  };
  store_pixel(7, 0, 128), store_pixel(9, 0, 128);  // a tie just above one half
  store_pixel(7, 1, 127), store_pixel(9, 1, 126);  // just below
  const LabelMap plain = open_dataset(root())->read(Split::kTest, 0).labels;
  EXPECT_EQ(plain.at(0, 0), 7);
  EXPECT_EQ(plain.at(1, 0), 7);
  EXPECT_EQ(plain.at(2, 0), 0);
  const LabelMap sure =
      open_dataset(root(), {.least_probability = 0.5})->read(Split::kTest, 0).labels;
  EXPECT_EQ(sure.at(0, 0), 7);
  EXPECT_EQ(sure.at(1, 0), LabelMap::kIgnore);
  EXPECT_EQ(sure.at(2, 0), LabelMap::kIgnore);  // background with 0.3
  EXPECT_EQ(sure.at(5, 7), 4);
}

TEST_F(Helen, MissingAndForeignMapsAreErrors) {
  const std::string id = "100032540_1";
  fs::rename(root() / helen_map(id, 3), root() / helen_map(id, 11));
  expect("missing-label", Severity::kError, helen_map(id, 3), {"class 3 'right eyebrow'"});
  expect("unknown-part", Severity::kError, helen_map(id, 11), {"lbl10"});
  EXPECT_THAT(user_error([&] { open_dataset(root()); }), HasSubstr(helen_map(id, 3)));
}

TEST_F(Helen, MapsMustBeProbabilities) {
  const fs::path file = root() / helen_map("100032545_1", 6);
  const auto error = [&] {
    return user_error([&] { open_dataset(root())->read(Split::kTest, 0); });
  };
  write_label_png(file, LabelMap(kSide, kSide, 0), voc_palette(2));
  EXPECT_THAT(error(), AllOf(HasSubstr("lbl06.png"), HasSubstr("palette")));
  store_rgb(file, LabelMap(kSide, kSide, 0), {{10, 20, 30}});
  EXPECT_THAT(error(), AllOf(HasSubstr("lbl06.png"), HasSubstr("(10,20,30)")));
  store_rgb(file, LabelMap(kSide, kSide, 0), {{255, 255, 255}});
  EXPECT_EQ(open_dataset(root())->read(Split::kTest, 0).labels, LabelMap(kSide, kSide, 6));
  store_gray(file, LabelMap(kSide, 2, 0));
  EXPECT_THAT(error(), AllOf(HasSubstr("lbl06.png"), HasSubstr("24x2")));
  expect("size-mismatch", Severity::kError, helen_map("100032545_1", 6), {"24x2"});
}

TEST_F(Helen, BadListLinesAreNamed) {
  for (const char* line : {"100032545_1", "6 ,", ",", "7 , ../../x"}) {
    store(root() / "testing.txt", std::string("6 , 100032545_1\n") + line + "\n");
    expect("malformed-list", Severity::kError, "testing.txt", {"line 2", line});
  }
  store(root() / "testing.txt", "6 , 100032545_1\n7 , gone_1\n");
  expect("listed-but-missing", Severity::kError, "testing.txt", {"'gone_1'"});
}

TEST_F(Helen, ProbabilitiesBelowTheLeastAreAllIgnored) {
  Inventory inventory = scan_helen(root(), {.least_probability = 0.9});
  EXPECT_THAT(inventory.findings, IsEmpty());
  std::vector<Finding> findings;
  const auto labels = compose_labels(inventory.at(Split::kTest).front(), inventory, findings);
  ASSERT_TRUE(labels);
  EXPECT_EQ(*labels, LabelMap(kSide, kSide, LabelMap::kIgnore));
}

TEST(FaceClasses, SidesAndGroupsAreThoseOfTheSpecification) {
  const DatasetInfo celeba = celebamask_hq_info();
  EXPECT_THAT(celeba.mirror_pairs, ElementsAre(Pair(4, 5), Pair(6, 7), Pair(8, 9)));
  EXPECT_THAT(
      celeba.groups,
      ElementsAre(
          ClassGroup{"eyes", {4, 5}},
          ClassGroup{"brows", {6, 7}},
          ClassGroup{"mouth", {10, 11, 12}},
          ClassGroup{"overall", {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}}));
  const DatasetInfo helen = helen_info();
  EXPECT_THAT(helen.mirror_pairs, ElementsAre(Pair(2, 3), Pair(4, 5)));
  EXPECT_THAT(helen.groups,
              ElementsAre(ClassGroup{"eyes", {4, 5}},
                          ClassGroup{"brows", {2, 3}},
                          ClassGroup{"mouth", {7, 8, 9}},
                          ClassGroup{"overall", {2, 3, 4, 5, 6, 7, 8, 9}}));
}

}  // namespace
}  // namespace parsimony::data
