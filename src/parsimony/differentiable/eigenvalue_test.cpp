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

double estimate(const std::vector<double>& eigenvalues, int steps) {
  const Matrix matrix = with_eigenvalues(eigenvalues, core::Rng(1));
  return largest_eigenvalue(product_with(matrix), eigenvalues.size(), steps, core::Rng(2));
}

TEST(LargestEigenvalue, IsFoundInTenStepsWhereItStandsOut) {
  EXPECT_NEAR(estimate({5, 1, 0.5, 0, -1}, 10), 5, 1e-9);
  EXPECT_NEAR(largest_eigenvalue(product_with({{2, 1}, {1, 2}}), 2, 30, core::Rng(3)), 3, 1e-9);
}

TEST(LargestEigenvalue, IsFoundBesideALargerNegativeOne) {
  EXPECT_NEAR(estimate({-5, 2, 1, -1}, 200), 2, 1e-9);
  EXPECT_NEAR(estimate({-5, 2, 1, -1}, 10), 2, 0.3);
  EXPECT_NEAR(estimate({-5, -1, -3}, 200), -1, 1e-9);
}

// Power iteration alone does not converge here.
TEST(LargestEigenvalue, IsFoundBesideItsNegative) {
  EXPECT_NEAR(estimate({3, -3, 1, 0}, 200), 3, 1e-9);
}

TEST(LargestEigenvalue, IsNeverExceeded) {
  core::Rng rng(4);
  for (int round = 0; round < 50; ++round) {
    std::vector<double> eigenvalues(8);
    for (double& value : eigenvalues) value = rng.normal();
    const double largest = *std::ranges::max_element(eigenvalues);
    EXPECT_LE(estimate(eigenvalues, 10), largest + 1e-9);
    EXPECT_NEAR(estimate(eigenvalues, 3000), largest, 1e-2);
  }
}

TEST(LargestEigenvalue, IsZeroOfNothing) {
  EXPECT_EQ(estimate({0, 0, 0}, 10), 0);
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
  EXPECT_NEAR(largest_eigenvalue(product, 2, 50, core::Rng(5)), 4 + std::sqrt(20.0), 1e-9);
}

}  // namespace
}  // namespace parsimony::differentiable
