// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/network/ops.h"
#include "parsimony/network/tensor.h"

// What pixels' logits are wanted for, computed from logits [N, K, h, w] of a coarser grid. kFast
// interpolates one pixel at a time and never stores logits of the pictures' size.
namespace parsimony::network {

// Mean cross-entropy over the pixels of `labels` [N, H, W] (uint8) that are not kIgnored; logits
// are resized bilinearly. Zero when every pixel is ignored. Differentiable. Labels may be on
// another device.
inline constexpr std::uint8_t kIgnored = 255;
Tensor pixel_cross_entropy(const Tensor& logits, const Tensor& labels, Kernels kernels);

// The class of the largest logit after bilinear resizing: [N, height, width], uint8.
Tensor pixel_classes(const Tensor& logits,
                     std::int64_t height,
                     std::int64_t width,
                     Kernels kernels);

}  // namespace parsimony::network
