// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "parsimony/network/tensor.h"

namespace parsimony::network {

// Value and gradients of one operation applied to x, with a fixed gradient from above.
inline std::vector<Tensor> value_and_gradients(const Tensor& y, const std::vector<Tensor>& leaves) {
  const Tensor from_above = at::cos(at::arange(y.numel(), at::kFloat)).view(y.sizes());
  torch::autograd::backward({(y * from_above).sum()}, {});
  std::vector<Tensor> all = {y.detach()};
  for (const Tensor& leaf : leaves) all.push_back(leaf.grad());
  return all;
}

inline void expect_equal_up_to_rounding(const std::vector<Tensor>& a,
                                        const std::vector<Tensor>& b,
                                        double tolerance) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = (a[i] - b[i]).abs().max().item<double>();
    EXPECT_LE(difference, tolerance * std::max(1.0, b[i].abs().max().item<double>()))
        << "tensor " << i;
  }
}

}  // namespace parsimony::network
