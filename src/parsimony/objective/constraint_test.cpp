// SPDX-License-Identifier: Apache-2.0
#include "parsimony/objective/constraint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "parsimony/core/error.h"

namespace parsimony::objective {
namespace {

using testing::HasSubstr;

TEST(Constraint, ReadsBounds) {
  const Constraint params = parse_constraint("params <= 4e5");
  EXPECT_EQ(params.name, "params");
  EXPECT_TRUE(params.at_most);
  EXPECT_EQ(params.bound, 400000);
  EXPECT_TRUE(params.met_by(400000));
  EXPECT_FALSE(params.met_by(400001));
  const Constraint quality = parse_constraint(" miou>=0.6 ");
  EXPECT_EQ(quality.name, "miou");
  EXPECT_FALSE(quality.at_most);
  EXPECT_TRUE(quality.met_by(0.6));
  EXPECT_FALSE(quality.met_by(0.59));
}

TEST(Constraint, ViolationIsAShareOfTheBound) {
  const Constraint at_most{"latency_ms", true, 200};
  EXPECT_EQ(at_most.violation_by(150), 0);
  EXPECT_EQ(at_most.violation_by(200), 0);
  EXPECT_EQ(at_most.violation_by(250), 0.25);
  const Constraint at_least{"miou", false, 0.5};
  EXPECT_EQ(at_least.violation_by(0.75), 0);
  EXPECT_EQ(at_least.violation_by(0.5), 0);
  EXPECT_EQ(at_least.violation_by(0.25), 0.5);
  const Constraint negative{"reward", false, -2};
  EXPECT_EQ(negative.violation_by(-1), 0);
  EXPECT_EQ(negative.violation_by(-3), 0.5);
  const Constraint zero{"params", true, 0};
  EXPECT_EQ(zero.violation_by(-1), 0);
  EXPECT_EQ(zero.violation_by(3), 3);
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Constraint& constraint : {at_most, at_least, zero})
    EXPECT_EQ(constraint.violation_by(std::numeric_limits<double>::quiet_NaN()), infinity);
  EXPECT_EQ(at_most.violation_by(infinity), infinity);
  EXPECT_EQ(at_least.violation_by(-infinity), infinity);
}

TEST(Constraint, WritesWhatItReads) {
  for (const char* text : {"params <= 400000", "latency_ms.gap8 <= 12.5", "miou >= 0.1"})
    EXPECT_EQ(to_text(parse_constraint(text)), text);
}

TEST(Constraint, RefusesWhatItCannotRead) {
  const auto error_of = [](const char* text) -> std::string {
    try {
      parse_constraint(text);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
      return error.what();
    }
    return "no error";
  };
  for (const char* text :
       {"", "params", "params < 4", "params == 4", "params =< 4", "<", "params <"})
    EXPECT_THAT(error_of(text), HasSubstr("expected NAME <= NUMBER")) << text;
  for (const char* text :
       {"params <=", "params <= many", "params <= 4k", "params <= inf", "params <= 1 2"})
    EXPECT_THAT(error_of(text), HasSubstr("expected a number behind '<='")) << text;
  EXPECT_THAT(error_of("parms <= 4"), HasSubstr("did you mean 'params'"));
  EXPECT_THAT(error_of("<= 4"), HasSubstr("unknown objective ''"));
}

}  // namespace
}  // namespace parsimony::objective
