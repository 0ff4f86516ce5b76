// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "parsimony/core/fields.h"
#include "parsimony/network/tensor.h"

namespace parsimony::train {

using network::Tensor;

// How a student learns from a teacher's logits. Both forms are published for this search: the mean
// squared difference of logits (the reference code of Nekrasov et al. 2019, weight 0.3), and the
// Kullback-Leibler divergence of the two softmaxes at a temperature, times its square so that
// gradients keep their size (Hinton et al. 2015; the figure of Lyu et al. 2023, which names no
// temperature).
enum class DistillationLoss { kLogits, kSoftmax };
inline constexpr std::array<std::string_view, 2> kDistillationLossNames = {"logits", "softmax"};
struct DistillationOptions {
  double weight = 0.3;  // 0: none
  DistillationLoss loss = DistillationLoss::kLogits;
  double temperature = 4;
  void visit(core::FieldVisitor& v);
};

// The loss before its weight, a mean over pictures and pixels (of kLogits over classes too), at the
// teacher's size. The teacher's logits may be of another precision or device. With `inside`
// ([N, 1, H, W], of the teacher's size), only pixels where it is 1 count.
Tensor distillation(const Tensor& logits,
                    const Tensor& teacher,
                    const DistillationOptions& options,
                    const Tensor& inside = {});

// Labels [N, H, W] sampled at the centres of a coarser grid (nearest).
Tensor resize_labels(const Tensor& labels, std::int64_t height, std::int64_t width);

}  // namespace parsimony::train
