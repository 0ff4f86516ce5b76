// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace parsimony::network::simd {

// Depthwise convolution of one channels-last image, stride 1, output of the input's size:
// y[h, w, c] = sum over (i, j) of x[h + (i - r) d, w + (j - r) d, c] * weight[i, j, c], r = kernel
// / 2, zero outside. x is given framed: rows of framed_width() pixels, reach() zeros to each side,
// so that no pixel needs a check. y is [height, width, channels], weight [kernel, kernel,
// channels].
struct DepthwiseShape {
  std::int64_t height = 0, width = 0, channels = 0;
  std::int64_t kernel = 3, dilation = 1;

  std::int64_t reach() const { return kernel / 2 * dilation; }  // of the kernel, to each side
  std::int64_t framed_width() const { return width + 2 * reach(); }
  std::int64_t framed_size() const { return height * framed_width() * channels; }
};

// Values between pairs of values: position p has (1 - share) * source[first] + share *
// source[second].
struct Interpolation {
  std::int64_t size = 0;
  const std::int32_t* first = nullptr;
  const std::int32_t* second = nullptr;
  const float* share = nullptr;
};

// The inner loops worth vectorising, all over the contiguous channels of channels-last fp32 data.
struct Loops {
  const char* level;  // "avx512", "avx2", "baseline"

  // Rows first_row..first_row+rows-1 of the result, to y.
  void (*depthwise)(const DepthwiseShape& shape,
                    const float* framed,
                    const float* weight,
                    std::int64_t first_row,
                    std::int64_t rows,
                    float* y);
  // weight_gradient[i, j, c] += sum over pixels of x[...] * y_gradient[h, w, c].
  void (*depthwise_weight_gradient)(const DepthwiseShape& shape,
                                    const float* framed,
                                    const float* y_gradient,
                                    float* weight_gradient);

  // Per-channel sums over `rows` rows of `channels` values: sum += x, square_sum += x * x.
  void (*channel_moments)(
      std::int64_t rows, std::int64_t channels, const float* x, double* sum, double* square_sum);
  // y = max(x * scale + shift, floor), at most `ceiling`; per channel. Floor -inf: no ReLU.
  void (*scale_shift_clamp)(std::int64_t rows,
                            std::int64_t channels,
                            const float* x,
                            const float* scale,
                            const float* shift,
                            float floor,
                            float ceiling,
                            float* y);
  // Gradient g through scale_shift_clamp's clamp (zero where y would be at the floor or ceiling: y
  // is computed again, which costs less than reading it), reduced per channel: sum += g, dot += g *
  // x.
  void (*clamp_gradient_moments)(std::int64_t rows,
                                 std::int64_t channels,
                                 const float* y_gradient,
                                 const float* x,
                                 const float* scale,
                                 const float* shift,
                                 float floor,
                                 float ceiling,
                                 double* sum,
                                 double* dot);
  // x_gradient = a * g + b * x + c per channel, g as above; x_gradient may be x.
  void (*clamp_gradient_affine)(std::int64_t rows,
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
                                float* x_gradient);

  // Matrix products of row-major data whose rows lie `stride` apart. Widths of vectors differ
  // between versions: the second factor is packed by the version that reads it.
  std::int64_t lanes;  // values in a vector
  std::int64_t (*packed_size)(std::int64_t inner, std::int64_t columns);
  // b[i, j] is at b[i * row_stride + j * column_stride].
  void (*pack)(std::int64_t inner,
               std::int64_t columns,
               const float* b,
               std::int64_t row_stride,
               std::int64_t column_stride,
               float* packed);
  // c[rows, columns] = a[rows, inner] b[inner, columns], added to what c holds when wanted.
  void (*gemm)(std::int64_t rows,
               std::int64_t inner,
               std::int64_t columns,
               const float* a,
               std::int64_t a_stride,
               const float* packed_b,
               float* c,
               std::int64_t c_stride,
               bool accumulate);
  // c[a_columns, b_columns] += a[rows, a_columns]^T b[rows, b_columns]; b_columns is a multiple of
  // `lanes`.
  void (*gemm_transposed)(std::int64_t rows,
                          std::int64_t a_columns,
                          std::int64_t b_columns,
                          const float* a,
                          std::int64_t a_stride,
                          const float* b,
                          std::int64_t b_stride,
                          float* c,
                          std::int64_t c_stride);

  // Tile transforms of F(4x4, 3x3) (Lavin & Gray, CVPR 2016), each over all channels. Pixels are
  // pointers to [channels] values, null where the tile leaves the picture: zero when read, dropped
  // when written. The 36 transformed values lie `element_stride` apart.
  void (*winograd_input)(std::int64_t channels,
                         const float* const* pixels36,
                         float* out,
                         std::int64_t element_stride);
  void (*winograd_output)(std::int64_t channels,
                          const float* in,
                          std::int64_t element_stride,
                          float* const* pixels16);
  // The adjoint of winograd_output: what a gradient of 4x4 outputs becomes.
  void (*winograd_gradient)(std::int64_t channels,
                            const float* const* pixels16,
                            float* out,
                            std::int64_t element_stride);

  // Sum of the cross-entropies of a row of pixels whose logits are interpolated from `source`
  // [source pixels, width], width = `classes` rounded up to `lanes`, the rest filled with
  // kNoClass. Pixels with labels of `classes` and above are left out. The sum's gradient is added
  // to `gradient`, of the source's shape.
  double (*cross_entropy_row)(const Interpolation& across,
                              std::int64_t classes,
                              const float* source,
                              const std::uint8_t* labels,
                              float* gradient);
  // The terms of that sum, each at least 0; kNoLoss for the pixels that are left out.
  void (*pixel_losses_row)(const Interpolation& across,
                           std::int64_t classes,
                           const float* source,
                           const std::uint8_t* labels,
                           float* losses);
  // The class of each pixel's largest logit, the first of equals; `source` as above.
  void (*largest_class_row)(const Interpolation& across,
                            std::int64_t classes,
                            const float* source,
                            std::uint8_t* result);

  // y = x or y += x; y = first + share (second - first); y += factor x; x = max(x, 0).
  void (*copy_or_add)(std::int64_t size, const float* x, bool add, float* y);
  void (*mix)(std::int64_t size, const float* first, const float* second, float share, float* y);
  void (*add_scaled)(std::int64_t size, const float* x, float factor, float* y);
  void (*relu)(std::int64_t size, float* x);
  // SUM_i x_i y_i.
  double (*dot)(std::int64_t size, const float* x, const float* y);
  // gradient = y_gradient where y = max(x, 0) is above zero, else 0.
  void (*passed_by_relu)(std::int64_t size,
                         const float* y_gradient,
                         const float* y,
                         float* gradient);
  // A row of pixels [across.size, channels], written or added, between pixels of `source`; and its
  // adjoint, added to `source_gradient`.
  void (*interpolate_row)(const Interpolation& across,
                          std::int64_t channels,
                          const float* source,
                          bool add,
                          float* row);
  void (*spread_row)(const Interpolation& across,
                     std::int64_t channels,
                     const float* row_gradient,
                     float* source_gradient);
};

// A logit that no softmax notices, and no arithmetic turns into NaN.
inline constexpr float kNoClass = -1e30F;
// What stands for the loss of a pixel that has none.
inline constexpr float kNoLoss = -std::numeric_limits<float>::infinity();

// The fastest version this processor can run.
const Loops& loops();
// Every version it can run, for tests and benchmarks.
std::vector<const Loops*> supported_loops();

}  // namespace parsimony::network::simd
