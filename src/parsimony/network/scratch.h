// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace parsimony::network {

// Working memory of the calling thread that keeps its size between calls: the first touch of new
// memory costs more than most loops that use it. It starts at a cache line, since vectors that
// straddle two lines take twice as long. Contents are arbitrary. A buffer is valid until it is
// asked for again.
enum class Scratch { kFirst, kSecond, kThird, kFourth };
inline float* scratch(Scratch which, std::int64_t size) {
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  struct Buffer {
    std::unique_ptr<float[], Free> memory;
    std::int64_t size = 0;
  };
  thread_local std::array<Buffer, 4> buffers;
  Buffer& buffer = buffers[static_cast<std::size_t>(which)];
  if (buffer.size < size) {
    constexpr std::int64_t kLine = 64 / sizeof(float);
    const std::int64_t rounded = (size + kLine - 1) / kLine * kLine;
    buffer.memory.reset(static_cast<float*>(
        std::aligned_alloc(64, static_cast<std::size_t>(rounded) * sizeof(float))));
    if (!buffer.memory) throw std::bad_alloc();
    buffer.size = rounded;
  }
  return buffer.memory.get();
}

}  // namespace parsimony::network
