// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/path_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "parsimony/differentiable/paths/exact_decoding.h"
#include "parsimony/differentiable/paths/testing.h"

namespace parsimony::differentiable {
namespace {

using testing::all_valid;
using testing::grid_of;
using testing::random_gates;

// Spec 4.10.
TEST(CountPaths, MeetsThePublishedSizes) {
  EXPECT_EQ(count_paths(grid_of(3)), 1759);
  EXPECT_NEAR(count_paths(grid_of(4)), 3.337e5, 50);
  EXPECT_NEAR(count_paths(grid_of(6)), 2.8e10, 0.05e10);
  EXPECT_NEAR(count_paths(grid_of(8)), 2.6e15, 0.05e15);
  EXPECT_NEAR(count_paths(grid_of(12)), 2.2e25, 0.05e25);
}

TEST(CountPaths, CountsWhatIsValid) {
  for (const Grid& grid : {grid_of(1),
                           grid_of(3),
                           grid_of(2, Connectivity::kFull),
                           grid_of(1, Connectivity::kFull, Start::kMultires),
                           grid_of(2, Connectivity::kNeighbour, Start::kMultires)}) {
    const std::vector<Patterns> networks = all_valid(grid);
    EXPECT_EQ(count_paths(grid), static_cast<double>(networks.size()));
    for (const Patterns& network : networks) ASSERT_TRUE(is_valid(grid, network));
  }
}

// Spec 4.10: F(2 L + 1).
TEST(CountWalks, IsAFibonacciNumber) {
  EXPECT_EQ(count_walks(grid_of(4)), 34);
  EXPECT_EQ(count_walks(grid_of(11)), 28657);
  EXPECT_EQ(count_walks(grid_of(12)), 75025);
  double before = 1, number = 1;  // F(2 L - 1) and F(2 L)
  for (int layers = 1; layers <= 20; ++layers) {
    before += number;
    number += before;
    EXPECT_EQ(count_walks(grid_of(layers)), before) << layers << " layers";
  }
}

TEST(SamplePaths, AreValidAndRepeatable) {
  core::Rng rng(1);
  for (const Grid& grid : {grid_of(4),
                           grid_of(12),
                           grid_of(4, Connectivity::kFull),
                           grid_of(3, Connectivity::kNeighbour, Start::kMultires)}) {
    for (int round = 0; round < 20; ++round) {
      const EdgeValues gates = random_gates(grid, rng);
      core::Rng same = rng;
      const Patterns sampled = sample_paths(grid, gates, rng);
      ASSERT_TRUE(is_valid(grid, sampled));
      ASSERT_EQ(sample_paths(grid, gates, same), sampled);
    }
  }
}

TEST(SamplePaths, FollowGatesThatAreSure) {
  const Grid grid = grid_of(2);
  core::Rng rng(2);
  const Paths expected = {{{0, 0}, {0, 1}}, {{0, 0}, {1, 2}}};
  for (int round = 0; round < 20; ++round) {
    const Patterns sampled = sample_paths(grid, {{1, 1}, {1, 0, 0, 0, 1}}, rng);
    ASSERT_EQ(to_paths(grid, sampled), expected);
  }
  // Layers that are sure of different things still make a valid network.
  EXPECT_TRUE(is_valid(grid, sample_paths(grid, {{1, 0}, {0, 0, 0, 0, 1}}, rng)));
}

// Pearson's statistic of `draws` samples against the given probabilities.
double chi_square(const Grid& grid,
                  const EdgeValues& gates,
                  const std::map<Patterns, double>& probabilities,
                  int draws) {
  core::Rng rng(3);
  std::map<Patterns, double> counts;
  for (int i = 0; i < draws; ++i) counts[sample_paths(grid, gates, rng)] += 1;
  double statistic = 0;
  for (const auto& [network, probability] : probabilities) {
    const double expected = probability * draws, difference = counts[network] - expected;
    statistic += difference * difference / expected;
  }
  EXPECT_EQ(counts.size(), probabilities.size());
  return statistic;
}

TEST(SamplePaths, AreAsProbableAsTheirGatesSay) {
  const Grid grid = grid_of(2);
  core::Rng rng(4);
  const std::vector<Patterns> networks = all_valid(grid);
  for (const EdgeValues& gates :
       {filled(grid, 0.5), EdgeValues{{0.4, 0.6}, {0.3, 0.5, 0.6, 0.4, 0.7}}}) {
    std::map<Patterns, double> probabilities;
    double sum = 0;
    for (const Patterns& network : networks) {
      probabilities[network] = std::exp(-to_nats(negative_log_likelihood(grid, gates, network)));
      sum += probabilities[network];
    }
    for (auto& [network, probability] : probabilities) probability /= sum;
    // Mean and variance of the statistic are those of its degrees of freedom.
    const auto freedom = static_cast<double>(networks.size() - 1);
    const double statistic = chi_square(grid, gates, probabilities, 20000);
    EXPECT_NEAR(statistic, freedom, 5 * std::sqrt(2 * freedom));
  }
}

}  // namespace
}  // namespace parsimony::differentiable
