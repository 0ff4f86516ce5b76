// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "parsimony/core/rng.h"

namespace parsimony::differentiable {

using VectorFunction = std::function<std::vector<double>(std::span<const double>)>;

// An estimate that the true one is not below. Some eigenvalue lies within `error` of it.
struct Eigenvalue {
  double value = 0, error = 0;
};

// The largest eigenvalue of a symmetric matrix, of which only products with vectors are known: here
// of the Hessian of the validation loss with respect to the alphas (Zela et al., ICLR 2020;
// spec rspnet 10). The method of Lanczos (1950) from a random direction, each vector made
// orthogonal to all before it. It takes at most `steps` products, fewer once the error is below 5 %
// of the value, which is then much closer: its own error goes with the square.
//
// The spec has as many steps of power iteration. Of the same products, Lanczos' estimate is never
// the worse one, it says how far off it is, and an eigenvalue of larger magnitude on the other side
// of 0, which power iteration finds instead, does not disturb it.
Eigenvalue largest_eigenvalue(const VectorFunction& product,
                              std::size_t size,
                              int steps,
                              core::Rng rng);

// Products with the Hessian of a function of which the gradient is known, by central differences at
// `point`: (g(x + h v) - g(x - h v)) / 2 h with h = step / |v| (DARTS; spec rspnet 10: step 1e-2).
// 0 for v = 0.
VectorFunction hessian_product(VectorFunction gradient, std::vector<double> point, double step);

}  // namespace parsimony::differentiable
