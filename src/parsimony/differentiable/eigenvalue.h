// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "parsimony/core/rng.h"

namespace parsimony::differentiable {

using VectorFunction = std::function<std::vector<double>(std::span<const double>)>;

// The largest eigenvalue of a symmetric matrix, of which only products with vectors are known: here
// of the Hessian of the validation loss with respect to the alphas (Zela et al., ICLR 2020;
// spec rspnet 10). Power iteration of so many products from a random direction, then the
// Rayleigh quotient, which never exceeds the eigenvalue.
//
// Power iteration finds the eigenvalue of the largest magnitude. Where that is negative, or where
// the direction is not yet an eigenvector's, as between two of opposite signs, as many products
// again are taken of the matrix plus that magnitude times the identity, of which no eigenvalue is
// negative (our completion). The larger quotient is returned.
double largest_eigenvalue(const VectorFunction& product,
                          std::size_t size,
                          int steps,
                          core::Rng rng);

// Products with the Hessian of a function of which the gradient is known, by central differences at
// `point`: (g(x + h v) - g(x - h v)) / 2 h with h = step / |v| (DARTS; spec rspnet 10: step 1e-2).
// 0 for v = 0.
VectorFunction hessian_product(VectorFunction gradient, std::vector<double> point, double step);

}  // namespace parsimony::differentiable
