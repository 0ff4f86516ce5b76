// SPDX-License-Identifier: Apache-2.0
#include "parsimony/objective/objective.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "parsimony/core/error.h"

namespace parsimony::objective {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(ObjectiveTest, EveryKnownNameIsFoundAgain) {
  for (const Objective& known : known_objectives()) {
    EXPECT_EQ(objective_by_name(known.name), known);
  }
  EXPECT_EQ(objective_by_name("miou"), (Objective{"miou", Direction::kMaximize, ""}));
  EXPECT_EQ(objective_by_name("params"), (Objective{"params", Direction::kMinimize, "parameters"}));
  EXPECT_EQ(objective_by_name("macs"), (Objective{"macs", Direction::kMinimize, "MACs"}));
  EXPECT_EQ(objective_by_name("latency_ms"), (Objective{"latency_ms", Direction::kMinimize, "ms"}));
  EXPECT_EQ(objective_by_name("latency_ms.gap8"),
            (Objective{"latency_ms.gap8", Direction::kMinimize, "ms"}));
  EXPECT_THROW(objective_by_name("latency_ms."), core::Error);
}

TEST(ObjectiveTest, TheF1OfAnyClassesIsMaximised) {
  EXPECT_EQ(objective_by_name("f1.left-eye").direction, Direction::kMaximize);
  EXPECT_EQ(objective_by_name("f1.left-eye").name, "f1.left-eye");
  EXPECT_THROW(objective_by_name("f1."), core::Error);
}

TEST(ObjectiveTest, AnUnknownNameIsAUserErrorWithTheNearest) {
  try {
    objective_by_name("parms");
    FAIL() << "no error";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("'parms'"), HasSubstr("did you mean 'params'?")));
  }
}

TEST(ObjectiveTest, DirectionsHaveTheNamesOtherProgramsRead) {
  EXPECT_EQ(name_of(Direction::kMaximize), "maximize");
  EXPECT_EQ(name_of(Direction::kMinimize), "minimize");
}

TEST(ObjectiveTest, PointsAreTurnedSoThatSmallerIsBetter) {
  const std::vector<Objective> objectives{objective_by_name("miou"), objective_by_name("params")};
  EXPECT_EQ(to_point({{"params", 300.0}, {"miou", 0.5}, {"macs", 1.0}}, objectives),
            (Point{-0.5, 300.0}));
}

TEST(ObjectiveTest, MissingOrNonFiniteScoresMakeNoPoint) {
  const std::vector<Objective> objectives{objective_by_name("miou"), objective_by_name("params")};
  EXPECT_EQ(to_point({{"miou", 0.5}}, objectives), std::nullopt);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(to_point({{"miou", bad}, {"params", 1.0}}, objectives), std::nullopt);
  }
}

TEST(Headline, SaysWhatEachTaskIsKnownBy) {
  EXPECT_EQ(headline({{"reward", 0.5}, {"miou", 0.6134}, {"params", 7}}), "61.3 % mIoU");
  EXPECT_EQ(headline({{"pck", 0.551}}), "PCK 55.1 %");
  EXPECT_EQ(headline({{"rmse", 0.7411}, {"delta1", 0.612}, {"miou", 0.3}}),
            "RMSE 0.741 m, delta1 61.2 %, 30.0 % mIoU");
  EXPECT_EQ(headline({{"params", 7}}), "");
}

TEST(IsCost, TellsCostsFromErrors) {
  for (const char* cost : {"params", "macs", "latency_ms", "latency_ms.gap8"})
    EXPECT_TRUE(is_cost(cost)) << cost;
  // Minimised, but of the predictions.
  for (const char* error : {"rmse", "abs_rel", "miou", "reward"})
    EXPECT_FALSE(is_cost(error)) << error;
  EXPECT_EQ(objective_by_name("rmse").direction, Direction::kMinimize);
}

}  // namespace
}  // namespace parsimony::objective
