// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/export_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/data/fixtures_for_test.h"
#include "parsimony/data/inventory.h"

namespace parsimony::data {
namespace {

using namespace testing;
using ::testing::HasSubstr;

MemoryDataset make_dataset() {
  MemoryDataset set(
      {"made \"here\"", "memory", {"a", "b", "c"}, {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}});
  LabelMap labels = make_labels(kSide, kSide, 3);
  labels.at(0, 0) = LabelMap::kIgnore;
  set.add(Split::kTrain, "x 1", {make_image(kSide, kSide, 1), labels});
  set.add(Split::kTrain, "x.2", {make_image(kSide, kSide, 2), labels});
  set.add(Split::kVal, "y", {make_image(kSide, kSide, 3), labels});
  return set;
}

TEST(ExportFolder, ReadsBackEqual) {
  const core::TemporaryFolder folder;
  const MemoryDataset set = make_dataset();
  write_dataset_folder(set, folder.path() / "out", 2);
  const auto back = open_dataset(folder.path() / "out");
  EXPECT_EQ(back->info().format, "folder");
  EXPECT_EQ(back->info().name, set.info().name);
  EXPECT_EQ(back->info().classes, set.info().classes);
  EXPECT_EQ(back->info().palette, set.info().palette);
  for (const Split split : kSplits) {
    ASSERT_EQ(back->size(split), set.size(split));
    for (std::int64_t i = 0; i < set.size(split); ++i) {
      EXPECT_EQ(back->id(split, i), set.id(split, i));
      EXPECT_TRUE(back->read(split, i).image == set.read(split, i).image);
      EXPECT_TRUE(back->read(split, i).labels == set.read(split, i).labels);
    }
  }
}

TEST(ExportFolder, KeepsMirrorPairsAndGroups) {
  const core::TemporaryFolder folder;
  const auto round_trip = [&folder](const DatasetInfo& info) {
    MemoryDataset set(info);
    const LabelMap labels = make_labels(kSide, kSide, 3);
    set.add(Split::kTrain, "x", {make_image(kSide, kSide, 1), labels});
    set.add(Split::kVal, "y", {make_image(kSide, kSide, 3), labels});
    static int count = 0;
    const auto out = folder.path() / std::to_string(++count);
    write_dataset_folder(set, out);
    return open_dataset(out)->info();
  };
  const std::vector<ClassGroup> groups = {{"z \"all\"", {2, 0}}, {"a", {1}}};
  const DatasetInfo declared{"made", "memory", {"a", "b", "c"}, voc_palette(3), {{2, 0}}, groups};
  EXPECT_EQ(round_trip(declared).mirror_pairs, declared.mirror_pairs);
  EXPECT_EQ(round_trip(declared).groups, groups);
  // A set that says it has no sides keeps saying so, whatever its names.
  const DatasetInfo none{"made", "memory", {"l_eye", "r_eye", "c"}, voc_palette(3)};
  EXPECT_TRUE(round_trip(none).mirror_pairs.empty());
}

TEST(ExportFolder, JpegKeepsLabelsExact) {
  const core::TemporaryFolder folder;
  const MemoryDataset set = make_dataset();
  write_dataset_folder(set, folder.path() / "out", 1, 90);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "out/images/x.2.jpg"));
  EXPECT_TRUE(open_dataset(folder.path() / "out")->read(Split::kVal, 0).labels ==
              set.read(Split::kVal, 0).labels);
}

TEST(ExportFolder, RefusesFullFoldersAndBadIds) {
  const core::TemporaryFolder folder;
  MemoryDataset set = make_dataset();
  store(folder.path() / "full/something", "x");
  EXPECT_THAT(user_error([&] { write_dataset_folder(set, folder.path() / "full"); }),
              HasSubstr("not empty"));
  set.add(Split::kTest, "y", set.read(Split::kVal, 0));
  EXPECT_THAT(user_error([&] { write_dataset_folder(set, folder.path() / "a"); }),
              HasSubstr("'y' occurs in val and in test"));
  MemoryDataset other = make_dataset();
  other.add(Split::kTest, "a/b", other.read(Split::kVal, 0));
  EXPECT_THAT(user_error([&] { write_dataset_folder(other, folder.path() / "b"); }),
              HasSubstr("'a/b'"));
}

}  // namespace
}  // namespace parsimony::data
