// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/space/cell.h"

namespace parsimony::space {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kArch0 = "[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]";
constexpr const char* kArch1 = "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]";
constexpr const char* kArch2 = "[[5,[0,0,4,1],[3,2,0,1],[5,6,5,0]],[[1,3],[4,3],[2,2]]]";

std::string error_of(std::string_view text) {
  try {
    parse_cell_genotype(text);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    return error.what();
  }
  return "no error";
}

// Action vectors of the published architectures, spec rl-cell-search 11.5.
TEST(CellGenotype, ActionVectorsOfPublishedArchitectures) {
  EXPECT_THAT(action_vector(parse_cell_genotype(kArch0)),
              ElementsAre(0, 8, 0, 0, 5, 2, 0, 2, 8, 8, 0, 5, 1, 4, 3, 3, 3, 2, 3, 0));
  EXPECT_THAT(action_vector(parse_cell_genotype(kArch1)),
              ElementsAre(0, 2, 1, 0, 3, 6, 0, 1, 2, 8, 2, 0, 6, 1, 2, 3, 3, 1, 4, 4));
  EXPECT_THAT(action_vector(parse_cell_genotype(kArch2)),
              ElementsAre(0, 5, 0, 0, 4, 1, 3, 2, 0, 1, 5, 6, 5, 0, 1, 3, 4, 3, 2, 2));
}

// Textual renderings of the published cells, spec 2.3.
TEST(CellGenotype, OutputsOfPublishedCells) {
  EXPECT_THAT(parse_cell_genotype(kArch0).cell_outputs(), ElementsAre(1, 4, 7, 10));
  EXPECT_THAT(parse_cell_genotype(kArch1).cell_outputs(), ElementsAre(4, 7, 10));
  EXPECT_THAT(parse_cell_genotype(kArch0).collected_blocks(), ElementsAre(0, 1, 2));
  EXPECT_THAT(parse_cell_genotype(kArch1).collected_blocks(), ElementsAre(1, 2));
  EXPECT_THAT(parse_cell_genotype(kArch2).collected_blocks(), ElementsAre(1, 2));
}

TEST(CellGenotype, TextRoundTripIgnoresBlanks) {
  EXPECT_EQ(
      to_text(parse_cell_genotype(" [ [8, [0,0,5,2],[0,2,8,8], [0,5,1,4]],[[3,3],[3,2],[3,0] ]] ")),
      kArch0);
}

TEST(CellGenotype, ErrorsNameColumnAndExpectation) {
  EXPECT_THAT(error_of("[[8,[0,0,5,2]],[[3,3"),
              HasSubstr("column 21: expected ']', found the end"));
  EXPECT_THAT(error_of("[[8,[2,0,5,2]],[[3,3]]]"), HasSubstr("index 2 points past the 2 features"));
  EXPECT_THAT(error_of("[[11],[[3,3]]]"), HasSubstr("11 is not one of the 11 operations"));
  EXPECT_THAT(error_of("[[1],[[4,3]]]"), HasSubstr("index 4 points past the 4 entries"));
  EXPECT_THAT(error_of("[[1],[[3,3]]]x"), HasSubstr("expected the end of the text, found 'x'"));
  EXPECT_THAT(error_of(""), HasSubstr("column 1: expected '['"));
  EXPECT_THAT(error_of("[[-1],[[3,3]]]"), HasSubstr("expected a number, found '-'"));
}

// ln(1.7959e15) for the CVPR space, spec 3 and 11.5; 33.0247 after the refactoring (bug H1).
TEST(CellSpace, SizeMatchesThePublishedSpaces) {
  EXPECT_NEAR(log_size(CellSpace{}), 35.124304, 1e-6);
  CellSpaceOptions refactored;
  refactored.positions = PositionRule::kRefactored;
  EXPECT_NEAR(log_size(CellSpace(refactored)), 33.024659, 1e-6);
  EXPECT_EQ(CellSpace{}.decisions().size(), 19u);
}

TEST(CellSpace, TokensAndTextRoundTrip) {
  const CellSpace space;
  core::Rng rng(7);
  for (int i = 0; i < 500; ++i) {
    const Tokens tokens = sample(space, rng);
    EXPECT_EQ(space.parse(space.text(tokens)), tokens);
  }
}

TEST(CellSpace, RejectsGenotypesOfAnotherSize) {
  const CellSpace space;
  EXPECT_THROW(space.parse("[[1],[[3,3]]]"), core::Error);
  CellSpaceOptions refactored;
  refactored.positions = PositionRule::kRefactored;
  EXPECT_THROW(CellSpace(refactored).parse(kArch1), core::Error);  // reads the first op's result
}

TEST(SearchSpace, FoundersAreUniformUnlessASpaceKnowsBetter) {
  const CellSpace space;
  core::Rng a(3), b(3);
  EXPECT_EQ(space.founder(a), sample(space, b));
  EXPECT_TRUE(space.landmarks().empty());
}

}  // namespace
}  // namespace parsimony::space
