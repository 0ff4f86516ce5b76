// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/loss.h"

#include "parsimony/core/error.h"
#include "parsimony/network/ops.h"

namespace parsimony::train {

void DistillationOptions::visit(core::FieldVisitor& v) {
  v.field("weight", weight, {"of the distillation loss where there is a teacher; 0: none", 0});
  v.choice("loss",
           loss,
           kDistillationLossNames,
           {"logits (mean squared difference) or softmax (divergence at the temperature)"});
  v.field("temperature", temperature, {"of loss: softmax", 0.01, 1000});
}

Tensor distillation(const Tensor& logits,
                    const Tensor& teacher,
                    const DistillationOptions& options,
                    const Tensor& inside) {
  const Tensor student = network::resize_bilinear(logits, teacher.size(2), teacher.size(3));
  const Tensor target = teacher.to(logits.device(), logits.scalar_type());
  Tensor of_pixels;  // [N, 1, H, W]
  switch (options.loss) {
    case DistillationLoss::kLogits:
      of_pixels = (student - target).square().mean(1, /*keepdim=*/true);
      break;
    case DistillationLoss::kSoftmax: {
      const double t = options.temperature;
      const Tensor expected = at::log_softmax(target / t, 1);
      const Tensor divergence = expected.exp() * (expected - at::log_softmax(student / t, 1));
      of_pixels = t * t * divergence.sum(1, /*keepdim=*/true);
      break;
    }
  }
  if (!inside.defined()) return of_pixels.mean();
  const Tensor counts = inside.to(of_pixels.device());
  return (of_pixels * counts).sum() / counts.sum().clamp_min(1);
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
