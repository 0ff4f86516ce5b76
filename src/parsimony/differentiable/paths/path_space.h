// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/rng.h"
#include "parsimony/differentiable/paths/grid.h"

namespace parsimony::differentiable {

// How many valid networks a grid holds (is_valid; spec/rspnet.md 4.10): 1,759 of 3 layers, about
// 3.337e5 of 4, 2.2e25 of 12. Exact below 2^53.
double count_paths(const Grid& grid);

// How many single paths lead through a grid: 34 of 4 layers, a Fibonacci number of a triangular
// grid of neighbours (spec 4.10).
double count_walks(const Grid& grid);

// A random valid network: edges open independently with the probabilities that their gates say,
// given that the whole is valid. With all gates at 0.5 every valid network is equally probable;
// lower gates give sparser ones. The baseline of random paths (spec 10). Gates are held within
// [1e-7, 1 - 1e-7].
Patterns sample_paths(const Grid& grid, const EdgeValues& gates, core::Rng& rng);

}  // namespace parsimony::differentiable
