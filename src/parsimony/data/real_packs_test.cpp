// SPDX-License-Identifier: Apache-2.0
// Real data sets, where they are at hand: $PARSIMONY_SHARED/data or ../shared/data beside the
// repository.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "parsimony/data/check.h"
#include "parsimony/data/dataset.h"
#include "parsimony/data/fixtures_for_test.h"
#include "parsimony/data/skeleton.h"

namespace parsimony::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::user_error;

std::filesystem::path packs() {
  const char* shared = std::getenv("PARSIMONY_SHARED");
  return (shared != nullptr ? std::filesystem::path(shared) : std::filesystem::path("../shared")) /
         "data";
}

CheckReport check(const std::filesystem::path& root) {
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  return check_dataset(root, core::Context{log, progress, stop, 2});
}

struct Pack {
  const char* name;
  std::array<std::int64_t, 3> images;
  std::int64_t pixels_of_class_1;  // as its dataset.json states, from an independent program
};

class RealPacks : public ::testing::TestWithParam<Pack> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(packs() / GetParam().name)) {
      GTEST_SKIP() << "NOT TESTED: no real data sets in " << packs() << "; set PARSIMONY_SHARED";
    }
  }
};

TEST_P(RealPacks, AreSoundAndCountedRight) {
  const CheckReport report = check(packs() / GetParam().name);
  EXPECT_EQ(report.images, GetParam().images);
  ASSERT_GT(report.classes.size(), 1u);
  const auto& pixels = report.classes[1].pixels;
  EXPECT_EQ(pixels[0] + pixels[1] + pixels[2], GetParam().pixels_of_class_1);
  EXPECT_TRUE(report.ok()) << to_text(report);
}

TEST_P(RealPacks, OpenAndRead) {
  const auto set = open_dataset(packs() / GetParam().name);
  for (const Split split : {Split::kTrain, Split::kVal, Split::kTest}) {
    EXPECT_EQ(set->size(split), GetParam().images[static_cast<std::size_t>(split)]);
    EXPECT_NO_THROW(set->read(split, set->size(split) - 1));
  }
}

INSTANTIATE_TEST_SUITE_P(Packs,
                         RealPacks,
                         ::testing::Values(Pack{"camvid", {367, 101, 233}, 29187991},
                                           Pack{"eg1800", {1152, 130, 263}, 106814589},
                                           Pack{"fasseg", {176, 26, 142}, 17783592},
                                           Pack{"nyuv2", {420, 60, 200}, 5405394},
                                           Pack{"dsb2018", {465, 66, 133}, 8375364}),
                         [](const auto& instance) { return std::string(instance.param.name); });

void skip_without(const char* pack) {
  if (!std::filesystem::exists(packs() / pack)) {
    GTEST_SKIP() << "NOT TESTED: no real data set " << packs() / pack << "; set PARSIMONY_SHARED";
  }
}

TEST(RealPosePack, IsSound) {
  skip_without("lspet");
  if (IsSkipped()) return;
  const CheckReport report = check(packs() / "lspet");
  EXPECT_EQ(report.images, (std::array<std::int64_t, 3>{1480, 150, 400}));
  ASSERT_EQ(report.joints.size(), 14u);
  for (const JointStatistics& joint : report.joints)  // the pack holds the fully visible people
    EXPECT_EQ(joint.labelled, report.images) << joint.name;
  EXPECT_TRUE(report.ok()) << to_text(report);
}

TEST(RealPosePack, OpensWholeAndItsUprightPeople) {
  skip_without("lspet");
  if (IsSkipped()) return;
  const auto set = open_dataset(packs() / "lspet", {.targets = {Target::kPose}});
  EXPECT_EQ(set->info().skeleton, lsp_skeleton());
  EXPECT_EQ(set->size(Split::kTest), 400);
  EXPECT_EQ(set->id(Split::kTrain, 0), "im00008");
  const Sample sample = set->read(Split::kTrain, 0);
  EXPECT_EQ(sample.image.width, 160);
  EXPECT_EQ(sample.pose->joints[0], (Joint{74.1F, 35.17F, Visibility::kVisible}));
  const auto upright =
      open_dataset(packs() / "lspet", {.targets = {Target::kPose}, .subset = "upright"});
  EXPECT_EQ(upright->size(Split::kTrain), 798);
  EXPECT_EQ(upright->size(Split::kVal), 69);
  EXPECT_EQ(upright->size(Split::kTest), 220);
  for (std::int64_t i = 0; i < upright->size(Split::kVal); ++i) {
    const Pose pose = *upright->read(Split::kVal, i).pose;
    EXPECT_LT(pose.joints[13].y, pose.joints[2].y) << upright->id(Split::kVal, i);
  }
}

TEST(RealPosePack, SaysThatItHasNoClasses) {
  skip_without("lspet");
  if (IsSkipped()) return;
  EXPECT_THAT(user_error([] { open_dataset(packs() / "lspet"); }),
              AllOf(HasSubstr("labelled with pose"), HasSubstr("classes was asked for")));
}

TEST(RealDepthPack, HasDepthAndClasses) {
  skip_without("nyuv2");
  if (IsSkipped()) return;
  const auto set = open_dataset(packs() / "nyuv2", {.targets = {}});
  EXPECT_EQ(set->info().targets, (TargetSet{Target::kClasses, Target::kDepth}));
  EXPECT_EQ(set->info().depth_scale, 100);
  const Sample sample = set->read(Split::kTest, 0);
  EXPECT_EQ(sample.depth.width, 320);
  EXPECT_EQ(sample.labels.height, 240);
  const CheckReport report = check(packs() / "nyuv2");
  ASSERT_TRUE(report.depth);
  EXPECT_NEAR(report.depth->least, 0.71, 0.005);     // as its dataset.json states
  EXPECT_NEAR(report.depth->largest, 9.977, 0.005);  // in centimetres
  EXPECT_EQ(report.depth->valid, 1);
  const auto wrong =
      open_dataset(packs() / "nyuv2", {.targets = {Target::kDepth}, .depth_scale = 1});
  EXPECT_THAT(user_error([&] { wrong->read(Split::kTest, 0); }), HasSubstr("centimetres"));
}

}  // namespace
}  // namespace parsimony::data
