// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "parsimony/data/image.h"
#include "parsimony/network/tensor.h"

namespace parsimony::task {

using network::Tensor;

// What pictures of one size are labelled with, as tensors, as far as their samples have it; what
// they lack is undefined.
struct Labels {
  Tensor classes = {};  // [N, H, W] uint8, 255 = ignore
  Tensor depth = {};    // [N, H, W] fp32, metres, 0 = invalid
  Tensor joints = {};   // [N, J, 3] fp32: x and y in pixels of the picture, data::Visibility
  Tensor people = {};   // [N, 2] fp32: head size and area as data::Pose has them
  // Of the pictures: what joints are pixels of. The maps may be of a coarser grid.
  std::int64_t height = 0, width = 0;

  // The same of some pictures.
  Labels select(const Tensor& indices) const;
  Labels narrow(std::int64_t first, std::int64_t count) const;
  // Maps sampled at the centres of another grid (nearest: a blend of two classes is a third, a
  // blend of two depths lies on neither surface). Joints stay where they are.
  Labels on_grid(std::int64_t height, std::int64_t width) const;

  // Every tensor that is defined goes through `change`.
  template <typename Change>
  Labels changed(Change change) const;

  static const std::array<Tensor Labels::*, 4> kParts;
};
inline constexpr std::array<Tensor Labels::*, 4> Labels::kParts = {
    &Labels::classes, &Labels::depth, &Labels::joints, &Labels::people};

template <typename Change>
Labels Labels::changed(Change change) const {
  Labels result = *this;
  for (const auto part : kParts) {
    if ((result.*part).defined()) result.*part = change(result.*part);
  }
  return result;
}

// Samples of one size. What the first one has, all must have.
Labels labels_of(const std::vector<data::Sample>& samples);

// The pose of one picture, as it was before it became a row of Labels.
data::Pose pose_of(const Labels& labels, std::int64_t picture);

}  // namespace parsimony::task
