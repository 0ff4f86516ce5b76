// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/gate_loss.h"

#include "parsimony/core/error.h"

namespace parsimony::differentiable {

void GateLoss::add(double weight, const GateLoss& other) {
  core::require(gradient.size() == other.gradient.size(), "a sum of losses of different grids");
  value += weight * other.value;
  for (std::size_t l = 0; l < gradient.size(); ++l) {
    core::require(gradient[l].size() == other.gradient[l].size(),
                  "a sum of losses of different grids");
    for (std::size_t e = 0; e < gradient[l].size(); ++e)
      gradient[l][e] += weight * other.gradient[l][e];
  }
}

GateLoss no_loss(const Grid& grid) {
  return {.value = 0, .gradient = filled(grid, 0)};
}

}  // namespace parsimony::differentiable
