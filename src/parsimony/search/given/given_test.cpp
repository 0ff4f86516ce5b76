// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/given/given.h"

#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"
#include "parsimony/search/random/random.h"
#include "parsimony/search/testing.h"

namespace parsimony::search {
namespace {

const ToySpace& toy() {
  static const ToySpace space(0, {{"a", 2}, {"b", 3}});
  return space;
}

TEST(GivenGenotypes, AreProposedInTurnWhateverIsTold) {
  const std::vector<space::Tokens> genotypes = {{0, 0}, {1, 2}, {0, 1}};
  GivenGenotypes search(toy(), genotypes);
  EXPECT_EQ(search.ask(1), genotypes[0]);
  search.tell({1, genotypes[0], 0.5});
  EXPECT_EQ(search.ask(3), genotypes[2]);
  EXPECT_EQ(search.ask(2), genotypes[1]);
  EXPECT_EQ(search.ask(4), genotypes[0]);

  GivenGenotypes loaded(toy(), genotypes);
  loaded.load(search.save());
  EXPECT_EQ(loaded.ask(2), genotypes[1]);
  EXPECT_THROW(loaded.load(RandomSearch(toy(), core::Rng(1)).save()), core::Error);
}

TEST(GivenGenotypes, MustBelongToTheSpace) {
  EXPECT_THROW(GivenGenotypes(toy(), {}), core::Error);
  EXPECT_THROW(GivenGenotypes(toy(), {{0, 3}}), core::Error);
}

}  // namespace
}  // namespace parsimony::search
