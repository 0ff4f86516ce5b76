// SPDX-License-Identifier: Apache-2.0
#include "parsimony/supernet/space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "parsimony/supernet/fixtures_for_test.h"

namespace parsimony::supernet {
namespace {

using space::Tokens;
using ::testing::HasSubstr;

class AnySupernet : public ::testing::TestWithParam<graph::DeeplabOptions> {
 protected:
  std::size_t index_of(const std::string& name) const {
    for (std::size_t i = 0; i < space_.decisions().size(); ++i) {
      if (space_.decisions()[i].name == name) return i;
    }
    ADD_FAILURE() << "no decision " << name;
    return 0;
  }
  Tokens with(const std::map<std::string, int>& changes) const {
    Tokens tokens(space_.decisions().size(), 0);
    for (const auto& [name, token] : changes) tokens[index_of(name)] = token;
    return tokens;
  }

  SupernetSpace space_{graph::deeplab_supernet(GetParam(), 3)};
};

TEST_P(AnySupernet, HasADecisionPerSite) {
  const auto& sites = space_.supernet().sites;
  ASSERT_EQ(space_.decisions().size(), sites.size());
  std::set<std::string> names;
  std::map<std::string, std::pair<int, bool>> heads;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const space::Decision& decision = space_.decisions()[i];
    EXPECT_EQ(decision.name, sites[i].name);
    EXPECT_TRUE(names.insert(decision.name).second);
    EXPECT_EQ(decision.choices, sites[i].options());
    EXPECT_EQ(decision.ordered, sites[i].kind == graph::SiteKind::kWidth);
    const std::pair meaning{decision.choices, decision.ordered};
    EXPECT_EQ(heads.emplace(decision.head, meaning).first->second, meaning) << decision.head;
  }
  EXPECT_EQ(space_.name(), "supernet");
}

// Decisions follow the network, the head's are last.
TEST_P(AnySupernet, DecisionsKnowTheWorkBeforeThem) {
  double before = 0;
  for (const space::Decision& decision : space_.decisions()) {
    EXPECT_GE(decision.work_before, 0);
    EXPECT_LT(decision.work_before, 1);
    if (!decision.name.starts_with("encoder.")) continue;
    EXPECT_GE(decision.work_before, before) << decision.name;
    before = decision.work_before;
  }
  EXPECT_GT(space_.decisions().back().work_before, before);
  EXPECT_GT(space_.decisions().front().work_before, 0);
}

TEST_P(AnySupernet, RoundTripsAndEveryTokenIsANetwork) {
  core::Rng rng(1);
  for (int i = 0; i < 500; ++i) {
    const Tokens tokens = space::sample(space_, rng);
    const std::string text = space_.text(tokens);
    const Tokens parsed = space_.parse(text);
    EXPECT_EQ(space_.text(parsed), text);
    EXPECT_EQ(parsed, space_.choices(tokens));
    EXPECT_EQ(graph::canonical(space_.supernet(), parsed), parsed);
    graph::subsample(space_.supernet(), parsed);  // verifies
  }
}

TEST_P(AnySupernet, EqualNetworksShareATextAndOthersDoNot) {
  const Tokens dropped = with({{"decoder.image_pooling", 1}});
  EXPECT_NE(space_.text(dropped), space_.text(with({})));
  const bool mobilenet = GetParam().backbone == graph::DeeplabBackbone::kMobilenetV2;
  const std::string block = mobilenet ? "encoder.features.16" : "encoder.middle_flow.unit3";
  const std::string width = block + (mobilenet ? ".expansion" : ".channels");
  EXPECT_EQ(space_.text(with({{block, 1}, {width, 1}})), space_.text(with({{block, 1}})));
  EXPECT_NE(space_.text(with({{width, 1}})), space_.text(with({})));
}

TEST_P(AnySupernet, KeepsTheOneByOneBranchWhereAllAreDropped) {
  const Tokens none = with({{"decoder.image_pooling", 1},
                            {"decoder.aspp0", 1},
                            {"decoder.aspp1", 1},
                            {"decoder.aspp2", 1},
                            {"decoder.aspp3", 1}});
  Tokens repaired = none;
  repaired[index_of("decoder.aspp0")] = 0;
  EXPECT_EQ(space_.choices(none), repaired);
  EXPECT_EQ(space_.text(none), space_.text(repaired));
}

TEST_P(AnySupernet, LandmarksAreDistinctAndCanonical) {
  const std::vector<Tokens> landmarks = space_.landmarks();
  ASSERT_EQ(landmarks.size(), 4);
  std::set<std::string> texts;
  for (const Tokens& landmark : landmarks) {
    space::check(space_, landmark);
    EXPECT_TRUE(texts.insert(space_.text(landmark)).second);
    EXPECT_EQ(space_.choices(landmark), landmark);
  }
  EXPECT_EQ(landmarks[0], with({}));
  EXPECT_EQ(landmarks[1][index_of("decoder.decoder_conv1")], 1);
  for (std::size_t i = 0; i < landmarks[0].size(); ++i) {
    const graph::Site& site = space_.supernet().sites[i];
    for (const std::size_t uniform : {2u, 3u}) {
      const auto token = static_cast<std::size_t>(landmarks[uniform][i]);
      if (site.kind != graph::SiteKind::kWidth) {
        EXPECT_EQ(token, 0) << site.name;
        continue;
      }
      EXPECT_LE(landmarks[2][i], landmarks[3][i]) << site.name;
      const double share =
          static_cast<double>(site.channels[token]) / static_cast<double>(site.channels[0]);
      EXPECT_NEAR(share, uniform == 2 ? 0.75 : 0.5, 0.17) << site.name;
    }
  }
}

TEST_P(AnySupernet, ScalingsGetSmallerEvenly) {
  const std::vector<Tokens> scalings = space_.scalings();
  ASSERT_EQ(scalings.size(), 5);
  EXPECT_EQ(scalings[0], with({}));
  EXPECT_EQ(scalings[2], space_.landmarks()[2]);
  EXPECT_EQ(scalings[4], space_.landmarks()[3]);
  for (std::size_t i = 0; i < scalings[0].size(); ++i) {
    for (std::size_t k = 1; k < scalings.size(); ++k) {
      space::check(space_, scalings[k]);
      EXPECT_LE(scalings[k - 1][i], scalings[k][i]) << space_.decisions()[i].name;
    }
  }
}

TEST_P(AnySupernet, FoundersKeepBetweenHalfAndAll) {
  core::Rng rng(2);
  double kept = 0;
  double fewest = 1, most = 0;
  constexpr int kFounders = 300;
  for (int i = 0; i < kFounders; ++i) {
    const Tokens tokens = space_.founder(rng);
    space::check(space_, tokens);
    EXPECT_EQ(space_.choices(tokens), tokens);
    const double share =
        static_cast<double>(std::ranges::count(tokens, 0)) / static_cast<double>(tokens.size());
    kept += share / kFounders;
    fewest = std::min(fewest, share);
    most = std::max(most, share);
  }
  // 3/4 and what canonical form sets back to 0.
  EXPECT_GT(kept, 0.72);
  EXPECT_LT(kept, 0.9);
  EXPECT_LT(fewest, 0.6);
  EXPECT_GT(most, 0.95);
  core::Rng one(3), other(3);
  EXPECT_EQ(space_.founder(one), space_.founder(other));
}

TEST_P(AnySupernet, SaysWhereATextIsWrong) {
  const std::string text = space_.text(with({}));
  const auto error = [&](const std::string& wrong) {
    return error_of([&] { space_.parse(wrong); });
  };
  EXPECT_EQ(space_.parse(" [ 0" + text.substr(2)), with({}));
  EXPECT_EQ(space_.parse("[]"), with({})) << "the whole supernet";
  EXPECT_THAT(error("[]0"), HasSubstr("the end of the text"));
  EXPECT_THAT(error("[9" + text.substr(2)), HasSubstr("column 2"));
  EXPECT_THAT(error("[9" + text.substr(2)), HasSubstr(space_.decisions()[0].name));
  EXPECT_THAT(error("[0,0]"), HasSubstr("expected ','"));
  EXPECT_THAT(error("[0," + text.substr(1)), HasSubstr("expected ']'"));
  EXPECT_THAT(error(text + "]"), HasSubstr("the end of the text"));
  EXPECT_THAT(error("[-1" + text.substr(2)), HasSubstr("expected a number"));
  Tokens none = with({});
  for (std::size_t i = 0; i < none.size(); ++i)
    none[i] = space_.supernet().sites[i].kind == graph::SiteKind::kBranch ? 1 : 0;
  std::string dropped = "[";
  for (const int token : none) dropped += std::to_string(token) + ",";
  dropped.back() = ']';
  EXPECT_THAT(error(dropped), HasSubstr("keep at least one"));
}

TEST_P(AnySupernet, DamagedTextIsAUserErrorOrAGenotype) {
  core::Rng rng(4);
  for (int i = 0; i < 500; ++i) {
    std::string text = space_.text(space::sample(space_, rng));
    const auto at = static_cast<std::size_t>(rng.below(std::ssize(text)));
    if (rng.chance(0.5)) {
      text[at] = static_cast<char>(rng.below(256));
    } else {
      text.erase(at, static_cast<std::size_t>(1 + rng.below(5)));
    }
    try {
      space::check(space_, space_.parse(text));
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser) << text << ": " << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         AnySupernet,
                         ::testing::Values(graph::DeeplabOptions{},
                                           graph::DeeplabOptions{
                                               .backbone = graph::DeeplabBackbone::kXception65,
                                               .head = graph::DeeplabHead::kDense}),
                         name_of);

}  // namespace
}  // namespace parsimony::supernet
