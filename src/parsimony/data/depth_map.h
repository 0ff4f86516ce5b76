// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace parsimony::data {

// How far away each pixel is, in metres along the camera's axis (as depth cameras measure it, not
// along the ray), rows from the top: [height, width]. kInvalid marks pixels without a depth, which
// take part in neither loss nor metric.
struct DepthMap {
  static constexpr float kInvalid = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<float> metres;

  DepthMap() = default;
  DepthMap(std::int64_t w, std::int64_t h, float fill = kInvalid)
      : width(w), height(h), metres(static_cast<std::size_t>(w * h), fill) {}
  float& at(std::int64_t x, std::int64_t y) {
    return metres[static_cast<std::size_t>(y * width + x)];
  }
  float at(std::int64_t x, std::int64_t y) const {
    return metres[static_cast<std::size_t>(y * width + x)];
  }
  bool operator==(const DepthMap&) const = default;
};

}  // namespace parsimony::data
