// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "parsimony/network/tensor.h"

namespace parsimony::network {

// Sums over pictures are made in at most this many parts, each in order, whatever the number of
// threads: results do not depend on it.
inline constexpr std::int64_t kParts = 4;

inline std::int64_t part_count(std::int64_t items) {
  return std::min(kParts, items);
}

// Calls body(part, first, last) for each part of the items [first, last), in parallel.
template <typename Body>
void for_parts(std::int64_t items, Body body) {
  const std::int64_t parts = part_count(items);
  at::parallel_for(0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part)
      body(part, items * part / parts, items * (part + 1) / parts);
  });
}

}  // namespace parsimony::network
