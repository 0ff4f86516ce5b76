// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/fields.h"
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

// Which pixels online hard example mining learns from (Shrivastava et al., CVPR 2016). The rule and
// its values are those of FasterSeg's published training (Chen et al., ICLR 2020; spec rspnet 8).
struct HardPixels {
  // Pixels whose true class has at most this probability; 1: all, 0: none.
  double threshold = 0.7;
  // The share of a batch's labelled pixels that count in any case, the hardest ones; rounded up.
  double kept = 0.0625;
  void visit(core::FieldVisitor& v);
};

// pixel_cross_entropy() of the hard pixels alone, a mean over these. Pixels as hard as the last
// that is kept count too, so that the choice is the same in every order. Zero when no pixel counts.
// Differentiable; which pixels count is not. Their losses are stored, [N, H, W].
Tensor hard_pixel_cross_entropy(const Tensor& logits,
                                const Tensor& labels,
                                const HardPixels& hard,
                                Kernels kernels);

// The class of the largest logit after bilinear resizing: [N, height, width], uint8.
Tensor pixel_classes(const Tensor& logits,
                     std::int64_t height,
                     std::int64_t width,
                     Kernels kernels);

}  // namespace parsimony::network
