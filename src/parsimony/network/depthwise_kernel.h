// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "parsimony/network/feature_map.h"

namespace parsimony::network {

// A depthwise kernel on pictures of one size.
class Depthwise {
 public:
  Depthwise(const Tensor& x, const Tensor& weight, std::int64_t dilation)
      : shape_{x.size(2), x.size(3), x.size(1), weight.size(2), dilation},
        taps_(weight.squeeze(1).permute({1, 2, 0}).contiguous()) {}

  // The kernel whose forward pass is this one's input gradient: padding and size are symmetric.
  Depthwise mirrored() const {
    Depthwise other = *this;
    other.taps_ = taps_.flip({0, 1}).contiguous();
    return other;
  }

  const simd::DepthwiseShape& shape() const { return shape_; }
  std::int64_t pixels() const { return shape_.height * shape_.width; }
  std::int64_t picture_size() const { return pixels() * shape_.channels; }

  // A picture with the zeros to each side that the kernel reaches, in the thread's working memory.
  const float* frame(const PixelReader& x, std::int64_t n, Scratch buffer) const {
    return frame_rows(buffer, [&](std::int64_t h, float* to) {
      x.copy((n * shape_.height + h) * shape_.width, shape_.width, to);
    });
  }
  const float* frame(const float* picture, Scratch buffer) const {
    const std::int64_t row = shape_.width * shape_.channels;
    return frame_rows(buffer,
                      [&](std::int64_t h, float* to) { std::copy_n(picture + h * row, row, to); });
  }

  // Rows first..first+rows-1 of a framed picture's convolution.
  void rows(const float* framed, std::int64_t first, std::int64_t rows, float* y) const {
    simd::loops().depthwise(shape_, framed, taps_.data_ptr<float>(), first, rows, y);
  }
  void picture(const float* framed, float* y) const { rows(framed, 0, shape_.height, y); }

  // One sum per picture, [N, k, k, C], to be added in their order.
  Tensor empty_gradients(std::int64_t pictures) const {
    return at::zeros({pictures, shape_.kernel, shape_.kernel, shape_.channels}, at::kFloat);
  }
  void add_gradient(const float* framed,
                    const float* y_gradient,
                    const Tensor& sums,
                    std::int64_t n) const {
    simd::loops().depthwise_weight_gradient(
        shape_, framed, y_gradient, sums.data_ptr<float>() + n * sums.stride(0));
  }
  static Tensor weight_gradient(const Tensor& sums) {
    return sums.sum(0).permute({2, 0, 1}).unsqueeze(1).contiguous();
  }

 private:
  template <typename CopyRow>
  const float* frame_rows(Scratch buffer, CopyRow copy_row) const {
    float* framed = scratch(buffer, shape_.framed_size());
    const std::int64_t margin = shape_.reach() * shape_.channels;
    const std::int64_t row = shape_.width * shape_.channels;
    float* to = framed;
    for (std::int64_t h = 0; h < shape_.height; ++h, to += row + 2 * margin) {
      std::fill_n(to, margin, 0.0F);
      copy_row(h, to + margin);
      std::fill_n(to + margin + row, margin, 0.0F);
    }
    return framed;
  }

  simd::DepthwiseShape shape_;
  Tensor taps_;  // [k, k, C]
};

// Rows that are convolved, multiplied and dropped before the next ones: they stay in the second
// cache.
inline std::int64_t band_rows(const simd::DepthwiseShape& shape) {
  constexpr std::int64_t kBand = 24 << 10;  // values
  return std::max<std::int64_t>(1, kBand / (shape.width * shape.channels));
}

inline std::int64_t band_pixels(const simd::DepthwiseShape& shape) {
  return band_rows(shape) * shape.width;
}

// Calls body(first pixel, pixels, values) for the bands of a framed picture's convolution.
template <typename Body>
void for_bands(const Depthwise& depthwise, const float* framed, Scratch buffer, Body body) {
  const simd::DepthwiseShape& shape = depthwise.shape();
  const std::int64_t band = band_rows(shape);
  float* values = scratch(buffer, band * shape.width * shape.channels);
  for (std::int64_t first = 0; first < shape.height; first += band) {
    const std::int64_t rows = std::min(band, shape.height - first);
    depthwise.rows(framed, first, rows, values);
    body(first * shape.width, rows * shape.width, values);
  }
}

}  // namespace parsimony::network
