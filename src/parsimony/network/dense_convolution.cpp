// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/dense_convolution.h"

#include <algorithm>
#include <array>
#include <vector>

#include "parsimony/network/layout.h"
#include "parsimony/network/packed_matrices.h"
#include "parsimony/network/parts.h"
#include "parsimony/network/scratch.h"

namespace parsimony::network {
namespace {

// Tiles that are transformed together: both transformed blocks of 48 channels fit in 512 KiB.
constexpr std::int64_t kTileChunk = 32;
constexpr std::int64_t kElements = 36;
// What the transforms cost beside the products, as a factor on Winograd's products (measured at 48
// channels).
constexpr double kTransformCost = 1.6;

Tensor empty_channels_last(at::IntArrayRef shape) {
  return at::empty(shape,
                   at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
}

// weight [out, in, k, k] -> per tap a matrix [in, out].
PackedMatrices packed_taps(const Tensor& weight, const simd::Loops& loops) {
  const std::int64_t out = weight.size(0);
  const std::int64_t in = weight.size(1);
  const std::int64_t taps = weight.size(2) * weight.size(3);
  const Tensor plain = weight.contiguous();
  PackedMatrices packed(taps, in, out, loops);
  for (std::int64_t t = 0; t < taps; ++t)
    packed.set(t, plain.data_ptr<float>() + t, taps, in * taps);
  return packed;
}

// G (x) G of Lavin & Gray: a flat 3x3 kernel becomes its 36 transformed values.
Tensor kernel_transform() {
  const double g[6][3] = {{1.0 / 4, 0, 0},
                          {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                          {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                          {1.0 / 24, 1.0 / 12, 1.0 / 6},
                          {1.0 / 24, -1.0 / 12, 1.0 / 6},
                          {0, 0, 1}};
  Tensor both = at::empty({kElements, 9}, at::kFloat);
  for (int e = 0; e < 36; ++e) {
    for (int t = 0; t < 9; ++t) {
      both.data_ptr<float>()[e * 9 + t] = static_cast<float>(g[e / 6][t / 3] * g[e % 6][t % 3]);
    }
  }
  return both;
}

const Tensor& shared_kernel_transform() {
  static const Tensor transform = kernel_transform();
  return transform;
}

std::int64_t pieces(std::int64_t size, std::int64_t piece) {
  return (size + piece - 1) / piece;
}

// Floats between the 36 blocks of transformed tiles: an odd number of cache lines, because a tile
// writes all blocks at once and equal distances of a power of two would put them into the same few
// lines of the cache.
std::int64_t element_stride(std::int64_t channels) {
  constexpr std::int64_t kLine = 16;
  return (pieces(kTileChunk * channels, kLine) | 1) * kLine;
}

}  // namespace

// Where a tile's pixels lie: the first row and column of its 4x4 outputs, further ones `dilation`
// apart.
struct DenseConvolution::Tile {
  std::int64_t picture, row, column;

  // Pointers to n x n pixels that start `before` steps earlier; `data` is [pictures, height, width,
  // channels] from picture `from` on.
  template <int kSide, typename Value>
  void pixels(const DenseConvolution& conv,
              Value* data,
              std::int64_t from,
              std::int64_t channels,
              int before,
              Value** into) const {
    for (int i = 0; i < kSide; ++i) {
      const std::int64_t h = row + (i - before) * conv.dilation_;
      for (int j = 0; j < kSide; ++j) {
        const std::int64_t w = column + (j - before) * conv.dilation_;
        const bool inside = h >= 0 && h < conv.height_ && w >= 0 && w < conv.width_;
        into[i * kSide + j] =
            inside ? data + (((picture - from) * conv.height_ + h) * conv.width_ + w) * channels
                   : nullptr;
      }
    }
  }
};

// The pictures that a run of tiles reads; neighbouring runs share them.
class DenseConvolution::PictureWindow {
 public:
  PictureWindow(const PixelReader& reader, std::int64_t pixels)
      : reader_(reader), pixels_(pixels) {}

  // Pictures first..last, one after the other.
  const float* show(std::int64_t first, std::int64_t last) {
    if (data_ == nullptr || first != first_ || last > last_) {
      data_ = reader_.read(first * pixels_, (last - first + 1) * pixels_, Scratch::kThird);
      first_ = first;
      last_ = last;
    }
    return data_;
  }

 private:
  const PixelReader& reader_;
  std::int64_t pixels_;
  std::int64_t first_ = 0, last_ = 0;
  const float* data_ = nullptr;
};

DenseConvolution::DenseConvolution(at::IntArrayRef x,
                                   at::IntArrayRef weight,
                                   std::int64_t stride,
                                   std::int64_t padding,
                                   std::int64_t dilation,
                                   const simd::Loops& loops)
    : batch_(x[0]),
      in_(x[1]),
      height_(x[2]),
      width_(x[3]),
      out_(weight[0]),
      kernel_(weight[2]),
      stride_(stride),
      padding_(padding),
      dilation_(dilation),
      out_height_((height_ + 2 * padding - dilation * (kernel_ - 1) - 1) / stride + 1),
      out_width_((width_ + 2 * padding - dilation * (kernel_ - 1) - 1) / stride + 1),
      loops_(loops) {
  if (!suits_winograd() || std::min(in_, out_) < 16) return;
  const double products = kTransformCost * static_cast<double>(kElements * tiles_per_picture());
  if (products < static_cast<double>(direct_products())) algorithm_ = Algorithm::kWinograd;
}

bool DenseConvolution::has_input_gradient() const {
  return stride_ == 1 && padding_ <= dilation_ * (kernel_ - 1);
}

bool DenseConvolution::suits_winograd() const {
  return kernel_ == 3 && stride_ == 1 && padding_ == dilation_;
}

Tensor DenseConvolution::forward(const FeatureMap& x,
                                 const Tensor& weight,
                                 const Tensor& bias) const {
  return algorithm_ == Algorithm::kWinograd ? winograd(x, weight, bias) : direct(x, weight, bias);
}

// A convolution of the gradient with the mirrored kernel, inputs and outputs exchanged.
Tensor DenseConvolution::input_gradient(const Tensor& y_gradient, const Tensor& weight) const {
  const Tensor mirrored = weight.flip({2, 3}).transpose(0, 1).contiguous();
  DenseConvolution back(y_gradient.sizes(),
                        mirrored.sizes(),
                        1,
                        dilation_ * (kernel_ - 1) - padding_,
                        dilation_,
                        loops_);
  back.use(algorithm_);
  return back.forward(y_gradient, mirrored, Tensor());
}

Tensor DenseConvolution::weight_gradient(const FeatureMap& x, const Tensor& y_gradient) const {
  return algorithm_ == Algorithm::kWinograd ? winograd_weight_gradient(x, y_gradient)
                                            : direct_weight_gradient(x, y_gradient);
}

// ---- direct ----

// Calls body(tap, first output, outputs, first input) for every run of outputs in which the tap
// reads inside the picture; positions are in pixels of one picture. Inputs of a run lie `stride`
// apart.
template <typename Body>
void DenseConvolution::for_taps(Body body) const {
  for (std::int64_t row = 0; row < out_height_; ++row) {
    for (std::int64_t i = 0; i < kernel_; ++i) {
      const std::int64_t in_row = row * stride_ + i * dilation_ - padding_;
      if (in_row < 0 || in_row >= height_) continue;
      for (std::int64_t j = 0; j < kernel_; ++j) {
        const std::int64_t shift = j * dilation_ - padding_;
        const std::int64_t first = shift < 0 ? pieces(-shift, stride_) : 0;
        const std::int64_t last =
            width_ - shift > 0 ? std::min(out_width_, pieces(width_ - shift, stride_)) : 0;
        if (first >= last) continue;
        body(i * kernel_ + j,
             row * out_width_ + first,
             last - first,
             in_row * width_ + first * stride_ + shift);
      }
    }
  }
}

template <typename Body>
void DenseConvolution::for_taps(const PixelReader& reader, std::int64_t picture, Body body) const {
  const std::int64_t pixels = height_ * width_;
  const float* whole = reader.read(picture * pixels, pixels, Scratch::kFirst);
  for_taps([&](std::int64_t tap, std::int64_t to, std::int64_t count, std::int64_t from) {
    body(tap, to, count, whole + from * in_);
  });
}

std::int64_t DenseConvolution::direct_products() const {
  std::int64_t sum = 0;
  for_taps([&](std::int64_t, std::int64_t, std::int64_t outputs, std::int64_t) { sum += outputs; });
  return sum;
}

Tensor DenseConvolution::direct(const FeatureMap& x,
                                const Tensor& weight,
                                const Tensor& bias) const {
  const PackedMatrices taps = packed_taps(weight, loops_);
  Tensor y = empty_channels_last({batch_, out_, out_height_, out_width_});
  const std::int64_t picture_out = out_height_ * out_width_ * out_;
  const Tensor start = bias.defined() ? bias.contiguous() : at::zeros({out_}, at::kFloat);
  const PixelReader reader(x, loops_);
  float* out = y.data_ptr<float>();
  at::parallel_for(0, batch_, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      float* picture = out + n * picture_out;
      fill_rows(start, out_height_ * out_width_, picture);
      for_taps(
          reader, n, [&](std::int64_t tap, std::int64_t to, std::int64_t count, const float* in) {
            taps.multiply(tap,
                          count,
                          in,
                          stride_ * in_,
                          picture + to * out_,
                          out_,
                          /*accumulate=*/true);
          });
    }
  });
  return y;
}

Tensor DenseConvolution::direct_weight_gradient(const FeatureMap& x,
                                                const Tensor& y_gradient) const {
  const Tensor dy = padded_channels(y_gradient, loops_.lanes);
  const std::int64_t wide = dy.size(1);
  const std::int64_t taps = kernel_ * kernel_;
  Tensor parts = at::zeros({part_count(batch_), taps, in_, wide}, at::kFloat);
  const PixelReader reader(x, loops_);
  const float* gradient = dy.data_ptr<float>();
  for_parts(batch_, [&](std::int64_t part, std::int64_t first, std::int64_t last) {
    float* sum = parts.data_ptr<float>() + part * parts.stride(0);
    for (std::int64_t n = first; n < last; ++n) {
      for_taps(
          reader, n, [&](std::int64_t tap, std::int64_t to, std::int64_t count, const float* in) {
            loops_.gemm_transposed(count,
                                   in_,
                                   wide,
                                   in,
                                   stride_ * in_,
                                   gradient + (n * out_height_ * out_width_ + to) * wide,
                                   wide,
                                   sum + tap * in_ * wide,
                                   wide);
          });
    }
  });
  return parts.sum(0).narrow(2, 0, out_).permute({2, 1, 0}).reshape({out_, in_, kernel_, kernel_});
}

// ---- Winograd ----

std::int64_t DenseConvolution::tiles_per_picture() const {
  // All interleaved pictures are given as many tiles as the largest.
  return dilation_ * dilation_ * pieces(pieces(height_, dilation_), 4) *
         pieces(pieces(width_, dilation_), 4);
}

DenseConvolution::Tile DenseConvolution::tile(std::int64_t index) const {
  const std::int64_t across = pieces(pieces(width_, dilation_), 4);
  const std::int64_t down = pieces(pieces(height_, dilation_), 4);
  const std::int64_t column = index % across;
  index /= across;
  const std::int64_t row = index % down;
  index /= down;
  const std::int64_t phase = index % (dilation_ * dilation_);
  return {index / (dilation_ * dilation_),
          phase / dilation_ + 4 * row * dilation_,
          phase % dilation_ + 4 * column * dilation_};
}

Tensor DenseConvolution::winograd(const FeatureMap& x,
                                  const Tensor& weight,
                                  const Tensor& bias) const {
  // [out * in, 9] -> [36, out, in], each then a matrix [in, out].
  const Tensor transformed = at::mm(shared_kernel_transform(), weight.reshape({out_ * in_, 9}).t());
  PackedMatrices kernels(kElements, in_, out_, loops_);
  for (std::int64_t e = 0; e < kElements; ++e)
    kernels.set(e, transformed.data_ptr<float>() + e * out_ * in_, 1, in_);
  Tensor y = empty_channels_last({batch_, out_, height_, width_});
  const PixelReader reader(x, loops_);
  float* out = y.data_ptr<float>();
  const std::int64_t tiles = batch_ * tiles_per_picture();
  const std::int64_t in_stride = element_stride(in_);
  const std::int64_t out_stride = element_stride(out_);
  at::parallel_for(0, pieces(tiles, kTileChunk), 1, [&](std::int64_t first, std::int64_t last) {
    float* spread = scratch(Scratch::kFirst, kElements * in_stride);
    float* product = scratch(Scratch::kSecond, kElements * out_stride);
    PictureWindow window(reader, height_ * width_);
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      const std::int64_t start = chunk * kTileChunk;
      const std::int64_t count = std::min(kTileChunk, tiles - start);
      const std::int64_t from = tile(start).picture;
      const float* in = window.show(from, tile(start + count - 1).picture);
      for (std::int64_t t = 0; t < count; ++t) {
        std::array<const float*, 36> pixels;
        tile(start + t).pixels<6>(*this, in, from, in_, 1, pixels.data());
        loops_.winograd_input(in_, pixels.data(), spread + t * in_, in_stride);
      }
      for (std::int64_t e = 0; e < kElements; ++e) {
        kernels.multiply(e,
                         count,
                         spread + e * in_stride,
                         in_,
                         product + e * out_stride,
                         out_,
                         /*accumulate=*/false);
      }
      for (std::int64_t t = 0; t < count; ++t) {
        std::array<float*, 16> pixels;
        tile(start + t).pixels<4>(*this, out, 0, out_, 0, pixels.data());
        loops_.winograd_output(out_, product + t * out_, out_stride, pixels.data());
      }
    }
  });
  if (bias.defined()) y.add_(bias.view({1, -1, 1, 1}));
  return y;
}

// y = A^T [U * V] A per tile, so the gradient of U is (A dy A^T) * V summed over tiles, and the
// kernel's is G^T dU G.
Tensor DenseConvolution::winograd_weight_gradient(const FeatureMap& x,
                                                  const Tensor& y_gradient) const {
  const std::int64_t wide = pieces(out_, loops_.lanes) * loops_.lanes;
  const std::int64_t tiles = batch_ * tiles_per_picture();
  const std::int64_t chunks = pieces(tiles, kTileChunk);
  const std::int64_t in_stride = element_stride(in_);
  const std::int64_t wide_stride = element_stride(wide);
  Tensor parts = at::zeros({part_count(chunks), kElements, in_, wide}, at::kFloat);
  const PixelReader reader(x, loops_);
  const float* gradient = y_gradient.data_ptr<float>();
  for_parts(chunks, [&](std::int64_t part, std::int64_t first, std::int64_t last) {
    float* sum = parts.data_ptr<float>() + part * parts.stride(0);
    float* spread = scratch(Scratch::kFirst, kElements * in_stride);
    float* spread_gradient = scratch(Scratch::kSecond, kElements * wide_stride);
    if (wide > out_) std::fill_n(spread_gradient, kElements * wide_stride, 0.0F);
    PictureWindow window(reader, height_ * width_);
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      const std::int64_t start = chunk * kTileChunk;
      const std::int64_t count = std::min(kTileChunk, tiles - start);
      const std::int64_t from = tile(start).picture;
      const float* in = window.show(from, tile(start + count - 1).picture);
      for (std::int64_t t = 0; t < count; ++t) {
        const Tile here = tile(start + t);
        std::array<const float*, 36> pixels;
        here.pixels<6>(*this, in, from, in_, 1, pixels.data());
        loops_.winograd_input(in_, pixels.data(), spread + t * in_, in_stride);
        here.pixels<4>(*this, gradient, 0, out_, 0, pixels.data());
        loops_.winograd_gradient(out_, pixels.data(), spread_gradient + t * wide, wide_stride);
      }
      for (std::int64_t e = 0; e < kElements; ++e) {
        loops_.gemm_transposed(count,
                               in_,
                               wide,
                               spread + e * in_stride,
                               in_,
                               spread_gradient + e * wide_stride,
                               wide,
                               sum + e * in_ * wide,
                               wide);
      }
    }
  });
  const Tensor transformed = parts.sum(0).narrow(2, 0, out_).reshape({kElements, in_ * out_});
  return at::mm(shared_kernel_transform().t(), transformed)
      .view({9, in_, out_})
      .permute({2, 1, 0})
      .reshape({out_, in_, 3, 3});
}

}  // namespace parsimony::network
