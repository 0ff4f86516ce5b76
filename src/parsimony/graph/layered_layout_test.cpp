// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/layered_layout.h"

#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/core/rng.h"

namespace parsimony::graph {
namespace {

struct Picture {
  std::vector<LayoutBox> boxes;
  std::vector<LayoutArrow> arrows;
};

Picture random_picture(core::Rng rng) {
  Picture picture;
  const auto ranks = static_cast<int>(2 + rng.below(7));
  for (int rank = 0; rank < ranks; ++rank) {
    for (auto i = rng.below(4); i >= 0; --i) {
      picture.boxes.push_back({rank, rng.uniform(20, 120), rng.uniform(20, 50), rank == 0});
    }
  }
  for (std::size_t to = 0; to < picture.boxes.size(); ++to) {
    for (std::size_t from = 0; from < to; ++from) {
      if (picture.boxes[from].rank < picture.boxes[to].rank && rng.chance(0.25))
        picture.arrows.push_back({from, to});
    }
  }
  return picture;
}

class RandomLayout : public testing::TestWithParam<int> {};

TEST_P(RandomLayout, NothingLiesOnABox) {
  const Picture picture = random_picture(core::Rng(static_cast<std::uint64_t>(GetParam())));
  const Layout layout = lay_out(picture.boxes, picture.arrows, {});
  for (std::size_t b = 0; b < picture.boxes.size(); ++b) {
    const LayoutBox& box = picture.boxes[b];
    const LayoutPoint centre = layout.centres[b];
    EXPECT_GE(centre.x - box.width / 2, -1e-6);
    EXPECT_LE(centre.x + box.width / 2, layout.width + 1e-6);
    EXPECT_GE(centre.y - box.height / 2, -1e-6);
    EXPECT_LE(centre.y + box.height / 2, layout.height + 1e-6);
    for (std::size_t other = 0; other < b; ++other) {
      if (picture.boxes[other].rank != box.rank) continue;
      EXPECT_GE(std::abs(layout.centres[other].x - centre.x),
                (picture.boxes[other].width + box.width) / 2 + 10);
    }
    for (std::size_t a = 0; a < picture.arrows.size(); ++a) {
      if (picture.arrows[a].from == b || picture.arrows[a].to == b) continue;
      const auto& route = layout.routes[a];
      for (std::size_t i = 0; i + 1 < route.size(); i += 2) {
        const bool beside = std::abs(route[i].x - centre.x) > box.width / 2 + 5;
        const bool above = std::max(route[i].y, route[i + 1].y) < centre.y - box.height / 2;
        const bool below = std::min(route[i].y, route[i + 1].y) > centre.y + box.height / 2;
        EXPECT_TRUE(beside || above || below) << "arrow " << a << " runs through box " << b;
      }
    }
  }
}

TEST_P(RandomLayout, ArrowsRunFromBoxToBoxDownwards) {
  const Picture picture = random_picture(core::Rng(static_cast<std::uint64_t>(GetParam())));
  const Layout layout = lay_out(picture.boxes, picture.arrows, {});
  for (std::size_t a = 0; a < picture.arrows.size(); ++a) {
    const auto& route = layout.routes[a];
    const LayoutArrow& arrow = picture.arrows[a];
    ASSERT_EQ(route.size() % 2, 0u);
    EXPECT_NEAR(route.front().x, layout.centres[arrow.from].x, 1e-9);
    EXPECT_NEAR(
        route.front().y, layout.centres[arrow.from].y + picture.boxes[arrow.from].height / 2, 1e-9);
    EXPECT_LT(std::abs(route.back().x - layout.centres[arrow.to].x),
              picture.boxes[arrow.to].width / 2);
    EXPECT_NEAR(
        route.back().y, layout.centres[arrow.to].y - picture.boxes[arrow.to].height / 2, 1e-9);
    for (std::size_t i = 1; i < route.size(); ++i) EXPECT_GE(route[i].y, route[i - 1].y - 1e-9);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomLayout, testing::Range(0, 40));

TEST(LayeredLayout, KeepsTheOrderThatWasAskedFor) {
  const Layout layout = lay_out(
      {{0, 40, 20, true}, {0, 40, 20, true}, {1, 40, 20}, {1, 40, 20}}, {{0, 3}, {1, 2}}, {});
  EXPECT_LT(layout.centres[0].x, layout.centres[1].x);
  // The row below gives way instead: no crossing.
  EXPECT_LT(layout.centres[3].x, layout.centres[2].x);
}

TEST(LayeredLayout, BoxesWithoutArrowsStayWithTheOthers) {
  const Layout layout = lay_out({{0, 40, 20, true}, {0, 40, 20, true}, {1, 40, 20}}, {{0, 2}}, {});
  EXPECT_NEAR(layout.centres[1].x - layout.centres[0].x, 40 + LayoutOptions{}.box_gap, 1e-6);
}

}  // namespace
}  // namespace parsimony::graph
