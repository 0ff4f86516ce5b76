// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/templates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "parsimony/core/error.h"

namespace parsimony::space {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

// Published genotypes, spec rl-cell-search 7.2.
constexpr const char* kArch0 =
    "[[[3,0,1],[4,1,1],[3,1,1]],"
    "[[0,1,0,0,1],[2,1,2,1,0],[3,1,1,1,0],[1,1,2,0,0],[3,0,2,0,0],[5,3,2,1,0],[0,5,0,1,0]]]";
constexpr const char* kArch1 =
    "[[[1,1,0],[1,3,0],[3,4,0]],"
    "[[1,1,0,0,0],[0,1,1,1,1],[3,1,2,3,0],[3,0,2,2,0],[0,1,2,0,0],[2,1,1,3,0],[4,0,2,2,0]]]";

std::string error_of(std::string_view text) {
  try {
    parse_template_genotype(text);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    return error.what();
  }
  return "no error";
}

TEST(TemplateGenotype, ReadsThePublishedForm) {
  const TemplateGenotype arch0 = parse_template_genotype(kArch0);
  ASSERT_EQ(arch0.templates.size(), 3u);
  EXPECT_EQ(arch0.templates[0],
            (Template{TemplateOp::kMaxPool3x3, TemplateOp::kSepConv3x3, Aggregation::kConcat}));
  EXPECT_EQ(arch0.templates[1],
            (Template{TemplateOp::kSepConv5x5Dil6, TemplateOp::kSepConv5x5, Aggregation::kConcat}));
  ASSERT_EQ(arch0.blocks.size(), 7u);
  EXPECT_EQ(arch0.blocks[0], (TemplateBlock{0, 1, 0, 1, true}));
  EXPECT_EQ(arch0.blocks[5], (TemplateBlock{5, 3, 2, 2, false}));
}

// Pool entries 4, 6, 7, 8 and 5, 6, 7, 8 less the two taps.
TEST(TemplateGenotype, CollectsBlocksThatNobodyReads) {
  EXPECT_THAT(parse_template_genotype(kArch0).collected_blocks(), ElementsAre(2, 4, 5, 6));
  EXPECT_THAT(parse_template_genotype(kArch1).collected_blocks(), ElementsAre(3, 4, 5, 6));
}

TEST(TemplateGenotype, TextRoundTripIgnoresBlanks) {
  EXPECT_EQ(to_text(parse_template_genotype(kArch1)), kArch1);
  EXPECT_EQ(to_text(parse_template_genotype(" [[ [1, 1,0] ], [[1,1,0 ,0,0],[2,0,0,3,0]]] ")),
            "[[[1,1,0]],[[1,1,0,0,0],[2,0,0,3,0]]]");
}

TEST(TemplateGenotype, ErrorsNameColumnAndExpectation) {
  EXPECT_THAT(error_of("[[[6,0,0]],[[0,0,0,0,0]]]"),
              HasSubstr("column 4: operation 6 is not one of the 6 operations"));
  EXPECT_THAT(error_of("[[[0,0,2]],[[0,0,0,0,0]]]"),
              HasSubstr("aggregation 2 is not one of the 2 aggregations"));
  EXPECT_THAT(error_of("[[[0,0,0]],[[0,2,0,0,0]]]"),
              HasSubstr("index 2 points past the 2 entries of the decoder pool"));
  EXPECT_THAT(error_of("[[[0,0,0]],[[0,0,1,0,0]]]"),
              HasSubstr("index 1 points past the 1 templates"));
  EXPECT_THAT(error_of("[[[0,0,0]],[[0,0,0,4,0]]]"),
              HasSubstr("4 is not one of the 4 codes for 1 to 4 repeats"));
  EXPECT_THAT(error_of("[[[0,0,0]],[[0,0,0,0,2]]]"),
              HasSubstr("2 is not one of the 2 codes for the strides 1 and 2"));
  EXPECT_THAT(error_of("[[[0,0,0]],[[0,0,0,0]]]"),
              HasSubstr("expected ',', found ']'. The form is [[[o1,o2,agg"));
  EXPECT_THAT(error_of("[[[0,0,0]],[]]"), HasSubstr("column 13: expected '[', found ']'"));
  EXPECT_THAT(error_of("[[[0,0,0]],[[0,0,0,0,0]]]]"), HasSubstr("expected the end of the text"));
  // Three blocks: only the first may shrink.
  EXPECT_THAT(error_of("[[[0,0,0]],[[0,0,0,0,1],[0,0,0,0,1],[0,0,0,0,0]]]"),
              HasSubstr("block 1 has stride 2, but of 3 blocks only the first 1 can"));
  EXPECT_THAT(error_of("[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]"),
              HasSubstr("expected '[', found '8'"));
}

// Spec 7.1: 44 actions, 1.74e23 sequences: 72 templates each, 8! squared pairs of inputs, 3
// templates and 4 repeats for each of 7 blocks, 2 strides for 3 of them.
TEST(TemplateSpace, SizeMatchesThePublishedSpace) {
  const TemplateSpace space;
  EXPECT_EQ(space.decisions().size(), 44u);
  EXPECT_EQ(space.warm_up_steps(), 2);
  const double sequences =
      std::pow(72, 3) * std::pow(40320, 2) * std::pow(3, 7) * std::pow(4, 7) * std::pow(2, 3);
  EXPECT_NEAR(sequences, 1.74e23, 0.005e23);
  EXPECT_NEAR(log_size(space), std::log(sequences), 1e-9);
}

// One head for operations, aggregations, templates and repeats each, two for strides, two for the
// inputs of each block.
TEST(TemplateSpace, SharesHeads) {
  const TemplateSpace space;
  std::set<std::string> heads;
  for (const Decision& decision : space.decisions()) heads.insert(decision.head);
  EXPECT_EQ(heads.size(), 4 + 2 + 14u);
}

TEST(TemplateSpace, TokensAreTheFlatText) {
  EXPECT_THAT(TemplateSpace().parse(kArch1),
              ElementsAreArray({1, 1, 0, 1, 3, 0, 3, 4, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 3, 1, 2,
                                3, 0, 3, 0, 2, 2, 0, 0, 1, 2, 0, 0, 2, 1, 1, 3, 0, 4, 0, 2, 2, 0}));
}

TEST(TemplateSpace, TokensAndTextRoundTrip) {
  for (const TemplateSpaceOptions options :
       {TemplateSpaceOptions{}, TemplateSpaceOptions{1, 1}, TemplateSpaceOptions{2, 4}}) {
    const TemplateSpace space(options);
    core::Rng rng(7);
    for (int i = 0; i < 200; ++i) {
      const Tokens tokens = sample(space, rng);
      EXPECT_EQ(space.parse(space.text(tokens)), tokens);
    }
  }
}

TEST(TemplateSpace, RepeatsAreWhatIsOrdered) {
  const TemplateSpace space;
  for (const Decision& decision : space.decisions())
    EXPECT_EQ(decision.ordered, decision.head == "repeats") << decision.name;
}

TEST(TemplateSpace, RejectsGenotypesOfAnotherSize) {
  EXPECT_THROW(TemplateSpace().parse("[[[1,1,0]],[[1,1,0,0,0]]]"), core::Error);
  EXPECT_NO_THROW(TemplateSpace({.templates = 1, .blocks = 1}).parse("[[[1,1,0]],[[1,1,0,0,0]]]"));
}

}  // namespace
}  // namespace parsimony::space
