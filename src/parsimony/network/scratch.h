// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace parsimony::network {

// Working memory of the calling thread that keeps its size between calls: the first touch of new
// memory costs more than most loops that use it. Contents are arbitrary. A buffer is valid until it
// is asked for again.
enum class Scratch { kFirst, kSecond };
inline float* scratch(Scratch which, std::int64_t size) {
  thread_local std::array<std::vector<float>, 2> buffers;
  std::vector<float>& memory = buffers[static_cast<std::size_t>(which)];
  if (memory.size() < static_cast<std::size_t>(size)) memory.resize(static_cast<std::size_t>(size));
  return memory.data();
}

}  // namespace parsimony::network
