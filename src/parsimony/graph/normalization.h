// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

namespace parsimony::graph {

// How pictures enter a network: (value / 255 - mean) / deviation, per red, green, blue.
struct Normalization {
  std::array<double, 3> mean, deviation;
  bool operator==(const Normalization&) const = default;
};

// Statistics of ImageNet; every encoder of Parsimony expects pictures normalised with them.
inline constexpr Normalization kImagenetNormalization = {{0.485, 0.456, 0.406},
                                                         {0.229, 0.224, 0.225}};

}  // namespace parsimony::graph
