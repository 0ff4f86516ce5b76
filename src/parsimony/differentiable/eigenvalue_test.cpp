// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/eigenvalue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

using Matrix = std::vector<std::vector<double>>;

VectorFunction product_with(const Matrix& matrix) {
  return [matrix](std::span<const double> v) {
    std::vector<double> image(v.size(), 0.0);
    for (std::size_t i = 0; i < v.size(); ++i) {
      for (std::size_t j = 0; j < v.size(); ++j) image[i] += matrix[i][j] * v[j];
    }
    return image;
  };
}

// A diagonal matrix seen from other directions: mirrored at a random plane.
Matrix with_eigenvalues(const std::vector<double>& eigenvalues, core::Rng rng) {
  const std::size_t n = eigenvalues.size();
  std::vector<double> normal(n);
  double length = 0;
  for (double& value : normal) value = rng.normal(), length += value * value;
  Matrix mirror(n, std::vector<double>(n)), matrix(n, std::vector<double>(n, 0.0));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j)
      mirror[i][j] = (i == j ? 1 : 0) - 2 * normal[i] * normal[j] / length;
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k)
        matrix[i][j] += mirror[i][k] * eigenvalues[k] * mirror[k][j];
    }
  }
  return matrix;
}

Eigenvalue estimate(const std::vector<double>& eigenvalues, int steps) {
  const Matrix matrix = with_eigenvalues(eigenvalues, core::Rng(1));
  return largest_eigenvalue(product_with(matrix), eigenvalues.size(), steps, core::Rng(2));
}

void expect_close(const Eigenvalue& found, double largest) {
  EXPECT_LE(found.value, largest + 1e-9);
  EXPECT_NEAR(found.value, largest, found.error + 1e-9);
  EXPECT_LE(found.error, 0.05 * std::abs(largest) + 1e-9);
}

TEST(LargestEigenvalue, IsFoundWhereItStandsOut) {
  expect_close(estimate({5, 1, 0.5, 0, -1}, 10), 5);
  expect_close(largest_eigenvalue(product_with({{2, 1}, {1, 2}}), 2, 30, core::Rng(3)), 3);
}

TEST(LargestEigenvalue, IsFoundBesideALargerNegativeOne) {
  expect_close(estimate({-5, 2, 1, -1}, 10), 2);
  expect_close(estimate({-5, -1, -3}, 10), -1);
}

TEST(LargestEigenvalue, IsFoundBesideItsNegative) {
  expect_close(estimate({3, -3, 1, 0}, 10), 3);
}

// With fewer products than values in a vector, as of the 80 alphas of a cell.
TEST(LargestEigenvalue, IsNeverExceededAndKnowsHowFarOffItIs) {
  core::Rng rng(4);
  int close = 0;
  for (int round = 0; round < 50; ++round) {
    std::vector<double> eigenvalues(40);
    for (double& value : eigenvalues) value = rng.normal();
    eigenvalues[0] = 4;
    const double largest = *std::ranges::max_element(eigenvalues);
    const Eigenvalue rough = estimate(eigenvalues, 3), good = estimate(eigenvalues, 40);
    EXPECT_LE(rough.value, largest + 1e-9);
    EXPECT_GT(rough.error, 0);
    close += largest - good.value < 0.05 * largest ? 1 : 0;
    EXPECT_LE(std::abs(largest - good.value), good.error + 1e-9);
  }
  EXPECT_EQ(close, 50);
}

TEST(LargestEigenvalue, TakesNoMoreProductsThanItNeeds) {
  int products = 0;
  const VectorFunction product = [&](std::span<const double> v) {
    ++products;
    return product_with(with_eigenvalues({9, 0.1, 0.1, 0.1, 0.1, 0.1}, core::Rng(1)))(v);
  };
  expect_close(largest_eigenvalue(product, 6, 10, core::Rng(2)), 9);
  EXPECT_LE(products, 2);
}

TEST(LargestEigenvalue, IsZeroOfNothing) {
  EXPECT_EQ(estimate({0, 0, 0}, 10).value, 0);
  EXPECT_EQ(estimate({0, 0, 0}, 10).error, 0);
  const VectorFunction wrong = [](std::span<const double>) { return std::vector<double>{1}; };
  EXPECT_THROW(largest_eigenvalue(wrong, 2, 10, core::Rng(1)), core::Error);
  EXPECT_THROW(estimate({1}, 0), core::Error);
}

// f(x, y) = x^3 + x y^2: Hessian {{6 x, 2 y}, {2 y, 2 x}}.
TEST(HessianProduct, FollowsFromGradients) {
  const VectorFunction gradient = [](std::span<const double> at) {
    return std::vector<double>{3 * at[0] * at[0] + at[1] * at[1], 2 * at[0] * at[1]};
  };
  const VectorFunction product = hessian_product(gradient, {1, 2}, 1e-2);
  const std::vector<double> image = product(std::vector<double>{30, -10});
  EXPECT_NEAR(image[0], 6 * 30 - 4 * 10, 1e-9);
  EXPECT_NEAR(image[1], 4 * 30 - 2 * 10, 1e-9);
  EXPECT_EQ(product(std::vector<double>{0, 0}), (std::vector<double>{0, 0}));
  expect_close(largest_eigenvalue(product, 2, 50, core::Rng(5)), 4 + std::sqrt(20.0));
}

}  // namespace
}  // namespace parsimony::differentiable
