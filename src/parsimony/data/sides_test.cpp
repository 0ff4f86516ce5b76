// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/sides.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parsimony::data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(MirrorPairs, NamesThatDifferInTheirSideOnly) {
  EXPECT_THAT(mirror_pairs_of({"background", "l_eye", "r_eye", "nose"}), ElementsAre(Pair(1, 2)));
  EXPECT_THAT(mirror_pairs_of({"Right-Eye", "left eye"}), ElementsAre(Pair(1, 0)));
  EXPECT_THAT(mirror_pairs_of({"brow_l", "brow_r", "l.arm.upper", "r arm upper"}),
              ElementsAre(Pair(0, 1), Pair(2, 3)));
  EXPECT_THAT(mirror_pairs_of({"left", "right"}), ElementsAre(Pair(0, 1)));
}

TEST(MirrorPairs, NotWithoutAPartnerNorWhereTheSideIsUnsure) {
  // CelebAMask-HQ's lower lip, ear ring and necklace name no side.
  EXPECT_THAT(mirror_pairs_of({"u_lip", "l_lip", "ear_r", "neck_l", "l_ear"}), IsEmpty());
  EXPECT_THAT(mirror_pairs_of({"l", "r"}), IsEmpty());  // letters of an alphabet
  EXPECT_THAT(mirror_pairs_of({"l_eye", "right_eye"}), IsEmpty());
  EXPECT_THAT(mirror_pairs_of({"l_eye", "l eye", "r_eye"}), IsEmpty());
  EXPECT_THAT(mirror_pairs_of({"left right", "right right", "left left"}), IsEmpty());
  EXPECT_THAT(mirror_pairs_of({"leftover", "rightover", "bright", ""}), IsEmpty());
  EXPECT_THAT(mirror_pairs_of({}), IsEmpty());
}

}  // namespace
}  // namespace parsimony::data
