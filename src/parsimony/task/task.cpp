// SPDX-License-Identifier: Apache-2.0
#include "parsimony/task/task.h"

#include <fmt/format.h>

namespace parsimony::task {

Tensor Task::distillation(const Tensor& output,
                          const Tensor& teacher,
                          const DistillationOptions& options,
                          const Tensor& inside) const {
  DistillationOptions squared = options;
  squared.loss = DistillationLoss::kLogits;
  return task::distillation(output, teacher, squared, inside);
}

std::string quality_text(const Task& task, double quality) {
  if (task.deciding() == "miou") return fmt::format("mIoU {:.1f} %", 100 * quality);
  return fmt::format("{} {:.3f}", task.deciding(), quality);
}

}  // namespace parsimony::task
