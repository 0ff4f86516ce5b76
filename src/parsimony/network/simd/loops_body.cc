// SPDX-License-Identifier: Apache-2.0
// Compiled once per instruction set (PARSIMONY_LEVEL); written so that the compiler vectorises over
// channels. Blocks of kBlock channels keep their accumulators in registers.
#include <algorithm>
#include <cstdint>

#include "parsimony/network/simd/loops.h"

#define PARSIMONY_CONCAT_(a, b) a##b
#define PARSIMONY_CONCAT(a, b) PARSIMONY_CONCAT_(a, b)
#define PARSIMONY_TEXT_(a) #a
#define PARSIMONY_TEXT(a) PARSIMONY_TEXT_(a)

namespace parsimony::network::simd {
namespace {

constexpr std::int64_t kBlock = 16;

// Range of output positions for which tap `offset` reads inside [0, size).
struct Range {
  std::int64_t first, last;
};
Range valid(std::int64_t size, std::int64_t offset) {
  return {std::max<std::int64_t>(0, -offset), std::min(size, size - offset)};
}

// One output row's worth of one channel block: every pixel sums its taps in registers.
template <std::int64_t kChannels>
void depthwise_row(const DepthwiseShape& s,
                   const float* __restrict x,
                   const float* __restrict weight,
                   float* __restrict y,
                   std::int64_t h,
                   std::int64_t channels) {
  const std::int64_t n = kChannels > 0 ? kChannels : channels;
  const std::int64_t r = s.kernel / 2;
  const std::int64_t pixel = s.channels;
  for (std::int64_t w = 0; w < s.width; ++w) {
    float sum[kChannels > 0 ? kChannels : kBlock] = {};
    for (std::int64_t i = 0; i < s.kernel; ++i) {
      const std::int64_t source_h = h + (i - r) * s.dilation;
      if (source_h < 0 || source_h >= s.height) continue;
      for (std::int64_t j = 0; j < s.kernel; ++j) {
        const std::int64_t source_w = w + (j - r) * s.dilation;
        if (source_w < 0 || source_w >= s.width) continue;
        const float* in = x + (source_h * s.width + source_w) * pixel;
        const float* k = weight + (i * s.kernel + j) * pixel;
        for (std::int64_t c = 0; c < n; ++c) sum[c] += in[c] * k[c];
      }
    }
    float* out = y + (h * s.width + w) * pixel;
    for (std::int64_t c = 0; c < n; ++c) out[c] = sum[c];
  }
}

void depthwise(const DepthwiseShape& s, const float* x, const float* weight, float* y) {
  for (std::int64_t h = 0; h < s.height; ++h) {
    std::int64_t c = 0;
    for (; c + kBlock <= s.channels; c += kBlock) depthwise_row<kBlock>(s, x + c, weight + c, y + c, h, kBlock);
    if (c < s.channels) depthwise_row<0>(s, x + c, weight + c, y + c, h, s.channels - c);
  }
}

template <std::int64_t kChannels>
void weight_gradient_tap(const DepthwiseShape& s,
                         const float* __restrict x,
                         const float* __restrict y_gradient,
                         float* __restrict weight_gradient,
                         std::int64_t row_offset,
                         std::int64_t column_offset,
                         std::int64_t channels) {
  const std::int64_t n = kChannels > 0 ? kChannels : channels;
  const Range rows = valid(s.height, row_offset);
  const Range columns = valid(s.width, column_offset);
  float total[kChannels > 0 ? kChannels : kBlock] = {};
  for (std::int64_t h = rows.first; h < rows.last; ++h) {
    const float* in = x + ((h + row_offset) * s.width + columns.first + column_offset) * s.channels;
    const float* g = y_gradient + (h * s.width + columns.first) * s.channels;
    // Rows are summed apart first: fewer additions in a chain, less rounding.
    float sum[kChannels > 0 ? kChannels : kBlock] = {};
    for (std::int64_t w = columns.first; w < columns.last; ++w, in += s.channels, g += s.channels) {
      for (std::int64_t c = 0; c < n; ++c) sum[c] += in[c] * g[c];
    }
    for (std::int64_t c = 0; c < n; ++c) total[c] += sum[c];
  }
  for (std::int64_t c = 0; c < n; ++c) weight_gradient[c] += total[c];
}

void depthwise_weight_gradient(const DepthwiseShape& s, const float* x, const float* y_gradient, float* weight_gradient) {
  const std::int64_t r = s.kernel / 2;
  for (std::int64_t i = 0; i < s.kernel; ++i) {
    for (std::int64_t j = 0; j < s.kernel; ++j) {
      const std::int64_t dh = (i - r) * s.dilation;
      const std::int64_t dw = (j - r) * s.dilation;
      float* out = weight_gradient + (i * s.kernel + j) * s.channels;
      std::int64_t c = 0;
      for (; c + kBlock <= s.channels; c += kBlock) {
        weight_gradient_tap<kBlock>(s, x + c, y_gradient + c, out + c, dh, dw, kBlock);
      }
      if (c < s.channels) weight_gradient_tap<0>(s, x + c, y_gradient + c, out + c, dh, dw, s.channels - c);
    }
  }
}

// Sums in float over runs of rows and in double across runs: as exact as needed, and vectorised.
constexpr std::int64_t kRun = 64;
constexpr std::int64_t kMaxChannels = 64;

// Calls body(first channel, channels, first row, rows) over tiles whose accumulators fit in cache.
template <typename Body>
void tiles(std::int64_t rows, std::int64_t channels, Body body) {
  for (std::int64_t r = 0; r < rows; r += kRun) {
    for (std::int64_t c = 0; c < channels; c += kMaxChannels) {
      body(c, std::min(kMaxChannels, channels - c), r, std::min(kRun, rows - r));
    }
  }
}

void channel_moments(std::int64_t rows, std::int64_t channels, const float* x, double* sum, double* square_sum) {
  tiles(rows, channels, [&](std::int64_t c0, std::int64_t n, std::int64_t r0, std::int64_t count) {
    float s[kMaxChannels] = {};
    float q[kMaxChannels] = {};
    for (std::int64_t r = r0; r < r0 + count; ++r) {
      const float* __restrict in = x + r * channels + c0;
      for (std::int64_t c = 0; c < n; ++c) {
        s[c] += in[c];
        q[c] += in[c] * in[c];
      }
    }
    for (std::int64_t c = 0; c < n; ++c) {
      sum[c0 + c] += static_cast<double>(s[c]);
      square_sum[c0 + c] += static_cast<double>(q[c]);
    }
  });
}

void scale_shift_clamp(std::int64_t rows,
                       std::int64_t channels,
                       const float* x,
                       const float* scale,
                       const float* shift,
                       float floor,
                       float ceiling,
                       float* y) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* __restrict in = x + r * channels;
    float* __restrict out = y + r * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const float value = in[c] * scale[c] + shift[c];
      out[c] = std::min(std::max(value, floor), ceiling);
    }
  }
}

