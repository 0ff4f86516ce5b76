// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "parsimony/network/narrow_maps.h"
#include "parsimony/network/ops.h"
#include "parsimony/network/scratch.h"

// What the convolutions of narrow maps (narrow_convolution.h) have in common: products by
// simd/bf16_loops.h, from buffers of the thread to the pixels of a map.
namespace parsimony::network::narrow {

using simd::Bf16;
using simd::kBf16Columns;
using simd::kBf16Inner;
using simd::kBf16Rows;

inline const simd::Bf16Loops& loops() {
  return *simd::bf16_loops();
}

inline std::int64_t rounded_up(std::int64_t value, std::int64_t to) {
  return (value + to - 1) / to * to;
}

// Values behind the last row of a first factor that a product may read.
inline std::int64_t reading_margin(std::int64_t channels) {
  return kBf16Rows * channels + 2 * kBf16Inner;
}

// Several buffers of bf16 values in one of the thread's.
class Buffers {
 public:
  Buffers(Scratch which, std::initializer_list<std::int64_t> sizes) {
    std::int64_t total = 0;
    for (const std::int64_t size : sizes) total += rounded_up(size, kAlign);
    auto* next = reinterpret_cast<Bf16*>(scratch(which, total / 2));
    for (const std::int64_t size : sizes) {
      buffers_[count_++] = next;
      next += rounded_up(size, kAlign);
    }
  }
  Bf16* operator[](std::size_t i) const { return buffers_[i]; }

 private:
  static constexpr std::int64_t kAlign = 32;
  std::array<Bf16*, 5> buffers_{};
  std::size_t count_ = 0;
};

// Matrices for products, packed once.
class Factors {
 public:
  // [runs, inner, columns], fp32.
  explicit Factors(const Tensor& matrices)
      : factors_{matrices.size(0), matrices.size(1), matrices.size(2), nullptr} {
    const Tensor plain = matrices.contiguous();
    packed_ = at::empty({loops().packed_size(factors_.runs, factors_.inner, factors_.columns)},
                        at::kShort);
    auto* packed = reinterpret_cast<Bf16*>(packed_.data_ptr<std::int16_t>());
    for (std::int64_t run = 0; run < factors_.runs; ++run) {
      loops().pack(factors_,
                   run,
                   plain.data_ptr<float>() + run * factors_.inner * factors_.columns,
                   factors_.columns,
                   1,
                   packed);
    }
    factors_.packed = packed;
  }
  const simd::Bf16Factors& operator*() const { return factors_; }

 private:
  simd::Bf16Factors factors_;
  Tensor packed_;
};

// The pixels of a map, of either precision, that a product writes, and what happens on the way.
class Rows {
 public:
  explicit Rows(const Tensor& map, const Tensor& start = {}, Clamp clamp = {})
      : channels_(map.size(1)), start_(start), clamp_(clamp) {
    if (is_narrow(map)) {
      narrow_ = narrow_data(map);
    } else {
      wide_ = map.data_ptr<float>();
    }
  }
  // Pixels [0, ...) of a buffer.
  Rows(float* buffer, std::int64_t channels) : channels_(channels), wide_(buffer) {}

  void to_pixel(std::int64_t row, std::int64_t pixel) {
    const auto i = static_cast<std::size_t>(row);
    if (narrow_ != nullptr) narrow_rows_[i] = narrow_ + pixel * channels_;
    if (wide_ != nullptr) wide_rows_[i] = wide_ + pixel * channels_;
  }
  void to_pixels(std::int64_t first, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) to_pixel(i, first + i);
  }
  void drop(std::int64_t row) {
    narrow_rows_[static_cast<std::size_t>(row)] = nullptr;
    wide_rows_[static_cast<std::size_t>(row)] = nullptr;
  }
  // `sums` [2, channels] of what is written, or null.
  simd::Bf16Result result(double* sums = nullptr) const {
    simd::Bf16Result result;
    if (start_.defined()) result.start = start_.data_ptr<float>();
    result.floor = clamp_.floor;
    result.ceiling = clamp_.ceiling;
    if (narrow_ != nullptr) result.narrow = narrow_rows_.data();
    if (wide_ != nullptr) result.wide = wide_rows_.data();
    if (sums != nullptr) {
      result.sum = sums;
      result.square_sum = sums + channels_;
    }
    return result;
  }

 private:
  std::int64_t channels_;
  Tensor start_;
  Clamp clamp_;
  Bf16* narrow_ = nullptr;
  float* wide_ = nullptr;
  std::array<Bf16*, kBf16Rows> narrow_rows_{};
  std::array<float*, kBf16Rows> wide_rows_{};
};

// rows [count, inner] behind each other times one matrix, to pixels from `first` on. `sums` as
// Rows::result().
void multiply_rows(const Factors& factors,
                   const Bf16* rows,
                   std::int64_t count,
                   std::int64_t first,
                   Rows& to,
                   double* sums = nullptr);

}  // namespace parsimony::network::narrow
