// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/graph/drawing.h"
#include "parsimony/graph/lower.h"
#include "parsimony/graph/testing.h"
#include "parsimony/space/grid_space.h"

namespace parsimony::graph {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kD1 =
    "{cell:[[1,0,sep3],[2,0,sep5],[2,1,dil3],[3,0,skip],[3,2,sep3],[4,1,dil5],[4,3,sep3]],"
    "paths:[[0-0,0-1],[0-0,0-1,1-1,1-2],[0-0,0-1,1-1,1-2,2-2,2-3],[0-0,1-0,1-1,2-1,2-2,3-2]]}";

TEST(GridDrawing, ArbitraryGenotypesGiveWellFormedSvg) {
  core::Rng rng(5);
  for (int i = 0; i < 60; ++i) {
    GridOptions options;
    options.rules = {static_cast<space::GridConnectivity>(i % 2),
                     static_cast<space::GridStart>(i / 2 % 2)};
    const space::GridGenotype genotype{
        space::random_cell(static_cast<int>(1 + rng.below(6)), 1 + i % 2, rng),
        space::random_paths(static_cast<int>(1 + rng.below(6)), options.rules, rng)};
    for (const std::string& svg : {draw_grid_cell(genotype.cell), draw_paths(genotype, options)}) {
      EXPECT_EQ(xml_fault(svg), "") << to_text(genotype);
      EXPECT_THAT(svg, Not(HasSubstr("nan")));
      EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-label=\""));
    }
  }
}

TEST(GridDrawing, TheCellShowsInputsOperationsAndSums) {
  const std::vector<Drawing> drawings = draw(space::parse_genotype(kD1), NetworkDescription{});
  ASSERT_EQ(drawings.size(), 2u);
  EXPECT_EQ(drawings[0].name, "cell");
  // The input, 7 operations, 3 sums, the output.
  EXPECT_EQ(occurrences(drawings[0].svg, "<g class=\"b"), 1 + 7 + 3 + 1u);
  EXPECT_EQ(occurrences(drawings[0].svg, "<circle"), 3u);
  EXPECT_EQ(occurrences(drawings[0].svg, ">dilation 2</text>"), 2u);
  EXPECT_THAT(drawings[0].svg, HasSubstr("concatenate 4"));
}

TEST(GridDrawing, TheGridShowsPathsAndNodesThatNoPathLeadsTo) {
  const std::string svg = draw(space::parse_genotype(kD1), NetworkDescription{})[1].svg;
  // Stem, 13 nodes, head; 18 paths and three to the head.
  EXPECT_EQ(occurrences(svg, "<g class=\"b"), 1 + 13 + 1u);
  EXPECT_EQ(occurrences(svg, "<g class=\"b f\""), 1u);  // layer 4, stride 32
  EXPECT_EQ(occurrences(svg, "<g class=\"a"), 18 + 3u);
  EXPECT_EQ(occurrences(svg, "fuses 2</text>"), 6u);
  EXPECT_THAT(svg, HasSubstr("80 ch"));
  EXPECT_THAT(svg, HasSubstr("layer 4, stride 32: no path leads here"));
  EXPECT_THAT(svg, HasSubstr("layer 2: down from scale 1 to 2"));
  EXPECT_THAT(svg, HasSubstr("4 cells in a node, iterative, of half of the channels; softmax_in"));
}

}  // namespace
}  // namespace parsimony::graph
