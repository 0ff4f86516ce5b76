// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "parsimony/network/simd/loops.h"

namespace parsimony::network {

// Where the values of a resized row or column come from: bilinear resampling from `from` to `to`
// positions with align_corners = false.
class InterpolationTable {
 public:
  InterpolationTable(std::int64_t from, std::int64_t to);
  // Valid as long as the table.
  simd::Interpolation view() const;

 private:
  std::vector<std::int32_t> first_, second_;
  std::vector<float> share_;
};

}  // namespace parsimony::network
