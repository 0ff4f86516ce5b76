// SPDX-License-Identifier: Apache-2.0
// Compiled once per instruction set (PARSIMONY_LEVEL), together with the *_body.h files; written so
// that the compiler vectorises over channels. Nothing here may call a function that another file
// could define too (a template of the standard library that is not inlined): the linker would keep
// one version for all processors.
#include <algorithm>
#include <cstdint>

#include "parsimony/network/simd/depthwise_body.h"
#include "parsimony/network/simd/gemm_body.h"
#include "parsimony/network/simd/loops.h"
#include "parsimony/network/simd/resize_body.h"
#include "parsimony/network/simd/softmax_body.h"
#include "parsimony/network/simd/winograd_body.h"

#define PARSIMONY_CONCAT_(a, b) a##b
#define PARSIMONY_CONCAT(a, b) PARSIMONY_CONCAT_(a, b)
#define PARSIMONY_TEXT_(a) #a
#define PARSIMONY_TEXT(a) PARSIMONY_TEXT_(a)

namespace parsimony::network::simd {
namespace {

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

void channel_moments(
    std::int64_t rows, std::int64_t channels, const float* x, double* sum, double* square_sum) {
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

inline float passed_gradient(
    float g, float x, float scale, float shift, float floor, float ceiling) {
  const float value = x * scale + shift;
  return value > floor && value < ceiling ? g : 0.0F;
}

void clamp_gradient_moments(std::int64_t rows,
                            std::int64_t channels,
                            const float* y_gradient,
                            const float* x,
                            const float* scale,
                            const float* shift,
                            float floor,
                            float ceiling,
                            double* sum,
                            double* dot) {
  tiles(rows, channels, [&](std::int64_t c0, std::int64_t n, std::int64_t r0, std::int64_t count) {
    float s[kMaxChannels] = {};
    float d[kMaxChannels] = {};
    for (std::int64_t r = r0; r < r0 + count; ++r) {
      const float* __restrict g = y_gradient + r * channels + c0;
      const float* __restrict in = x + r * channels + c0;
      for (std::int64_t c = 0; c < n; ++c) {
        const float passed =
            passed_gradient(g[c], in[c], scale[c0 + c], shift[c0 + c], floor, ceiling);
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
                           const float* x,
                           const float* scale,
                           const float* shift,
                           float floor,
                           float ceiling,
                           const float* a,
                           const float* b,
                           const float* c,
                           float* x_gradient) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* g = y_gradient + r * channels;
    const float* in = x + r * channels;
    float* dx = x_gradient + r * channels;
#pragma GCC ivdep  // x_gradient may be x itself
    for (std::int64_t i = 0; i < channels; ++i) {
      dx[i] = a[i] * passed_gradient(g[i], in[i], scale[i], shift[i], floor, ceiling) +
              b[i] * in[i] + c[i];
    }
  }
}

}  // namespace

extern const Loops PARSIMONY_CONCAT(kLoops_, PARSIMONY_LEVEL);
const Loops PARSIMONY_CONCAT(kLoops_, PARSIMONY_LEVEL) = {
    .level = PARSIMONY_TEXT(PARSIMONY_LEVEL),
    .depthwise = depthwise,
    .depthwise_weight_gradient = depthwise_weight_gradient,
    .channel_moments = channel_moments,
    .scale_shift_clamp = scale_shift_clamp,
    .clamp_gradient_moments = clamp_gradient_moments,
    .clamp_gradient_affine = clamp_gradient_affine,
    .lanes = kLanes,
    .packed_size = packed_size,
    .pack = pack,
    .gemm = gemm,
    .gemm_transposed = gemm_transposed,
    .winograd_input = winograd_input,
    .winograd_output = winograd_output,
    .winograd_gradient = winograd_gradient,
    .cross_entropy_row = cross_entropy_row,
    .pixel_losses_row = pixel_losses_row,
    .largest_class_row = largest_class_row,
    .copy_or_add = copy_or_add,
    .mix = mix,
    .add_scaled = add_scaled,
    .relu = relu,
    .dot = dot,
    .passed_by_relu = passed_by_relu,
    .interpolate_row = interpolate_row,
    .spread_row = spread_row,
};

}  // namespace parsimony::network::simd
