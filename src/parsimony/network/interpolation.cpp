// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/interpolation.h"

#include <algorithm>

namespace parsimony::network {

InterpolationTable::InterpolationTable(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  for (std::int64_t i = 0; i < to; ++i) {
    const double position = std::max(0.0, (static_cast<double>(i) + 0.5) * scale - 0.5);
    const std::int64_t first = std::min(static_cast<std::int64_t>(position), from - 1);
    first_.push_back(static_cast<std::int32_t>(first));
    second_.push_back(static_cast<std::int32_t>(std::min(first + 1, from - 1)));
    // Beyond the last position there is nothing to mix with.
    const double share = first + 1 < from ? position - static_cast<double>(first) : 0.0;
    share_.push_back(static_cast<float>(share));
  }
}

simd::Interpolation InterpolationTable::view() const {
  return {static_cast<std::int64_t>(first_.size()), first_.data(), second_.data(), share_.data()};
}

}  // namespace parsimony::network
