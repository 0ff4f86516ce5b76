// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/network/tensor.h"

namespace parsimony::train {

using network::Tensor;

// Mean squared difference of logits, student resized to the teacher's size (the distillation loss
// of the cell search's reference code). The teacher's may be of another precision or device.
Tensor distillation(const Tensor& logits, const Tensor& teacher);

// Labels [N, H, W] sampled at the centres of a coarser grid (nearest).
Tensor resize_labels(const Tensor& labels, std::int64_t height, std::int64_t width);

}  // namespace parsimony::train
