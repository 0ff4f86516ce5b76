// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "parsimony/data/augment.h"
#include "parsimony/data/face_classes.h"
#include "parsimony/data/fixtures_for_test.h"

namespace parsimony::data {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

DatasetInfo face() {
  DatasetInfo info{"face",
                   "memory",
                   {"background", "skin", "l_eye", "r_eye", "nose", "hat"},
                   voc_palette(6),
                   {{2, 3}},
                   {{"eyes", {2, 3}}, {"overall", {2, 3, 4}}}};
  return info;
}

ClassMap merge(const std::vector<std::string>& arguments, const DatasetInfo& info = face()) {
  return merge_map(info, arguments);
}

std::vector<int> ids_of(const ClassMap& map, std::size_t classes) {
  return {map.ids.begin(), map.ids.begin() + static_cast<std::ptrdiff_t>(classes)};
}

std::string error_of(const std::vector<std::string>& arguments) {
  return user_error([&] { merge(arguments); });
}

TEST(Merge, UnnamedClassesStayAndMergedOnesStandWhereTheFirstStood) {
  const ClassMap map = merge({"eyes = r_eye, l_eye", "ignore=hat"});
  EXPECT_THAT(map.info.classes, ElementsAre("background", "skin", "eyes", "nose"));
  EXPECT_THAT(ids_of(map, 6), ElementsAre(0, 1, 2, 2, 3, 255));
  EXPECT_EQ(map.ids[LabelMap::kIgnore], LabelMap::kIgnore);
  EXPECT_EQ(map.info.palette[2], voc_palette(6)[2]);
  EXPECT_EQ(map.info.palette[3], voc_palette(6)[4]);
  EXPECT_THAT(map.info.mirror_pairs, IsEmpty());
  EXPECT_THAT(map.info.groups, ElementsAre(ClassGroup{"eyes", {2}}, ClassGroup{"overall", {2, 3}}));
}

TEST(Merge, ACompleteListGivesTheOrder) {
  const ClassMap map = merge({"nose=nose", "eyes=l_eye,r_eye", "rest=background,hat", "skin=skin"});
  EXPECT_THAT(map.info.classes, ElementsAre("nose", "eyes", "rest", "skin"));
  EXPECT_THAT(ids_of(map, 6), ElementsAre(2, 3, 1, 1, 0, 2));
}

TEST(Merge, PairsFollowAndMixedGroupsGo) {
  const ClassMap map = merge({"face=skin,nose"});
  EXPECT_THAT(map.info.classes, ElementsAre("background", "face", "l_eye", "r_eye", "hat"));
  EXPECT_THAT(map.info.mirror_pairs, ElementsAre(Pair(2, 3)));
  EXPECT_THAT(map.info.groups, ElementsAre(ClassGroup{"eyes", {2, 3}}));
}

TEST(Merge, WithoutMergesNothingChanges) {
  const ClassMap map = merge({});
  EXPECT_EQ(map.info.classes, face().classes);
  EXPECT_EQ(map.info.groups, face().groups);
  EXPECT_EQ(map.info.mirror_pairs, face().mirror_pairs);
}

TEST(Merge, WhatCannotBeIsRefused) {
  EXPECT_THAT(error_of({"eyes=l_eye,r_eyes"}), AllOf(HasSubstr("'r_eyes'"), HasSubstr("'r_eye'")));
  EXPECT_THAT(error_of({"a=nose", "b=hat,nose"}), AllOf(HasSubstr("'nose'"), HasSubstr("'a'")));
  EXPECT_THAT(error_of({"a=nose,nose"}), HasSubstr("named twice"));
  EXPECT_THAT(error_of({"hat=nose"}), AllOf(HasSubstr("'hat'"), HasSubstr("two classes")));
  EXPECT_THAT(error_of({"a=nose", "a=hat"}), HasSubstr("two classes"));
  EXPECT_THAT(error_of({"ignore=background,skin,l_eye,r_eye,nose,hat"}), HasSubstr("is left"));
  for (const char* text : {"eyes", "=l_eye", "eyes=", " = ", ""})
    EXPECT_THAT(error_of({text}), HasSubstr("NAME=CLASS")) << text;
  EXPECT_THAT(error_of({"eyes=l_eye,"}), HasSubstr("class ''"));
  // Sides that no longer match.
  EXPECT_THAT(error_of({"x=l_eye,nose"}), AllOf(HasSubstr("both sides"), HasSubstr("'x'")));
  EXPECT_THAT(error_of({"ignore=l_eye"}), HasSubstr("both sides"));
}

// The sets that a map may meet: mirrored and merged is merged and mirrored, whatever the merges.
TEST(Merge, CommutesWithTheMirror) {
  const DatasetInfo info = celebamask_hq_info();
  const std::vector<std::vector<std::string>> cases = {
      {"celebamask_hq-to-helen"},
      {"left=l_eye,l_brow", "right=r_eye,r_brow"},
      {"eyes=l_eye,r_eye", "ignore=l_ear,r_ear,hat"},
      {"head=skin,nose,l_ear,r_ear"}};
  Sample sample{make_image(19, 3, 5), make_labels(19, 3, 19), info.mirror_pairs};
  sample.labels.at(7, 1) = LabelMap::kIgnore;
  const AugmentOptions options = {
      .crop = 3, .shorter_side = 0, .scale_min = 1, .scale_max = 1, .mirror = 1};
  for (const auto& arguments : cases) {
    const ClassMap map = merge(arguments, info);
    const auto merged = [&map](Sample from) {
      for (std::uint8_t& id : from.labels.ids) id = map.ids[id];
      from.mirror_pairs = map.info.mirror_pairs;
      return from;
    };
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      EXPECT_EQ(augment(merged(sample), options, core::Rng(seed)).labels,
                merged(augment(sample, options, core::Rng(seed))).labels)
          << arguments.front();
    }
  }
}

