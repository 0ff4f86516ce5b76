// SPDX-License-Identifier: Apache-2.0
// EG1800 as its authors published it; its cleaned copies are tested in layouts_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/data/check_fixture_for_test.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/matlab_fixtures_for_test.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

class OriginalEg1800 : public ::testing::Test {
 protected:
  OriginalEg1800() { make_original_eg1800_set(root()); }
  const fs::path& root() const { return folder_.path(); }
  fs::path mask(int number) const {
    return root() / fmt::format("images_mask/{:05}_mask.mat", number);
  }
  void expect(const char* kind, Severity severity, const std::string& file, const Texts& texts) {
    const CheckReport report = check(root());
    EXPECT_THAT(report.findings, Contains(Reports(kind, severity, file, texts))) << to_text(report);
    EXPECT_EQ(severity == Severity::kNote, report.ok());
  }

 private:
  core::TemporaryFolder folder_;
};

TEST_F(OriginalEg1800, MasksAreReadUpright) {
  const auto set = open_dataset(root());
  EXPECT_EQ(set->info().format, "eg1800");
  const Sample sample = set->read(Split::kTest, 0);
  EXPECT_EQ(set->id(Split::kTest, 0), "00009");
  EXPECT_EQ(sample.image.width, kPortraitWidth);
  EXPECT_EQ(sample.labels, portrait_mask());
}

TEST_F(OriginalEg1800, ListedPicturesThatAreLostAreCountedAndUnlistedOnesLeftOut) {
  const auto set = open_dataset(root());
  EXPECT_EQ(set->size(Split::kTrain), 7);
  EXPECT_EQ(set->size(Split::kVal), 1);  // a tenth of train
  EXPECT_EQ(set->size(Split::kTest), 2);
  expect("listed-but-missing", Severity::kNote, "trainlist.mat", {"2 of 10 listed"});
  expect("listed-but-missing", Severity::kNote, "testlist.mat", {"1 of 3 listed"});
  expect("unlisted-file", Severity::kNote, "images_data_crop", {"2 of 13 pictures"});
}

TEST_F(OriginalEg1800, WithoutTestListThereIsNoTestSplit) {
  fs::remove(root() / "testlist.mat");
  EXPECT_EQ(open_dataset(root())->size(Split::kTest), 0);
}

TEST_F(OriginalEg1800, AnyNumericClassOfMaskWillDo) {
  const LabelMap labels = portrait_mask();
  std::vector<double> values;
  for (std::int64_t x = 0; x < labels.width; ++x) {
    for (std::int64_t y = 0; y < labels.height; ++y) values.push_back(labels.at(x, y));
  }
  store_matlab(mask(9), "mask", values, {.dims = {kPortraitHeight, kPortraitWidth}});
  EXPECT_EQ(open_dataset(root())->read(Split::kTest, 0).labels, labels);
}

TEST_F(OriginalEg1800, MasksOfAnotherSizeAreErrors) {
  store_matlab_mask(mask(9), LabelMap(kPortraitHeight, kPortraitWidth, 1));
  EXPECT_THAT(user_error([&] { open_dataset(root())->read(Split::kTest, 0); }),
              AllOf(HasSubstr("00009_mask.mat"), HasSubstr("24x18"), HasSubstr("18x24")));
  expect("size-mismatch",
         Severity::kError,
         "images_mask/00009_mask.mat",
         {"24x18", "18x24", "turned by 90 degrees"});
}

TEST_F(OriginalEg1800, MasksThatCannotBeReadAreErrors) {
  const auto expect_unreadable = [&](const Texts& texts) {
    const std::string error = user_error([&] { open_dataset(root())->read(Split::kTest, 0); });
    for (const std::string& text : texts) EXPECT_THAT(error, HasSubstr(text));
    EXPECT_THAT(error, HasSubstr(mask(9).string()));
    expect("unreadable-label", Severity::kError, "images_mask/00009_mask.mat", texts);
  };
  store_matlab_mask(mask(9), portrait_mask(), "trimap");
  expect_unreadable({"no variable 'mask'", "'trimap'"});
  store_matlab<std::int16_t>(mask(9), "mask", {0, 300}, {.dims = {1, 2}});
  expect_unreadable({"holds 300 at pixel (1, 0)", "0 to 255"});
  store_matlab<std::uint8_t>(mask(9), "mask", {}, {.dims = {0, 0}});
  expect_unreadable({"0x0"});
  store(mask(9), "<html>");
  expect_unreadable({"no MATLAB file"});
}

TEST_F(OriginalEg1800, ListsThatCannotBeReadAreErrors) {
  const auto expect_malformed = [&](const Texts& texts) {
    const std::string error = user_error([&] { open_dataset(root()); });
    for (const std::string& text : texts) EXPECT_THAT(error, HasSubstr(text));
    expect("malformed-list", Severity::kError, "testlist.mat", texts);
  };
  store_matlab_list(root() / "testlist.mat", "list", {9});
  expect_malformed({"no variable 'testlist'", "'list'"});
  store_matlab<double>(root() / "testlist.mat", "testlist", {1, 2, 3, 4}, {.dims = {2, 2}});
  expect_malformed({"2x2", "one row"});
  store_matlab_list(root() / "testlist.mat", "testlist", {9, 0});
  expect_malformed({"holds 0", "1 to 99999"});
  store(root() / "testlist.mat", "9\n10\n");
  expect_malformed({"no MATLAB file"});
  store_matlab_list(root() / "testlist.mat", "testlist", {9, 1});
  expect("duplicate-id", Severity::kError, "testlist.mat", {"'00001'", "train"});
}

TEST_F(OriginalEg1800, IsFoundByListsAndBothFolders) {
  EXPECT_EQ(why_not_eg1800_original(root()), "");
  for (const char* part : {"trainlist.mat", "images_data_crop", "images_mask"}) {
    fs::rename(root() / part, root() / "elsewhere");
    EXPECT_THAT(why_not_eg1800_original(root()), HasSubstr(part));
    EXPECT_THAT(user_error([&] { open_dataset(root()); }), HasSubstr(part));
    fs::rename(root() / "elsewhere", root() / part);
  }
}

}  // namespace
}  // namespace parsimony::data
