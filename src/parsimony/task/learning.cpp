// SPDX-License-Identifier: Apache-2.0
#include "parsimony/task/learning.h"

namespace parsimony::task {

void DistillationOptions::visit(core::FieldVisitor& v) {
  v.field("weight", weight, {"of the distillation loss where there is a teacher; 0: none", 0});
  v.choice("loss",
           loss,
           kDistillationLossNames,
           {"logits (mean squared difference) or softmax (of classes: divergence at the "
            "temperature)"});
  v.field("temperature", temperature, {"of loss: softmax", 0.01, 1000});
}

Tensor distillation(const Tensor& output,
                    const Tensor& teacher,
                    const DistillationOptions& options,
                    const Tensor& inside) {
  const Tensor student = network::resize_bilinear(output, teacher.size(2), teacher.size(3));
  const Tensor target = teacher.to(output.device(), output.scalar_type());
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

}  // namespace parsimony::task
