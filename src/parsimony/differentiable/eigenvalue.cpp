// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/eigenvalue.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

double dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double norm(std::span<const double> v) {
  return std::sqrt(dot(v, v));
}

constexpr double kCloseEnough = 0.05;  // of the eigenvalue
constexpr double kNothingLeft =
    1e-12;  // of the matrix' size: the space of the products is complete

// The tridiagonal matrix that Lanczos' method makes of the one that it looks at.
struct Tridiagonal {
  std::vector<double> diagonal, beside;
};

// Its largest eigenvalue and the last component of that eigenvector of length 1, by Jacobi's
// rotations (Golub and Van Loan, section 8.5).
std::pair<double, double> largest_pair(const Tridiagonal& tridiagonal) {
  const std::size_t n = tridiagonal.diagonal.size();
  std::vector<std::vector<double>> a(n, std::vector<double>(n, 0.0));
  for (std::size_t i = 0; i < n; ++i) {
    a[i][i] = tridiagonal.diagonal[i];
    if (i + 1 < n) a[i][i + 1] = a[i + 1][i] = tridiagonal.beside[i];
  }
  std::vector<double> last(n, 0.0);  // components of the eigenvectors
  last[n - 1] = 1;
  constexpr int kSweeps = 50;  // a handful are enough
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool turned = false;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        const double size = std::abs(a[p][p]) + std::abs(a[q][q]);
        if (std::abs(a[p][q]) <= std::numeric_limits<double>::epsilon() * size / 2) continue;
        turned = true;
        const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const double t = std::copysign(1 / (std::abs(theta) + std::hypot(theta, 1)), theta);
        const double c = 1 / std::hypot(t, 1), s = t * c;
        const auto turn = [c, s](double& x, double& y) {
          const double before = x;
          x = c * before - s * y;
          y = s * before + c * y;
        };
        for (std::size_t k = 0; k < n; ++k) turn(a[k][p], a[k][q]);
        for (std::size_t k = 0; k < n; ++k) turn(a[p][k], a[q][k]);
        turn(last[p], last[q]);
      }
    }
    if (!turned) break;
  }
  std::size_t best = 0;
  for (std::size_t i = 1; i < n; ++i) {
    if (a[i][i] > a[best][best]) best = i;
  }
  return {a[best][best], last[best]};
}

}  // namespace

Eigenvalue largest_eigenvalue(const VectorFunction& product,
                              std::size_t size,
                              int steps,
                              core::Rng rng) {
  core::require(size > 0 && steps > 0, "{} products with vectors of {}", steps, size);
  std::vector<std::vector<double>> directions(1, std::vector<double>(size));
  for (double& value : directions[0]) value = rng.normal();
  double length = norm(directions[0]), largest = 0;
  Tridiagonal tridiagonal;
  while (true) {
    std::vector<double>& v = directions.back();
    for (double& value : v) value /= length;
    std::vector<double> image = product(v);
    core::require(
        image.size() == size, "a product of {} values with a vector of {}", image.size(), size);
    largest = std::max(largest, norm(image));
    tridiagonal.diagonal.push_back(dot(v, image));
    // Twice, since once leaves what rounding has left.
    for (int round = 0; round < 2; ++round) {
      for (const std::vector<double>& direction : directions) {
        const double share = dot(direction, image);
        for (std::size_t i = 0; i < size; ++i) image[i] -= share * direction[i];
      }
    }
    length = norm(image);
    const auto [value, last] = largest_pair(tridiagonal);
    const Eigenvalue found{.value = value, .error = std::abs(length * last)};
    const auto done = static_cast<std::size_t>(steps) == directions.size();
    if (done || directions.size() == size || length <= kNothingLeft * largest ||
        found.error <= kCloseEnough * std::abs(found.value))
      return found;
    tridiagonal.beside.push_back(length);
    directions.push_back(std::move(image));
  }
}

VectorFunction hessian_product(VectorFunction gradient, std::vector<double> point, double step) {
  core::require(step > 0, "differences over a step of {}", step);
  return
      [gradient = std::move(gradient), point = std::move(point), step](std::span<const double> v) {
        core::require(v.size() == point.size(),
                      "a product with a vector of {} at a point of {}",
                      v.size(),
                      point.size());
        std::vector<double> image(v.size(), 0.0);
        const double length = norm(v);
        if (length == 0) return image;
        const double h = step / length;
        std::vector<double> ahead = point, behind = point;
        for (std::size_t i = 0; i < v.size(); ++i) {
          ahead[i] += h * v[i];
          behind[i] -= h * v[i];
        }
        const std::vector<double> at_ahead = gradient(ahead), at_behind = gradient(behind);
        for (std::size_t i = 0; i < v.size(); ++i)
          image[i] = (at_ahead[i] - at_behind[i]) / (2 * h);
        return image;
      };
}

}  // namespace parsimony::differentiable
