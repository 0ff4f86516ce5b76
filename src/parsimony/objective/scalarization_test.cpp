// SPDX-License-Identifier: Apache-2.0
#include "parsimony/objective/scalarization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"

namespace parsimony::objective {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kMean =
    "reward * (0.4 * (params / 500000)^-0.6 + 0.3 * (latency_ms.phone / 800)^-0.4 + 0.3 * "
    "(flops / 1.5e9)^-0.4)";
constexpr std::string_view kDrop =
    "reward * (flops / 2e9)^-0.6 unless flops < 6e8 and reward < 0.25";

double value(std::string_view text, const Scores& scores, const Scores& costs) {
  const auto result = evaluate(parse_scalarization(text), scores, costs);
  return result ? *result : std::numeric_limits<double>::quiet_NaN();
}

// The best row of the published search for parameters: accuracy .66, .33 M, logged reward .84
// (printed with two digits each).
TEST(Scalarization, ReproducesALoggedReward) {
  EXPECT_NEAR(value("reward * (params / 0.5e6)^-0.6", {{"reward", .66}}, {{"params", 0.33e6}}),
              0.84,
              0.012);
}

TEST(Scalarization, OneCostIsAPowerLaw) {
  constexpr std::string_view text = "reward * (params / 500000)^-0.6";
  EXPECT_DOUBLE_EQ(value(text, {{"reward", .6}}, {{"params", 500000}}), .6);  // on target
  EXPECT_DOUBLE_EQ(value(text, {{"reward", .6}}, {{"params", 250000}}), .6 * std::pow(2, .6));
  EXPECT_DOUBLE_EQ(value(text, {{"reward", .6}}, {{"params", 1e6}}), .6 * std::pow(2, -.6));
  EXPECT_EQ(value("reward", {{"reward", .6}}, {}), .6);
  EXPECT_DOUBLE_EQ(value("miou * (params / 1e5)^-0.5 * (flops / 1e9)^-0.25",
                         {{"miou", .6}, {"reward", 9}},
                         {{"params", 4e5}, {"flops", 16e9}}),
                   .6 / 2 / 2);
}

TEST(Scalarization, SeveralCostsAreAWeightedMean) {
  const Scores costs = {{"params", 250000}, {"latency_ms.phone", 3200}, {"flops", 1.5e9}};
  EXPECT_NEAR(value(kMean, {{"reward", .5}}, costs),
              .5 * (.4 * std::pow(2, .6) + .3 * std::pow(4, -.4) + .3),
              1e-12);
}

TEST(Scalarization, SmallButBadNetworksGainNothing) {
  const double factor = std::pow(4, .6);
  const auto at = [](double reward, double flops) {
    return value(kDrop, {{"reward", reward}}, {{"flops", flops}});
  };
  EXPECT_DOUBLE_EQ(at(.24, 5e8), .24);                      // both below: no gain
  EXPECT_DOUBLE_EQ(at(.26, 5e8), .26 * factor);             // good enough
  EXPECT_DOUBLE_EQ(at(.24, 8e8), .24 * std::pow(2.5, .6));  // not that small
  EXPECT_DOUBLE_EQ(at(.25, 5e8), .25 * factor);             // the bounds themselves are not below
}

TEST(Scalarization, WhatIsMissingIsNoValue) {
  EXPECT_FALSE(evaluate(parse_scalarization("reward"), {}, {{"params", 1}}));
  EXPECT_FALSE(evaluate(parse_scalarization(kMean), {{"reward", .5}}, {{"params", 1}}));
  EXPECT_FALSE(evaluate(parse_scalarization("reward * (params / 1e5)^-0.5 unless flops < 1"),
                        {{"reward", .5}},
                        {{"params", 1}}));
  const Scores free = {{"params", 0}};  // an infinite gain
  EXPECT_FALSE(
      evaluate(parse_scalarization("reward * (params / 1e5)^-0.5"), {{"reward", .5}}, free));
}

TEST(Scalarization, NamesWhatItReads) {
  EXPECT_THAT(names_in(parse_scalarization(kMean)),
              ElementsAre("flops", "latency_ms.phone", "params", "reward"));
  EXPECT_THAT(names_in(parse_scalarization(kDrop)), ElementsAre("flops", "reward"));
}

TEST(Scalarization, WritesWhatItReads) {
  for (const std::string_view text :
       {std::string_view("reward"),
        std::string_view("miou * (params / 500000)^-0.6"),
        std::string_view("reward * (params / 3e5)^-0.3 * (flops / 2e9)^-0.3"),
        std::string_view("reward*(2*(params/1)^0)"),
        kMean,
        kDrop}) {
    const std::string written = to_text(parse_scalarization(text));
    EXPECT_EQ(to_text(parse_scalarization(written)), written);
    const Scores scores = {{"reward", .3}, {"miou", .4}};
    const Scores costs = {{"params", 3e5}, {"flops", 5e8}, {"latency_ms.phone", 9}};
    EXPECT_EQ(value(written, scores, costs), value(text, scores, costs)) << text;
  }
  EXPECT_EQ(to_text(parse_scalarization(" reward *( params/5e5 ) ^ -0.6 ")),
            "reward * (params / 500000)^-0.6");
}

std::string error_of(std::string_view text) {
  try {
    parse_scalarization(text);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser) << text;
    return error.what();
  }
  return "no error";
}