TEST(Merge, CelebAMaskHqBecomesHelenWithSidesExchanged) {
  for (const PartOrder order : {PartOrder::kOfficial, PartOrder::kBisenet}) {
    const DatasetInfo info = celebamask_hq_info(order);
    const ClassMap map = merge({"celebamask_hq-to-helen"}, info);
    EXPECT_EQ(map.info.classes, helen_info().classes);
    EXPECT_EQ(map.info.groups, helen_info().groups);
    EXPECT_EQ(map.info.mirror_pairs, helen_info().mirror_pairs);
    EXPECT_EQ(map.info.palette, helen_info().palette);
    const auto target = [&](const std::string& part) {
      const auto found = std::ranges::find(info.classes, part);
      return int{map.ids[static_cast<std::size_t>(found - info.classes.begin())]};
    };
    // spec rl-cell-search, section 8.6: skin, r_brow, l_brow, r_eye, l_eye, ... are 1 to 10.
    int id = 0;
    for (const char* part : {"skin",
                             "r_brow",
                             "l_brow",
                             "r_eye",
                             "l_eye",
                             "nose",
                             "u_lip",
                             "mouth",
                             "l_lip",
                             "hair"}) {
      EXPECT_EQ(target(part), ++id) << part;
    }
    for (const char* part : {"background", "eye_g", "hat", "l_ear", "ear_r", "neck", "cloth"})
      EXPECT_EQ(target(part), 0) << part;
  }
  EXPECT_THAT(error_of({"celebamask_hq-to-helen"}), HasSubstr("has no class"));
  EXPECT_THAT(error_of({"celebamask_hq-to-helen", "a=nose"}), HasSubstr("stands alone"));
}

TEST(Merge, TheSetIsSeenThroughTheMap) {
  auto source = std::make_unique<MemoryDataset>(face());
  LabelMap labels = make_labels(kSide, kSide, 6);
  labels.at(0, 0) = LabelMap::kIgnore;
  source->add(Split::kVal, "a", {make_image(kSide, kSide), labels});
  const Sample before = source->read(Split::kVal, 0);
  EXPECT_EQ(before.mirror_pairs, face().mirror_pairs);
  ClassMap map = merge({"eyes=l_eye,r_eye", "ignore=hat"});
  const MergedDataset set(std::move(source), map);
  EXPECT_EQ(set.size(Split::kVal), 1);
  EXPECT_EQ(set.size(Split::kTrain), 0);
  EXPECT_EQ(set.id(Split::kVal, 0), "a");
  EXPECT_EQ(set.info().classes, map.info.classes);
  const Sample sample = set.read(Split::kVal, 0);
  EXPECT_EQ(sample.image, before.image);
  EXPECT_THAT(sample.mirror_pairs, IsEmpty());
  for (std::size_t i = 0; i < labels.ids.size(); ++i)
    ASSERT_EQ(sample.labels.ids[i], map.ids[labels.ids[i]]);
}

}  // namespace
}  // namespace parsimony::data
