// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "parsimony/core/fields.h"
#include "parsimony/network/pixel_classes.h"

// How a training learns, whatever its task: options of the training, not of the task.
namespace parsimony::task {

using network::Tensor;

// What a network learns from class labels: the cross-entropy of all labelled pixels, or of the hard
// ones alone (network::HardPixels).
enum class PixelLoss { kCrossEntropy, kOhem };
inline constexpr std::array<std::string_view, 2> kPixelLossNames = {"cross_entropy", "ohem"};

struct Learning {
  network::Kernels kernels = network::Kernels::kFast;
  PixelLoss pixels = PixelLoss::kCrossEntropy;
  network::HardPixels hard = {};
};

// How a student learns from a teacher's outputs. Both forms are published for this search: the mean
// squared difference of logits (the reference code of Nekrasov et al. 2019, weight 0.3), and the
// Kullback-Leibler divergence of the two softmaxes at a temperature, times its square so that
// gradients keep their size (Hinton et al. 2015; the figure of Lyu et al. 2023, which names no
// temperature). Numbers that are not logits of classes, heat maps and depths, are always compared
// by their squared difference.
enum class DistillationLoss { kLogits, kSoftmax };
inline constexpr std::array<std::string_view, 2> kDistillationLossNames = {"logits", "softmax"};
struct DistillationOptions {
  double weight = 0.3;  // 0: none
  DistillationLoss loss = DistillationLoss::kLogits;
  double temperature = 4;
  void visit(core::FieldVisitor& v);
};

// The loss before its weight, a mean over pictures and pixels (of kLogits over channels too), at
// the teacher's size. The teacher's outputs may be of another precision or device. With `inside`
// ([N, 1, H, W], of the teacher's size), only pixels where it is 1 count.
Tensor distillation(const Tensor& output,
                    const Tensor& teacher,
                    const DistillationOptions& options,
                    const Tensor& inside = {});

}  // namespace parsimony::task
