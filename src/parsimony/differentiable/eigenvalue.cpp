// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/eigenvalue.h"

#include <algorithm>
#include <cmath>
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

// v^T A v of a direction v of length 1, and the length of A v: alike for an eigenvector of a
// positive eigenvalue.
struct Direction {
  double quotient = 0, length = 0;
};

Direction iterate(const VectorFunction& product, std::vector<double> v, int steps) {
  Direction last;
  for (int step = 0; step < steps; ++step) {
    const double scale = 1 / norm(v);
    for (double& value : v) value *= scale;
    std::vector<double> image = product(v);
    core::require(image.size() == v.size(),
                  "a product of {} values with a vector of {}",
                  image.size(),
                  v.size());
    last = {.quotient = dot(v, image), .length = norm(image)};
    if (last.length == 0) break;
    v = std::move(image);
  }
  return last;
}

// Below this cosine between v and A v the direction is not one of a positive eigenvalue.
constexpr double kAligned = 0.9;

}  // namespace

double largest_eigenvalue(const VectorFunction& product,
                          std::size_t size,
                          int steps,
                          core::Rng rng) {
  core::require(size > 0 && steps > 0, "{} steps of power iteration of size {}", steps, size);
  std::vector<double> start(size);
  for (double& value : start) value = rng.normal();

  const Direction dominant = iterate(product, start, steps);
  if (dominant.quotient >= kAligned * dominant.length) return dominant.quotient;

  const double shift = dominant.length;
  const VectorFunction shifted = [&](std::span<const double> v) {
    std::vector<double> image = product(v);
    for (std::size_t i = 0; i < image.size(); ++i) image[i] += shift * v[i];
    return image;
  };
  return std::max(dominant.quotient, iterate(shifted, start, steps).quotient - shift);
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
