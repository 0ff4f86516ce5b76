// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/pattern_distribution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"

namespace parsimony::differentiable {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

std::vector<double> random_gates(std::size_t edges, core::Rng& rng) {
  std::vector<double> gates(edges);
  for (double& gate : gates) gate = rng.uniform(0.05, 0.95);
  return gates;
}

// The formula as it stands.
std::vector<double> by_definition(const std::vector<double>& gates) {
  double all_closed = 1;
  for (const double gate : gates) all_closed *= 1 - gate;
  std::vector<double> probabilities{0};
  for (std::size_t q = 1; q < std::size_t{1} << gates.size(); ++q) {
    double product = 1;
    for (std::size_t e = 0; e < gates.size(); ++e)
      product *= (q >> e & 1U) != 0 ? gates[e] : 1 - gates[e];
    probabilities.push_back(product / (1 - all_closed));
  }
  return probabilities;
}

TEST(PatternDistribution, FollowsItsDefinition) {
  core::Rng rng(1);
  for (const std::size_t edges : {1U, 2U, 5U, 8U, 10U}) {
    const std::vector<double> gates = random_gates(edges, rng);
    const PatternDistribution distribution(gates);
    const std::vector<double> expected = by_definition(gates);
    ASSERT_EQ(distribution.probabilities().size(), expected.size());
    double sum = 0;
    for (std::size_t q = 0; q < expected.size(); ++q) {
      ASSERT_NEAR(distribution.probabilities()[q], expected[q], 1e-14) << "pattern " << q;
      sum += distribution.probabilities()[q];
    }
    EXPECT_NEAR(sum, 1, 1e-12) << edges << " edges";
  }
}

TEST(PatternDistribution, IsUniformWhereAllGatesAreHalfOpen) {
  const std::vector<double> gates(16, 0.5);
  const PatternDistribution distribution(gates);
  for (std::size_t q = 1; q < 65536; ++q)
    ASSERT_NEAR(distribution.probabilities()[q], 1 / 65535.0, 1e-18);
}

TEST(PatternDistribution, KnowsGatesThatAreSure) {
  const std::vector<double> gates{1, 0, 0.25};
  const PatternDistribution distribution(gates);
  EXPECT_THAT(
      std::vector<double>(distribution.probabilities().begin(), distribution.probabilities().end()),
      ElementsAre(0, 0.75, 0, 0, 0, 0.25, 0, 0));
  // P(100) = 1 - p_2 and P(101) = p_2: the slopes of P(101) are those of p_0 p_2 (1 - p_1), less
  // what its divisor adds, which is at its maximum of 1.
  const std::vector<double> of_one_pattern{0, 0, 0, 0, 0, 1, 0, 0};
  EXPECT_THAT(distribution.backward(of_one_pattern),
              ElementsAre(DoubleNear(0.25 - 0.25 * 0.75, 1e-15), -0.25, 1));
}

// Where all gates are small one edge is open, and which one says the ratio of the gates.
TEST(PatternDistribution, KeepsItsPrecisionWhereAllGatesAreSmall) {
  const std::vector<double> gates{1e-20, 3e-20};
  const PatternDistribution distribution(gates);
  EXPECT_NEAR(distribution.probabilities()[0b01], 0.25, 1e-15);
  EXPECT_NEAR(distribution.probabilities()[0b10], 0.75, 1e-15);
  EXPECT_LT(distribution.probabilities()[0b11], 1e-19);
}

TEST(PatternDistribution, HasTheGradientOfAnyFunctionOfIt) {
  core::Rng rng(2);
  for (const std::size_t edges : {1U, 2U, 5U, 8U}) {
    const std::vector<double> gates = random_gates(edges, rng);
    const PatternDistribution distribution(gates);
    std::vector<double> weights(distribution.probabilities().size());
    for (double& weight : weights) weight = rng.normal();
    const auto value_at = [&](std::size_t edge, double change) {
      std::vector<double> moved = gates;
      moved[edge] += change;
      const PatternDistribution there(moved);
      return std::inner_product(weights.begin(), weights.end(), there.probabilities().begin(), 0.0);
    };
    const std::vector<double> gradient = distribution.backward(weights);
    ASSERT_EQ(gradient.size(), edges);
    for (std::size_t e = 0; e < edges; ++e) {
      const double slope = (value_at(e, 1e-5) - value_at(e, -1e-5)) / 2e-5;
      EXPECT_NEAR(gradient[e], slope, 1e-7 * std::max(1.0, std::abs(slope)))
          << "edge " << e << " of " << edges;
    }
  }
}

TEST(PatternDistribution, NeedsAnEdgeThatCanOpen) {
  EXPECT_THROW(PatternDistribution(std::vector<double>{0, 0}), core::Error);
  EXPECT_THROW(PatternDistribution(std::vector<double>{}), core::Error);
  EXPECT_THROW(PatternDistribution(std::vector<double>(17, 0.5)), core::Error);
  const PatternDistribution one_edge(std::vector<double>{0.3});
  EXPECT_THROW(one_edge.backward(std::vector<double>{1}), core::Error);
}

}  // namespace
}  // namespace parsimony::differentiable
