// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/differentiable/paths/grid.h"

namespace parsimony::differentiable {

// A loss of the gate probabilities and its gradient with respect to them, one value per layer and
// edge: what a custom backward passes on to the parameters of the gates.
struct GateLoss {
  double value = 0;
  EdgeValues gradient;

  // Becomes the sum of itself and `weight` times the other.
  void add(double weight, const GateLoss& other);
};

// One that is 0 everywhere, to add to.
GateLoss no_loss(const Grid& grid);

}  // namespace parsimony::differentiable
