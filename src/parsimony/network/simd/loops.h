// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace parsimony::network::simd {

// Depthwise convolution of one channels-last image, stride 1, output of the input's size:
// y[h, w, c] = sum over (i, j) of x[h + (i - r) d, w + (j - r) d, c] * weight[i, j, c], r = kernel / 2,
// zero outside. x and y are [height, width, channels], weight is [kernel, kernel, channels].
struct DepthwiseShape {
  std::int64_t height = 0, width = 0, channels = 0;
  std::int64_t kernel = 3, dilation = 1;
};

// The inner loops worth vectorising, all over the contiguous channels of channels-last fp32 data.
struct Loops {
  const char* level;  // "avx512", "avx2", "baseline"

  void (*depthwise)(const DepthwiseShape& shape, const float* x, const float* weight, float* y);
  // weight_gradient[i, j, c] += sum over pixels of x[...] * y_gradient[h, w, c].
  void (*depthwise_weight_gradient)(const DepthwiseShape& shape,
                                    const float* x,
                                    const float* y_gradient,
                                    float* weight_gradient);

  // Per-channel sums over `rows` rows of `channels` values: sum += x, square_sum += x * x.
  void (*channel_moments)(std::int64_t rows, std::int64_t channels, const float* x, double* sum, double* square_sum);
  // y = max(x * scale + shift, floor), at most `ceiling`; per channel. Floor -inf: no ReLU.
  void (*scale_shift_clamp)(std::int64_t rows,
                            std::int64_t channels,
                            const float* x,
                            const float* scale,
                            const float* shift,
                            float floor,
                            float ceiling,
                            float* y);
  // Gradient g through the clamp (zero where y is at the floor or ceiling), reduced per channel:
  // sum += g, dot += g * x.
  void (*clamp_gradient_moments)(std::int64_t rows,
                                 std::int64_t channels,
                                 const float* y_gradient,
                                 const float* y,
                                 const float* x,
                                 float floor,
                                 float ceiling,
                                 double* sum,
                                 double* dot);
  // x_gradient = a * g + b * x + c per channel, g as above.
  void (*clamp_gradient_affine)(std::int64_t rows,
                                std::int64_t channels,
                                const float* y_gradient,
                                const float* y,
                                const float* x,
                                float floor,
                                float ceiling,
                                const float* a,
                                const float* b,
                                const float* c,
                                float* x_gradient);
};

// The fastest version this processor can run.
const Loops& loops();

}  // namespace parsimony::network::simd