TEST(Scalarization, SaysWhatItCannotRead) {
  EXPECT_THAT(error_of(""), HasSubstr("expected a score to maximise"));
  EXPECT_THAT(error_of("params"), HasSubstr("expected a score to maximise"));
  EXPECT_THAT(error_of("rewrd"), HasSubstr("did you mean 'reward'"));
  EXPECT_THAT(error_of("reward *"), HasSubstr("expected a factor in parentheses at its end"));
  EXPECT_THAT(error_of("reward * params"), HasSubstr("a factor in parentheses at 'params'"));
  EXPECT_THAT(error_of("reward * (miou / 2)^-1"), HasSubstr("expected a cost"));
  EXPECT_THAT(error_of("reward * (params)^-1"), HasSubstr("'/' and a target"));
  EXPECT_THAT(error_of("reward * (params / 0)^-1"), HasSubstr("a target above 0, found 0"));
  EXPECT_THAT(error_of("reward * (params / 5M)^-1"), HasSubstr("')' behind a target at 'M)^-1'"));
  EXPECT_THAT(error_of("reward * (params / 5)"), HasSubstr("'^' and an exponent at its end"));
  EXPECT_THAT(error_of("reward * (params / 5)^0.5"), HasSubstr("at most 0"));
  EXPECT_THAT(error_of("reward * (params / 5)^nan"), HasSubstr("an exponent, a number"));
  EXPECT_THAT(error_of("reward * (0 * (params / 5)^-1)"), HasSubstr("a weight above 0"));
  EXPECT_THAT(error_of("reward * (1 * (params / 5)^-1"), HasSubstr("'+' or ')' at its end"));
  EXPECT_THAT(error_of("reward (params / 5)^-1"), HasSubstr("'*', 'unless' or the end"));
  EXPECT_THAT(error_of("reward unless"), HasSubstr("a score or cost at its end"));
  EXPECT_THAT(error_of("reward unless flops > 3"), HasSubstr("'<' and a bound"));
  EXPECT_THAT(error_of("reward unless flops < 3 or params < 3"), HasSubstr("'and' or the end"));
}

// Whatever is typed is read or refused with a user error, and what is read can be written.
TEST(Scalarization, SurvivesAnyText) {
  core::Rng rng(3);
  constexpr std::string_view kSigns = "()*+/^-<.0159e reward params unless and flops";
  for (int round = 0; round < 20000; ++round) {
    std::string text(kDrop);
    for (auto edits = 1 + rng.below(4); edits > 0; --edits) {
      const std::size_t at = rng.below(text.size() + 1);
      if (rng.below(2) == 0) {
        text.insert(at, 1, kSigns[rng.below(kSigns.size())]);
      } else {
        text.erase(at, rng.below(8));
      }
    }
    try {
      const Scalarization read = parse_scalarization(text);
      EXPECT_EQ(to_text(parse_scalarization(to_text(read))), to_text(read)) << text;
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser) << text;
    }
  }
}

}  // namespace
}  // namespace parsimony::objective
