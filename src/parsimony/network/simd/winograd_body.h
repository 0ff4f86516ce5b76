// SPDX-License-Identifier: Apache-2.0
// Tile transforms of the minimal filtering algorithm F(4x4, 3x3) of Lavin & Gray (CVPR 2016,
// section 4.3), part of loops_body.cc and compiled once per instruction set. A 4x4 block of outputs
// costs 36 products instead of 144.
#pragma once

#include <cstdint>

#include "parsimony/network/simd/vector_body.h"

namespace parsimony::network::simd {
namespace {

// One-dimensional transforms: B^T (6 -> 6), A^T (6 -> 4) and its adjoint A (4 -> 6).
template <typename V>
inline void times_b(const V in[6], V out[6]) {
  const V even = in[4] - 4.0F * in[2];
  const V odd = in[3] - 4.0F * in[1];
  const V even2 = in[4] - in[2];
  const V odd2 = 2.0F * (in[3] - in[1]);
  out[0] = 4.0F * in[0] - 5.0F * in[2] + in[4];
  out[1] = even + odd;
  out[2] = even - odd;
  out[3] = even2 + odd2;
  out[4] = even2 - odd2;
  out[5] = 4.0F * in[1] - 5.0F * in[3] + in[5];
}

template <typename V>
inline void times_a_transposed(const V in[6], V out[4]) {
  const V sum1 = in[1] + in[2];
  const V difference1 = in[1] - in[2];
  const V sum2 = in[3] + in[4];
  const V difference2 = in[3] - in[4];
  out[0] = in[0] + sum1 + sum2;
  out[1] = difference1 + 2.0F * difference2;
  out[2] = sum1 + 4.0F * sum2;
  out[3] = difference1 + 8.0F * difference2 + in[5];
}

template <typename V>
inline void times_a(const V in[4], V out[6]) {
  const V even = in[0] + in[2];
  const V odd = in[1] + in[3];
  const V even2 = in[0] + 4.0F * in[2];
  const V odd2 = 2.0F * in[1] + 8.0F * in[3];
  out[0] = in[0];
  out[1] = even + odd;
  out[2] = even - odd;
  out[3] = even2 + odd2;
  out[4] = even2 - odd2;
  out[5] = in[3];
}

// Transforms kIn x kIn values into kOut x kOut: columns, then rows. Loops are unrolled so that
// values stay in registers where there are enough.
template <int kIn, int kOut, typename V, typename Transform>
inline void both_ways(const V (&in)[kIn][kIn], V (&out)[kOut][kOut], Transform transform) {
  V half[kIn][kOut];
#pragma GCC unroll 6
  for (int i = 0; i < kIn; ++i) transform(in[i], half[i]);
#pragma GCC unroll 6
  for (int j = 0; j < kOut; ++j) {
    V column[kIn];
    V result[kOut];
#pragma GCC unroll 6
    for (int i = 0; i < kIn; ++i) column[i] = half[i][j];
    transform(column, result);
#pragma GCC unroll 6
    for (int i = 0; i < kOut; ++i) out[i][j] = result[i];
  }
}

// Calls step(first channel, tag) with a vector as tag where a whole vector is left, a single value
// elsewhere.
template <typename Step>
inline void over_channels(std::int64_t channels, Step step) {
  std::int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) step(c, Vec{});
  for (; c < channels; ++c) step(c, 0.0F);
}

template <int kIn, typename Transform>
inline void spread(std::int64_t channels,
                   const float* const* pixels,
                   float* out,
                   std::int64_t element_stride,
                   Transform transform) {
  over_channels(channels, [=](std::int64_t c, auto zero) {
    using V = decltype(zero);
    V in[kIn][kIn];
    V result[6][6];
#pragma GCC unroll 6
    for (int i = 0; i < kIn; ++i) {
#pragma GCC unroll 6
      for (int j = 0; j < kIn; ++j) {
        const float* pixel = pixels[i * kIn + j];
        in[i][j] = zero;
        if (pixel != nullptr) read(pixel + c, in[i][j]);
      }
    }
    both_ways(in, result, transform);
    float* to = out + c;
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) {
#pragma GCC unroll 6
      for (int j = 0; j < 6; ++j, to += element_stride) write(to, result[i][j]);
    }
  });
}

void winograd_input(std::int64_t channels,
                    const float* const* pixels,
                    float* out,
                    std::int64_t element_stride) {
  spread<6>(channels, pixels, out, element_stride, [](const auto* in, auto* result) {
    times_b(in, result);
  });
}

void winograd_gradient(std::int64_t channels,
                       const float* const* pixels,
                       float* out,
                       std::int64_t element_stride) {
  spread<4>(channels, pixels, out, element_stride, [](const auto* in, auto* result) {
    times_a(in, result);
  });
}

void winograd_output(std::int64_t channels,
                     const float* in,
                     std::int64_t element_stride,
                     float* const* pixels) {
  over_channels(channels, [=](std::int64_t c, auto zero) {
    using V = decltype(zero);
    V values[6][6];
    V result[4][4];
    const float* from = in + c;
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) {
#pragma GCC unroll 6
      for (int j = 0; j < 6; ++j, from += element_stride) read(from, values[i][j]);
    }
    both_ways(values, result, [](const auto* row, auto* to) { times_a_transposed(row, to); });
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        if (pixels[4 * i + j] != nullptr) write(pixels[4 * i + j] + c, result[i][j]);
      }
    }
  });
}

}  // namespace
}  // namespace parsimony::network::simd