void clamp_gradient_moments(std::int64_t rows,
                            std::int64_t channels,
                            const float* y_gradient,
                            const float* y,
                            const float* x,
                            float floor,
                            float ceiling,
                            double* sum,
                            double* dot) {
  tiles(rows, channels, [&](std::int64_t c0, std::int64_t n, std::int64_t r0, std::int64_t count) {
    float s[kMaxChannels] = {};
    float d[kMaxChannels] = {};
    for (std::int64_t r = r0; r < r0 + count; ++r) {
      const std::int64_t at = r * channels + c0;
      const float* __restrict g = y_gradient + at;
      const float* __restrict out = y + at;
      const float* __restrict in = x + at;
      for (std::int64_t c = 0; c < n; ++c) {
        const float passed = out[c] > floor && out[c] < ceiling ? g[c] : 0.0F;
        s[c] += passed;
        d[c] += passed * in[c];
      }
    }
    for (std::int64_t c = 0; c < n; ++c) {
      sum[c0 + c] += static_cast<double>(s[c]);
      dot[c0 + c] += static_cast<double>(d[c]);
    }
  });
}

void clamp_gradient_affine(std::int64_t rows,
                           std::int64_t channels,
                           const float* y_gradient,
                           const float* y,
                           const float* x,
                           float floor,
                           float ceiling,
                           const float* a,
                           const float* b,
                           const float* c,
                           float* x_gradient) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t at = r * channels;
    const float* __restrict g = y_gradient + at;
    const float* __restrict out = y + at;
    const float* __restrict in = x + at;
    float* __restrict dx = x_gradient + at;
    for (std::int64_t i = 0; i < channels; ++i) {
      const float passed = out[i] > floor && out[i] < ceiling ? g[i] : 0.0F;
      dx[i] = a[i] * passed + b[i] * in[i] + c[i];
    }
  }
}

}  // namespace

extern const Loops PARSIMONY_CONCAT(kLoops_, PARSIMONY_LEVEL);
const Loops PARSIMONY_CONCAT(kLoops_, PARSIMONY_LEVEL) = {
    PARSIMONY_TEXT(PARSIMONY_LEVEL), depthwise,        depthwise_weight_gradient, channel_moments, scale_shift_clamp,
    clamp_gradient_moments,          clamp_gradient_affine};

}  // namespace parsimony::network::simd
