// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/loss.h"

#include "parsimony/network/ops.h"

namespace parsimony::train {

Tensor distillation(const Tensor& logits, const Tensor& teacher) {
  return at::mse_loss(network::resize_bilinear(logits, teacher.size(2), teacher.size(3)),
                      teacher.to(logits.device(), logits.scalar_type()));
}

Tensor resize_labels(const Tensor& labels, std::int64_t height, std::int64_t width) {
  if (labels.size(1) == height && labels.size(2) == width) return labels;
  const auto indices = [&](std::int64_t from, std::int64_t to) {
    const Tensor centres = (at::arange(to, labels.options().dtype(at::kDouble)) + 0.5) *
                           (static_cast<double>(from) / static_cast<double>(to));
    return centres.floor().to(at::kLong).clamp_max(from - 1);
  };
  return labels.index_select(1, indices(labels.size(1), height))
      .index_select(2, indices(labels.size(2), width));
}

}  // namespace parsimony::train
