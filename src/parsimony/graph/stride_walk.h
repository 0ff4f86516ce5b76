// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace parsimony::graph {

// Strides and dilations of a backbone's blocks when its output may not be coarser than a given
// stride. Where a block would exceed it, the block keeps the size and all blocks after it, not the
// block itself, are dilated by the stride that it lost (stack_blocks_dense and mobilenet_base of
// TensorFlow's DeepLab).
class StrideWalk {
 public:
  StrideWalk(std::int64_t start, std::int64_t limit) : stride_(start), limit_(limit) {}

  struct Step {
    std::int64_t stride = 1, dilation = 1;
  };
  // What a block of the published stride gets.
  Step next(std::int64_t published) {
    const std::int64_t dilation = dilation_;
    if (stride_ * published > limit_) {
      dilation_ *= published;
      return {1, dilation};
    }
    stride_ *= published;
    return {published, dilation};
  }

  std::int64_t stride() const { return stride_; }

 private:
  std::int64_t stride_, limit_;
  std::int64_t dilation_ = 1;
};

}  // namespace parsimony::graph
