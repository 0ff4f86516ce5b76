// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/spaces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"

namespace parsimony::space {
namespace {

// What holds for every space.
class AnySpace : public ::testing::TestWithParam<SpaceName> {
 protected:
  AnySpace() { options_.name = GetParam(); }
  SpaceOptions options_;
};

TEST_P(AnySpace, TextTellsItsSpace) {
  const auto space = make_space(options_);
  EXPECT_EQ(space->name(), name_of(GetParam()));
  core::Rng rng(1);
  for (int i = 0; i < 50; ++i) {
    const std::string text = space->text(sample(*space, rng));
    const Genotype genotype = parse_genotype(" " + text);
    EXPECT_EQ(space_of(genotype), GetParam());
    EXPECT_EQ(to_text(genotype), text);
    EXPECT_EQ(parse_genotype(text, GetParam()), genotype);
  }
}

TEST_P(AnySpace, OneWarmUpStepForEveryTap) {
  EXPECT_EQ(make_space(options_)->warm_up_steps(), encoder_taps(GetParam()));
}

TEST_P(AnySpace, OptionsSurviveWritingAndReading) {
  SpaceOptions read;
  core::Config::from_text(core::to_yaml(options_), "test").read_into(read);
  EXPECT_EQ(read.name, GetParam());
}

INSTANTIATE_TEST_SUITE_P(All,
                         AnySpace,
                         ::testing::Values(SpaceName::kCellDecoder,
                                           SpaceName::kTemplateDecoder,
                                           SpaceName::kGrid),
                         [](const auto& param) {
                           std::string name(name_of(param.param));
                           std::erase(name, '-');
                           return name;
                         });

TEST(SpaceOptions, HaveTheNamesOfTheirSpaceOnly) {
  SpaceOptions options;
  core::Config::from_text("{name: template-decoder, templates: 2, blocks: 4}", "test")
      .read_into(options);
  EXPECT_EQ(make_space(options)->decisions().size(), 2 * 3 + 4 * 5u);
  SpaceOptions cells;
  EXPECT_THROW(core::Config::from_text("{templates: 2}", "test").read_into(cells), core::Error);
}

TEST(ParseGenotype, OneBracketIsAPartOfASupernet) {
  const Genotype genotype = parse_genotype(" [0, 2,1]");
  EXPECT_EQ(space_of(genotype), SpaceName::kSupernet);
  EXPECT_EQ(std::get<Subnetwork>(genotype).choices, (std::vector<int>{0, 2, 1}));
  EXPECT_EQ(to_text(genotype), "[0,2,1]");
  EXPECT_EQ(to_text(parse_genotype("[]")), "[]");
  for (const char* text : {"[", "[0", "[0,", "[0,]", "[,0]", "[0]]", "[-1]", "[x]", "[1000]"})
    EXPECT_THROW(parse_genotype(text), core::Error) << text;
}

TEST(ParseGenotype, OfAnotherSpaceIsAnError) {
  EXPECT_THROW(parse_genotype("[[1],[[3,3]]]", SpaceName::kTemplateDecoder), core::Error);
  EXPECT_THROW(parse_genotype("[[[1,1,0]],[[1,1,0,0,0]]]", SpaceName::kCellDecoder), core::Error);
}

}  // namespace
}  // namespace parsimony::space
