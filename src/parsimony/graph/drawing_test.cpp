// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/drawing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/rng.h"
#include "parsimony/graph/lower.h"
#include "parsimony/graph/testing.h"

namespace parsimony::graph {
namespace {

using space::CellGenotype;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

CellGenotype arch0() {
  return space::parse_cell_genotype("[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]");
}

TEST(Drawing, ArbitraryGenotypesGiveWellFormedSvg) {
  core::Rng rng(3);
  for (int i = 0; i < 120; ++i) {
    const space::CellSpace cells({.blocks = static_cast<int>(1 + rng.below(8)),
                                  .cell_layers = static_cast<int>(1 + rng.below(7))});
    const CellGenotype genotype = cells.genotype(space::sample(cells, rng));
    for (const std::string& svg : {draw_cell(genotype), draw_decoder(genotype)}) {
      EXPECT_EQ(xml_fault(svg), "") << to_text(genotype);
      EXPECT_THAT(svg, Not(HasSubstr("nan")));
      EXPECT_THAT(svg, Not(HasSubstr("inf ")));
      EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-label=\""));
      EXPECT_THAT(svg, Not(HasSubstr("http://www.w3.org/1999")));
    }
  }
}

TEST(Drawing, ArbitraryTemplatesGiveWellFormedSvg) {
  core::Rng rng(4);
  for (int i = 0; i < 60; ++i) {
    const space::TemplateSpace templates({.templates = static_cast<int>(1 + rng.below(5)),
                                          .blocks = static_cast<int>(1 + rng.below(9))});
    const space::TemplateGenotype genotype = templates.genotype(space::sample(templates, rng));
    for (const std::string& svg : {draw_templates(genotype), draw_decoder(genotype)}) {
      EXPECT_EQ(xml_fault(svg), "") << to_text(genotype);
      EXPECT_THAT(svg, Not(HasSubstr("nan")));
      EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-label=\""));
    }
  }
}

TEST(Drawing, TemplatesAndTheirDecoder) {
  const space::Genotype genotype =
      space::parse_genotype("[[[3,0,1],[4,1,0],[5,2,1]],[[0,0,0,0,1],[2,0,1,2,0],[2,0,1,0,0]]]");
  const std::vector<Drawing> drawings = draw(genotype, NetworkDescription{});
  ASSERT_EQ(drawings.size(), 2u);
  EXPECT_EQ(drawings[0].name, "templates");
  EXPECT_EQ(occurrences(drawings[0].svg, "<g class=\"b"), 3 * 6u);
  EXPECT_EQ(occurrences(drawings[0].svg, "<g class=\"b f\""), 6u);  // no block uses template 2
  EXPECT_THAT(drawings[0].svg, HasSubstr("max pool 3×3"));
  EXPECT_EQ(drawings[1].title, "Decoder");
  EXPECT_EQ(occurrences(drawings[1].svg, "<g class=\"b"), 2 + 3 + 1 + 1u);
  EXPECT_EQ(occurrences(drawings[1].svg, "<g class=\"b f\""), 1u);  // tap 1 is read by nobody
  EXPECT_THAT(drawings[1].svg, HasSubstr("template 1 × 3"));
  EXPECT_THAT(drawings[1].svg, HasSubstr("each operation at stride 2"));
  EXPECT_THAT(drawings[1].svg, HasSubstr("concatenate 2"));
}

TEST(Drawing, CellShowsEveryOperationAndSum) {
  const std::string svg = draw_cell(arch0());
  // Input, first operation, three layers of two operations and a sum, output.
  EXPECT_EQ(occurrences(svg, "<g class=\"b"), 1 + 1 + 3 * 3 + 1u);
  EXPECT_EQ(occurrences(svg, "<circle"), 3u);
  EXPECT_EQ(occurrences(svg, ">sep 5×5</text>"), 3u);
  EXPECT_THAT(svg, HasSubstr("feature 6 = sep5x5 d6 of feature 2"));
  EXPECT_THAT(svg, HasSubstr("its output is the sum of 4 feature maps"));
  EXPECT_THAT(svg, Not(HasSubstr("class=\"b f\"")));
}

TEST(Drawing, DecoderShowsTapsBlocksAndHead) {
  const std::string svg = draw_decoder(arch0());
  EXPECT_EQ(occurrences(svg, "<g class=\"b"), 4 + 3 + 1 + 1u);
  EXPECT_EQ(occurrences(svg, "<g class=\"b f\""), 1u);  // tap 1 is read by nobody
  EXPECT_THAT(svg, HasSubstr("no block reads it"));
  EXPECT_THAT(svg, HasSubstr("concatenate 3"));
  EXPECT_THAT(svg, HasSubstr("logits at stride 4"));
  EXPECT_THAT(draw_decoder(arch0(), {2, 4, 8, 16}), HasSubstr("logits at stride 2"));
}

TEST(Drawing, OneCollectedBlockNeedsNoConcatenation) {
  const std::string svg = draw_decoder(space::parse_cell_genotype("[[0],[[0,1],[4,4]]]"));
  EXPECT_THAT(svg, Not(HasSubstr("concatenate")));
  EXPECT_THAT(svg, HasSubstr("Decoder with 2 blocks of which 1 is collected"));
}

TEST(Drawing, WhatCannotMatterIsFound) {
  // F1 = none(F0); F2 = conv(F1), zero too; F3 = conv(F0); F4 = F2 + F3.
  EXPECT_THAT(features_that_matter(space::parse_cell_genotype("[[10,[1,0,1,1]],[[0,0]]]")),
              ElementsAre(true, false, false, true, true));
  // F1 is read by "none" only.
  EXPECT_THAT(features_that_matter(space::parse_cell_genotype("[[0,[1,0,10,1]],[[0,0]]]")),
              ElementsAre(true, false, false, true, true));
  // Everything passes through "none".
  EXPECT_THAT(features_that_matter(space::parse_cell_genotype("[[10,[1,1,1,9]],[[0,0]]]")),
              ElementsAre(false, false, false, false, false));
}

TEST(Drawing, ConstantNetworksSaySo) {
  const CellGenotype genotype = space::parse_cell_genotype("[[10],[[0,0]]]");
  for (const std::string& svg : {draw_cell(genotype), draw_decoder(genotype)}) {
    EXPECT_THAT(svg, HasSubstr("constant: every path leads through none"));
  }
}

TEST(XmlCheck, FindsFaults) {
  EXPECT_EQ(xml_fault("<svg a=\"1\"><g/><p>x &amp; y</p></svg>"), "");
  EXPECT_NE(xml_fault("<svg><g></svg>"), "");
  EXPECT_NE(xml_fault("<svg a=1></svg>"), "");
  EXPECT_NE(xml_fault("<svg a=\"1\" a=\"2\"></svg>"), "");
  EXPECT_NE(xml_fault("<svg>a & b</svg>"), "");
  EXPECT_NE(xml_fault("<svg>"), "");
}

}  // namespace
}  // namespace parsimony::graph
