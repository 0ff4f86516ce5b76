// SPDX-License-Identifier: Apache-2.0
// Real data sets, where they are at hand: $PARSIMONY_SHARED/data or ../shared/data beside the
// repository.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "parsimony/data/check.h"
#include "parsimony/data/dataset.h"
#include "parsimony/data/fixtures_for_test.h"

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

TEST(RealPosePack, SaysThatItHasNoLabelMaps) {
  if (!std::filesystem::exists(packs() / "lspet"))
    GTEST_SKIP() << "NOT TESTED: no real data sets in " << packs();
  EXPECT_THAT(user_error([] { open_dataset(packs() / "lspet"); }),
              AllOf(HasSubstr("human_pose"), HasSubstr("no label maps")));
}

}  // namespace
}  // namespace parsimony::data
