// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/network/network.h"

namespace parsimony::bilevel {

using network::Tensor;

// A supernet with what a search leaves open: its architecture, real numbers that are trained like
// weights, but on other pictures.
class Relaxation {
 public:
  virtual ~Relaxation() = default;
  virtual network::Network& network() = 0;
  // The parameters of the architecture: alphas or gammas.
  virtual network::ParameterGroup& architecture() = 0;
  // What the network takes beside the pictures, in its order. Differentiable in the architecture.
  virtual std::vector<Tensor> coefficients() const = 0;
};

}  // namespace parsimony::bilevel
