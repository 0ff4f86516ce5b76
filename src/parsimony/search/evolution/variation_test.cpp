// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/evolution/variation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "parsimony/search/testing.h"
#include "parsimony/space/cell.h"
#include "parsimony/space/templates.h"

namespace parsimony::search {
namespace {

// Decisions 0 and 2 are ordered.
class OrderedSpace final : public ToySpace {
 public:
  OrderedSpace() : ToySpace(0, {{"a", 7}, {"b", 7}, {"a", 2}, {"c", 1}}) {
    decisions_[0].ordered = decisions_[2].ordered = true;
  }
};

// The full and the smallest genotype first; founders are never the smallest.
class KnowingSpace final : public ToySpace {
 public:
  KnowingSpace() : ToySpace(0, {{"a", 5}, {"a", 5}}) {}
  std::vector<space::Tokens> landmarks() const override { return {{4, 4}, {0, 0}}; }
  space::Tokens founder(core::Rng& rng) const override {
    return {1 + static_cast<int>(rng.below(4)), 1 + static_cast<int>(rng.below(4))};
  }
};

TEST(Variation, FoundersBeginWithLandmarks) {
  const KnowingSpace space;
  const CategoricalVariation variation({}, space);
  core::Rng rng(1);
  EXPECT_EQ(variation.founder(0, rng), (space::Tokens{4, 4}));
  EXPECT_EQ(variation.founder(1, rng), (space::Tokens{0, 0}));
  std::set<space::Tokens> others;
  for (std::int64_t index = 2; index < 400; ++index) others.insert(variation.founder(index, rng));
  EXPECT_EQ(others.size(), 16u);
}

TEST(Variation, ChildrenShareOutTheirParents) {
  const ToySpace space(0, std::vector<std::pair<std::string, int>>(20, {"a", 50}));
  Nsga2Options options;
  options.mutation = 1e-12;
  const CategoricalVariation variation(options, space);
  core::Rng rng(2);
  const space::Tokens a(20, 7), b(20, 9);
  int crossed = 0, swapped = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto [elder, younger] = variation.mate(a, b, rng);
    crossed += elder != a;
    for (std::size_t k = 0; k < a.size(); ++k) {
      ASSERT_EQ(elder[k] + younger[k], 16);
      ASSERT_TRUE(elder[k] == 7 || elder[k] == 9);
      swapped += elder[k] == 9;
    }
  }
  EXPECT_NEAR(crossed, 900, 50);
  EXPECT_NEAR(swapped, 0.45 * 20000, 600);
}

// Ten decisions, the share of the work before each of which is that of the decisions before it.
class WorkingSpace final : public ToySpace {
 public:
  WorkingSpace() : ToySpace(0, std::vector<std::pair<std::string, int>>(10, {"a", 50})) {
    for (std::size_t i = 0; i < 10; ++i) decisions_[i].work_before = static_cast<double>(i) / 10;
  }
};

TEST(Variation, SiblingsDifferWhereTheWorkIsDone) {
  const WorkingSpace space;
  Nsga2Options options;
  options.siblings = 4;
  options.shared_work = 0.6;
  const CategoricalVariation variation(options, space);
  EXPECT_EQ(variation.late().size(), 4u);
  core::Rng rng(2);
  const space::Tokens leader(10, 7), other(10, 9);
  int kept = 0, exchanged = 0, changed = 0;
  for (int i = 0; i < 10000; ++i) {
    const space::Tokens sibling = variation.sibling(leader, other, rng);
    for (std::size_t k = 0; k < 6; ++k) ASSERT_EQ(sibling[k], 7);
    for (std::size_t k = 6; k < 10; ++k)
      ++(sibling[k] == 7 ? kept : sibling[k] == 9 ? exchanged : changed);
  }
  // One in four changes, hardly ever to one of the parents' choices.
  EXPECT_NEAR(changed, 10000, 400);
  EXPECT_NEAR(kept, 15000, 500);
  EXPECT_NEAR(exchanged, 15000, 500);
}

TEST(Variation, SiblingsWithoutSharedWorkAreAUserError) {
  const ToySpace idle(0, {{"a", 5}, {"a", 5}});
  Nsga2Options options;
  EXPECT_NO_THROW(CategoricalVariation(options, idle));
  options.siblings = 2;
  EXPECT_THROW(CategoricalVariation(options, idle), core::Error);
  const WorkingSpace space;
  EXPECT_NO_THROW(CategoricalVariation(options, space));
  options.shared_work = 0.95;
  EXPECT_THROW(CategoricalVariation(options, space), core::Error);
}

TEST(Variation, OneDecisionOfAllChangesOnAverage) {
  const space::TemplateSpace space;  // some of its decisions have one choice and cannot change
  const CategoricalVariation variation({}, space);
  core::Rng rng(3);
  const space::Tokens parent = space::sample(space, rng);
  int changes = 0;
  for (int i = 0; i < 4000; ++i) {
    const space::Tokens mutant = variation.mutant(parent, variation.all(), rng);
    space::check(space, mutant);
    for (std::size_t k = 0; k < parent.size(); ++k) changes += mutant[k] != parent[k];
  }
  EXPECT_NEAR(changes / 4000.0, 1, 0.07);
}

TEST(Variation, BothChildrenAreMutants) {
  const ToySpace space(0, std::vector<std::pair<std::string, int>>(20, {"a", 50}));
  const CategoricalVariation variation({}, space);
  core::Rng rng(5);
  const space::Tokens parent(20, 7);
  int elders = 0, youngers = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto [elder, younger] = variation.mate(parent, parent, rng);
    elders += elder != parent;
    youngers += younger != parent;
  }
  const double expected = 1000 * (1 - std::pow(0.95, 20));  // 642
  EXPECT_NEAR(elders, expected, 60);
  EXPECT_NEAR(youngers, expected, 60);
}

TEST(Variation, OrderedDecisionsStepHalfOfTheTime) {
  const OrderedSpace space;
  Nsga2Options options;
  options.mutation = 1;
  const CategoricalVariation variation(options, space);
  core::Rng rng(4);
  std::map<int, int> ordered, plain;
  for (int i = 0; i < 6000; ++i) {
    const space::Tokens mutant = variation.mutant({3, 3, 0, 0}, variation.all(), rng);
    ++ordered[mutant[0]];
    ++plain[mutant[1]];
    ASSERT_EQ(mutant[2], 1);
    ASSERT_EQ(mutant[3], 0);
  }
  for (const int other : {0, 1, 2, 4, 5, 6}) {
    const bool neighbour = std::abs(other - 3) == 1;
    EXPECT_NEAR(ordered[other], neighbour ? 6000 * (0.25 + 0.5 / 6) : 6000 * 0.5 / 6, 150);
    EXPECT_NEAR(plain[other], 1000, 150);
  }
  EXPECT_EQ(ordered[3] + plain[3], 0);

  // At either end there is one neighbour.
  options.step = 1;
  const CategoricalVariation stepping(options, space);
  EXPECT_EQ(stepping.mutant({0, 0, 1, 0}, stepping.all(), rng)[0], 1);
  EXPECT_EQ(stepping.mutant({6, 0, 1, 0}, stepping.all(), rng)[0], 5);
}

}  // namespace
}  // namespace parsimony::search
