// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution, part of loops_body.cc and compiled once per instruction set. Rows outside
// the picture are left out.
#pragma once

#include <algorithm>
#include <cstdint>

#include "parsimony/network/simd/loops.h"
#include "parsimony/network/simd/vector_body.h"

namespace parsimony::network::simd {
namespace {

// Taps of the kernel's row i read this row of the picture for output row h; outside: none.
inline std::int64_t source_row(const DepthwiseShape& s, std::int64_t h, std::int64_t i) {
  const std::int64_t row = h + i * s.dilation - s.reach();
  return row < s.height ? row : -1;
}

// kPixels neighbouring outputs of kVectors vectors of channels; every tap's weights are read once
// for all. V is Vec, or float for the channels that fill no vector.
template <int kPixels, int kVectors, typename V>
inline void depthwise_strip(const DepthwiseShape& s,
                            const float* __restrict framed,
                            const float* __restrict weight,
                            float* __restrict out,
                            std::int64_t h,
                            std::int64_t w) {
  constexpr std::int64_t kStep = sizeof(V) / sizeof(float);
  const std::int64_t pixel = s.channels;
  const std::int64_t row = s.framed_width() * pixel;
  V sum[kPixels][kVectors];
  for (int p = 0; p < kPixels; ++p) {
    for (int v = 0; v < kVectors; ++v) sum[p][v] = V{};
  }
  for (std::int64_t i = 0; i < s.kernel; ++i) {
    const std::int64_t source = source_row(s, h, i);
    if (source < 0) continue;
    for (std::int64_t j = 0; j < s.kernel; ++j) {
      const float* in = framed + source * row + (w + j * s.dilation) * pixel;
      const float* k = weight + (i * s.kernel + j) * pixel;
      V factor[kVectors];
      for (int v = 0; v < kVectors; ++v) read(k + v * kStep, factor[v]);
      for (int p = 0; p < kPixels; ++p) {
        for (int v = 0; v < kVectors; ++v) {
          V value;
          read(in + p * pixel + v * kStep, value);
          sum[p][v] += value * factor[v];
        }
      }
    }
  }
  for (int p = 0; p < kPixels; ++p) {
    for (int v = 0; v < kVectors; ++v) write(out + p * pixel + v * kStep, sum[p][v]);
  }
}

template <int kPixels, int kVectors, typename V>
void depthwise_channels(const DepthwiseShape& s,
                        const float* framed,
                        const float* weight,
                        std::int64_t first_row,
                        std::int64_t rows,
                        float* y) {
  for (std::int64_t h = first_row; h < first_row + rows; ++h, y += s.width * s.channels) {
    if (s.width < kPixels) {
      for (std::int64_t w = 0; w < s.width; ++w)
        depthwise_strip<1, kVectors, V>(s, framed, weight, y + w * s.channels, h, w);
      continue;
    }
    for (std::int64_t w = 0; w < s.width; w += kPixels) {
      // The last strip overlaps the one before it.
      const std::int64_t start = std::min(w, s.width - kPixels);
      depthwise_strip<kPixels, kVectors, V>(s, framed, weight, y + start * s.channels, h, start);
    }
  }
}

void depthwise(const DepthwiseShape& s,
               const float* framed,
               const float* weight,
               std::int64_t first_row,
               std::int64_t rows,
               float* y) {
  std::int64_t c = 0;
  for (; c + 2 * kLanes <= s.channels; c += 2 * kLanes) {
    depthwise_channels<6, 2, Vec>(s, framed + c, weight + c, first_row, rows, y + c);
  }
  if (c + kLanes <= s.channels) {
    depthwise_channels<8, 1, Vec>(s, framed + c, weight + c, first_row, rows, y + c);
    c += kLanes;
  }
  for (; c < s.channels; ++c)
    depthwise_channels<8, 1, float>(s, framed + c, weight + c, first_row, rows, y + c);
}

// kTaps neighbouring taps of the kernel's row i, from tap j on.
template <int kTaps, int kVectors, typename V>
void weight_gradient_taps(const DepthwiseShape& s,
                          const float* __restrict framed,
                          const float* __restrict y_gradient,
                          float* __restrict weight_gradient,
                          std::int64_t i,
                          std::int64_t j) {
  constexpr std::int64_t kStep = sizeof(V) / sizeof(float);
  const std::int64_t pixel = s.channels;
  const std::int64_t row = s.framed_width() * pixel;
  V total[kTaps][kVectors];
  for (int t = 0; t < kTaps; ++t) {
    for (int v = 0; v < kVectors; ++v) total[t][v] = V{};
  }
  for (std::int64_t h = 0; h < s.height; ++h) {
    const std::int64_t source = source_row(s, h, i);
    if (source < 0) continue;
    const float* in = framed + source * row + j * s.dilation * pixel;
    const float* g = y_gradient + h * s.width * pixel;
    // Rows are summed apart first: fewer additions in a chain, less rounding.
    V sum[kTaps][kVectors];
    for (int t = 0; t < kTaps; ++t) {
      for (int v = 0; v < kVectors; ++v) sum[t][v] = V{};
    }
    for (std::int64_t w = 0; w < s.width; ++w, in += pixel, g += pixel) {
      for (int v = 0; v < kVectors; ++v) {
        V gradient;
        read(g + v * kStep, gradient);
        for (int t = 0; t < kTaps; ++t) {
          V value;
          read(in + t * s.dilation * pixel + v * kStep, value);
          sum[t][v] += value * gradient;
        }
      }
    }
    for (int t = 0; t < kTaps; ++t) {
      for (int v = 0; v < kVectors; ++v) total[t][v] += sum[t][v];
    }
  }
  for (int t = 0; t < kTaps; ++t) {
    for (int v = 0; v < kVectors; ++v) {
      float* out = weight_gradient + (i * s.kernel + j + t) * pixel + v * kStep;
      V before;
      read(out, before);
      write(out, before + total[t][v]);
    }
  }
}

template <int kVectors, typename V>
void weight_gradient_channels(const DepthwiseShape& s,
                              const float* framed,
                              const float* g,
                              float* weight_gradient) {
  for (std::int64_t i = 0; i < s.kernel; ++i) {
    std::int64_t j = 0;
    for (; j + 5 <= s.kernel; j += 5)
      weight_gradient_taps<5, kVectors, V>(s, framed, g, weight_gradient, i, j);
    for (; j + 3 <= s.kernel; j += 3)
      weight_gradient_taps<3, kVectors, V>(s, framed, g, weight_gradient, i, j);
    for (; j < s.kernel; ++j)
      weight_gradient_taps<1, kVectors, V>(s, framed, g, weight_gradient, i, j);
  }
}

void depthwise_weight_gradient(const DepthwiseShape& s,
                               const float* framed,
                               const float* y_gradient,
                               float* weight_gradient) {
  std::int64_t c = 0;
  for (; c + 2 * kLanes <= s.channels; c += 2 * kLanes) {
    weight_gradient_channels<2, Vec>(s, framed + c, y_gradient + c, weight_gradient + c);
  }
  if (c + kLanes <= s.channels) {
    weight_gradient_channels<1, Vec>(s, framed + c, y_gradient + c, weight_gradient + c);
    c += kLanes;
  }
  for (; c < s.channels; ++c)
    weight_gradient_channels<1, float>(s, framed + c, y_gradient + c, weight_gradient + c);
}

}  // namespace
}  // namespace parsimony::network::simd
