// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/subset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "parsimony/core/error.h"

namespace parsimony::evaluate {
namespace {

using Pictures = std::vector<std::vector<std::int64_t>>;

// As in VOC: much background, and one or two of many classes in a picture, some of them rare.
Pictures sparse_pictures(std::int64_t count, int classes, core::Rng rng) {
  Pictures pictures;
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<std::int64_t> pixels(static_cast<std::size_t>(classes), 0);
    pixels[0] = 60'000 + rng.below(100'000);
    for (int k = 0; k < 2; ++k) {
      const double u = rng.uniform();
      const auto c = 1 + static_cast<std::size_t>(u * u * (classes - 1));
      pixels[c] += 500 + rng.below(60'000);
    }
    pictures.push_back(pixels);
  }
  return pictures;
}

std::vector<double> shares(const Pictures& pictures, const std::vector<std::size_t>& of) {
  std::vector<double> sums(pictures[0].size(), 0);
  double total = 0;
  for (const std::size_t i : of) {
    for (std::size_t c = 0; c < sums.size(); ++c) {
      sums[c] += static_cast<double>(pictures[i][c]);
      total += static_cast<double>(pictures[i][c]);
    }
  }
  for (double& sum : sums) sum /= total;
  return sums;
}

double worst_ratio(const Pictures& pictures, const std::vector<std::size_t>& subset) {
  std::vector<std::size_t> all(pictures.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  const std::vector<double> whole = shares(pictures, all);
  const std::vector<double> part = shares(pictures, subset);
  double worst = 0;
  for (std::size_t c = 0; c < whole.size(); ++c) {
    if (whole[c] > 0) worst = std::max(worst, std::abs(part[c] / whole[c] - 1));
  }
  return worst;
}

// What fmas 1.4.6 asks for, on a set of VOC's size and on a smaller one.
TEST(StratifiedSubset, HalfOfTheSetHasItsShares) {
  for (const std::int64_t count : {1449, 500}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const Pictures pictures = sparse_pictures(count, 21, core::Rng(seed));
      const auto subset = stratified_subset(pictures, count / 2, core::Rng(seed));
      ASSERT_EQ(std::ssize(subset), count / 2);
      EXPECT_LT(worst_ratio(pictures, subset), 0.10) << count << " pictures, seed " << seed;
    }
  }
}

TEST(StratifiedSubset, IsAscendingWithoutRepetitionAndDependsOnTheSeedOnly) {
  const Pictures pictures = sparse_pictures(300, 8, core::Rng(3));
  for (const std::int64_t count : {1, 7, 150, 299, 300}) {
    const auto subset = stratified_subset(pictures, count, core::Rng(1));
    EXPECT_EQ(std::ssize(subset), count);
    EXPECT_TRUE(std::ranges::is_sorted(subset));
    EXPECT_EQ(std::ssize(std::set(subset.begin(), subset.end())), count);
    EXPECT_LT(subset.back(), pictures.size());
    EXPECT_EQ(subset, stratified_subset(pictures, count, core::Rng(1)));
  }
  EXPECT_NE(stratified_subset(pictures, 150, core::Rng(1)),
            stratified_subset(pictures, 150, core::Rng(2)));
}

TEST(StratifiedSubset, PicturesWithoutLabelsAndClassesWithoutPixelsDoNoHarm) {
  EXPECT_EQ(stratified_subset(Pictures(4, {0, 0}), 2, core::Rng(1)).size(), 2u);
  EXPECT_EQ(stratified_subset({{5, 0, 1}, {0, 0, 0}, {0, 0, 9}}, 1, core::Rng(1)).size(), 1u);
}

TEST(StratifiedSubset, ACountOutsideTheSetIsAUserError) {
  for (const std::int64_t count : {-1, 0, 4}) {
    try {
      stratified_subset(Pictures(3, {1, 1}), count, core::Rng(1));
      FAIL() << count;
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
      EXPECT_THAT(error.what(),
                  testing::AllOf(testing::HasSubstr(fmt::format("subset of {} pictures", count)),
                                 testing::HasSubstr("the 3 in the split"),
                                 testing::HasSubstr("supernet.pictures")));
    }
  }
}

TEST(ClassPixels, LeaveOutWhatIsNoClass) {
  data::LabelMap labels(3, 2);
  labels.ids = {0, 1, 1, 255, 2, 7};
  EXPECT_THAT(class_pixels(labels, 3), testing::ElementsAre(1, 2, 1));
}

}  // namespace
}  // namespace parsimony::evaluate
