// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/narrow_convolution.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "parsimony/network/batch_statistics.h"
#include "parsimony/network/depthwise_kernel.h"
#include "parsimony/network/layout.h"
#include "parsimony/network/parts.h"
#include "parsimony/network/saved_maps.h"

namespace parsimony::network {
namespace {

using simd::Bf16;
using simd::kBf16Columns;
using simd::kBf16Inner;
using simd::kBf16Rows;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

const simd::Bf16Loops& loops() {
  return *simd::bf16_loops();
}

std::int64_t rounded_up(std::int64_t value, std::int64_t to) {
  return (value + to - 1) / to * to;
}

// Values behind the last row of a first factor that a product may read.
std::int64_t reading_margin(std::int64_t channels) {
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

// rows [count, inner] behind each other times one matrix, to pixels from `first` on.
void multiply_rows(const Factors& factors,
                   const Bf16* rows,
                   std::int64_t count,
                   std::int64_t first,
                   Rows& to,
                   double* sums = nullptr) {
  const std::int64_t inner = (*factors).inner;
  for (std::int64_t i = 0; i < count; i += kBf16Rows) {
    const std::int64_t n = std::min(kBf16Rows, count - i);
    to.to_pixels(first + i, n);
    const simd::Bf16Run run{rows + i * inner, 0};
    loops().multiply(*factors, n, &run, 1, inner, to.result(sums));
  }
}

// ---- gradients ----

// What the backward pass of a batch norm needs of its forward pass.
struct SavedNorm {
  Tensor y, weight, mean, inverse_deviation;
  Activation activation;

  simd::Bf16Activation loops_activation() const {
    return {activation.scale.data_ptr<float>(),
            activation.shift.data_ptr<float>(),
            activation.floor,
            activation.ceiling};
  }
};

BatchNormGradient gradient_of(const SavedNorm& norm, const Tensor& dy) {
  constexpr std::int64_t kChunkRows = 8192;
  const std::int64_t channels = dy.size(1);
  const std::int64_t rows = dy.numel() / channels;
  const std::int64_t chunks = (rows + kChunkRows - 1) / kChunkRows;
  const Tensor partial = at::zeros({chunks, 2, channels}, at::kDouble);
  at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      double* sums = partial.data_ptr<double>() + i * 2 * channels;
      loops().gradient_moments(std::min(kChunkRows, rows - i * kChunkRows),
                               channels,
                               narrow_data(dy) + i * kChunkRows * channels,
                               narrow_data(norm.y) + i * kChunkRows * channels,
                               norm.loops_activation(),
                               sums,
                               sums + channels);
    }
  });
  return batch_norm_gradient(partial.sum(0), rows, norm.weight, norm.mean, norm.inverse_deviation);
}

// Reads the gradient of a convolution's result, through the batch norm behind it where there is
// one.
class GradientReader {
 public:
  GradientReader(const Tensor& dy, const SavedNorm* norm, const BatchNormGradient& through)
      : dy_(dy), norm_(norm), through_(through), channels_(dy.size(1)) {}

  std::int64_t channels() const { return channels_; }

  // `count` pixels from `first` on.
  void copy(std::int64_t first, std::int64_t count, Bf16* to) const {
    if (!is_narrow(dy_))
      return loops().narrow(count * channels_, dy_.data_ptr<float>() + first * channels_, to);
    const Bf16* from = narrow_data(dy_) + first * channels_;
    if (norm_ == nullptr) return loops().activate_narrow(count, channels_, from, {}, to, channels_);
    loops().gradient_affine(count,
                            channels_,
                            from,
                            narrow_data(norm_->y) + first * channels_,
                            norm_->loops_activation(),
                            through_.a.data_ptr<float>(),
                            through_.b.data_ptr<float>(),
                            through_.c.data_ptr<float>(),
                            to,
                            channels_);
  }

 private:
  const Tensor& dy_;
  const SavedNorm* norm_;
  const BatchNormGradient& through_;
  std::int64_t channels_;
};

// A weight's gradient, [taps, out, in], summed in a few parts.
class WeightSums {
 public:
  WeightSums(std::int64_t parts, std::int64_t taps, std::int64_t out, std::int64_t in)
      : out_(out),
        in_(in),
        out_padded_(rounded_up(out, kBf16Columns)),
        in_padded_(rounded_up(in, kBf16Columns)),
        sums_(at::zeros({parts, taps, out_padded_, in_padded_}, at::kFloat)) {}

  std::int64_t out_padded() const { return out_padded_; }
  std::int64_t in_padded() const { return in_padded_; }

  // += SUM_p t[o, p] x[p, i], as simd::Bf16Loops::multiply_transposed.
  void add(std::int64_t part,
           std::int64_t tap,
           std::int64_t positions,
           const Bf16* t,
           std::int64_t t_stride,
           const Bf16* pairs) const {
    float* to = sums_.data_ptr<float>() + part * sums_.stride(0) + tap * sums_.stride(1);
    loops().multiply_transposed(
        positions, out_padded_, in_padded_, t, t_stride, pairs, to, in_padded_);
  }

  Tensor total() const { return sums_.sum(0).narrow(1, 0, out_).narrow(2, 0, in_); }

 private:
  std::int64_t out_, in_, out_padded_, in_padded_;
  Tensor sums_;
};

// Rows of a gradient and of what it met, for a weight gradient of one tap. Both have room for
// rounded_up(count, kBf16Inner) rows and reading_margin().
struct RowPairs {
  static std::int64_t pairs_size(std::int64_t count, const WeightSums& sums) {
    return rounded_up(count, kBf16Inner) * sums.in_padded();
  }
  static std::int64_t transposed_size(std::int64_t count, const WeightSums& sums) {
    return rounded_up(count, kBf16Inner) * sums.out_padded();
  }
};
void add_rows(const WeightSums& sums,
              std::int64_t part,
              std::int64_t count,
              Bf16* gradient,
              std::int64_t out,
              Bf16* x,
              std::int64_t in,
              Bf16* transposed,
              Bf16* pairs) {
  const std::int64_t positions = rounded_up(count, kBf16Inner);
  std::fill_n(gradient + count * out, (positions - count) * out, Bf16{0});
  std::fill_n(x + count * in, (positions - count) * in, Bf16{0});
  loops().transpose(positions, sums.out_padded(), gradient, out, transposed, positions);
  loops().interleave(positions, sums.in_padded(), x, in, pairs);
  sums.add(part, 0, positions, transposed, positions, pairs);
}

// ---- dense convolutions larger than 1x1 ----

// A picture with the zeros around it that a kernel reaches. Rows follow each other at `pitch`
// pixels, so that the zeros behind one are those before the next.
class Frame {
 public:
  Frame(const Tensor& map, std::int64_t channels, std::int64_t kernel, std::int64_t dilation)
      : height_(map.size(2)),
        width_(map.size(3)),
        channels_(channels),
        reach_(kernel / 2 * dilation),
        pitch_(width_ + reach_) {}

  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }
  std::int64_t channels() const { return channels_; }
  std::int64_t reach() const { return reach_; }
  std::int64_t pitch() const { return pitch_; }
  // Of a pixel; the first position that a kernel reads for it lies reach rows and columns before.
  std::int64_t position(std::int64_t h, std::int64_t w) const {
    return (h + reach_) * pitch_ + reach_ + w;
  }
  // From the first pixel to the last.
  std::int64_t run() const { return (height_ - 1) * pitch_ + width_; }
  // Even, with room for a run rounded up to kBf16Inner.
  std::int64_t positions() const {
    return rounded_up((height_ + 2 * reach_) * pitch_ + reach_ + kBf16Inner, 2);
  }
  std::int64_t size() const { return (positions() + 2) * channels_ + reading_margin(channels_); }

  void clear(Bf16* frame) const { std::fill_n(frame, size(), Bf16{0}); }
  // copy_row(first pixel of the picture, pixels, to) for every row.
  template <typename CopyRow>
  void fill(Bf16* frame, CopyRow copy_row) const {
    for (std::int64_t h = 0; h < height_; ++h)
      copy_row(h * width_, width_, frame + position(h, 0) * channels_);
  }

 private:
  std::int64_t height_, width_, channels_, reach_, pitch_;
};

// A kernel on framed pictures. Taps that follow each other in memory are one run of a product.
class Taps {
 public:
  // weight [out, in, k, k].
  Taps(const Tensor& weight, std::int64_t dilation, const Frame& frame)
      : frame_(frame),
        kernel_(weight.size(2)),
        dilation_(dilation),
        joined_(dilation == 1),
        factors_(weight.permute({2, 3, 1, 0})
                     .reshape({joined_ ? kernel_ : kernel_ * kernel_,
                               joined_ ? kernel_ * weight.size(1) : weight.size(1),
                               weight.size(0)})) {}

  // The convolution of a framed picture, to pixels from `first` on.
  void multiply(const Bf16* frame, std::int64_t first, Rows& to, double* sums = nullptr) const {
    const std::int64_t rows = frame_.height() * blocks_of_16(frame_.width());
    if (blocks_of_16(frame_.run()) < rows) return multiply_run(frame, first, to, sums);
    for (std::int64_t h = 0; h < frame_.height(); ++h) {
      for (std::int64_t w = 0; w < frame_.width(); w += kBf16Rows) {
        const std::int64_t count = std::min(kBf16Rows, frame_.width() - w);
        to.to_pixels(first + h * frame_.width() + w, count);
        multiply_block(frame, frame_.position(h, w), h, h, count, to, sums);
      }
    }
  }

 private:
  static std::int64_t blocks_of_16(std::int64_t pixels) { return (pixels + 15) / 16; }

  // Rows and the zeros between them as one run: less work where rows fill no tiles.
  void multiply_run(const Bf16* frame, std::int64_t first, Rows& to, double* sums) const {
    for (std::int64_t p = 0; p < frame_.run(); p += kBf16Rows) {
      const std::int64_t count = std::min(kBf16Rows, frame_.run() - p);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t h = (p + i) / frame_.pitch();
        const std::int64_t w = (p + i) % frame_.pitch();
        if (w < frame_.width()) {
          to.to_pixel(i, first + h * frame_.width() + w);
        } else {
          to.drop(i);
        }
      }
      multiply_block(frame,
                     frame_.position(0, 0) + p,
                     p / frame_.pitch(),
                     (p + count - 1) / frame_.pitch(),
                     count,
                     to,
                     sums);
    }
  }

  // Outputs from a position on, which lie in these rows: taps that read only above or below the
  // picture, or only beside it, are left out.
  void multiply_block(const Bf16* frame,
                      std::int64_t position,
                      std::int64_t first_row,
                      std::int64_t last_row,
                      std::int64_t count,
                      const Rows& to,
                      double* sums) const {
    std::array<simd::Bf16Run, kMaxRuns> runs;
    std::size_t used = 0;
    const std::int64_t reach = frame_.reach();
    for (std::int64_t i = 0; i < kernel_; ++i) {
      const std::int64_t down = i * dilation_ - reach;
      if (last_row + down < 0 || first_row + down >= frame_.height()) continue;
      const std::int64_t from = position + down * frame_.pitch() - reach;
      for (std::int64_t j = 0; j < (joined_ ? 1 : kernel_); ++j) {
        if (!joined_ && std::abs(j * dilation_ - reach) >= frame_.width()) continue;
        const std::int64_t at = from + j * dilation_;
        runs[used++] = {frame + at * frame_.channels(), joined_ ? i : i * kernel_ + j};
      }
    }
    loops().multiply(*factors_,
                     count,
                     runs.data(),
                     static_cast<std::int64_t>(used),
                     frame_.channels(),
                     to.result(sums));
  }

  static constexpr std::size_t kMaxRuns = 81;

  Frame frame_;
  std::int64_t kernel_, dilation_;
  bool joined_;
  Factors factors_;
};

// The weight gradient of framed pictures, band by band: what a band of the gradient needs stays in
// the first caches while all taps pass by.
class TapGradient {
 public:
  TapGradient(std::int64_t parts,
              std::int64_t kernel,
              std::int64_t dilation,
              const Frame& x,
              const Frame& dy)
      : x_(x),
        dy_(dy),
        kernel_(kernel),
        dilation_(dilation),
        sums_(parts, kernel * kernel, dy.channels(), x.channels()) {}

  std::int64_t transposed_size() const { return kBand * sums_.out_padded(); }
  std::int64_t pairs_size() const { return x_.positions() * sums_.in_padded(); }
  // A tap starts at an odd position only where the dilation is odd.
  std::int64_t odd_pairs_size() const { return dilation_ % 2 == 1 ? pairs_size() : 0; }

  void add(std::int64_t part,
           const Bf16* x,
           const Bf16* dy,
           Bf16* pairs,
           Bf16* odd_pairs,
           Bf16* transposed) const {
    const std::int64_t columns = sums_.in_padded();
    loops().interleave(x_.positions(), columns, x, x_.channels(), pairs);
    if (dilation_ % 2 == 1)
      loops().interleave(x_.positions(), columns, x + x_.channels(), x_.channels(), odd_pairs);
    const std::int64_t all = rounded_up(dy_.run(), kBf16Inner);
    for (std::int64_t p = 0; p < all; p += kBand) {
      const std::int64_t count = std::min(kBand, all - p);
      const std::int64_t from = dy_.position(0, 0) + p;
      loops().transpose(
          count, sums_.out_padded(), dy + from * dy_.channels(), dy_.channels(), transposed, kBand);
      const std::int64_t first_row = p / dy_.pitch();
      const std::int64_t last_row = (p + count - 1) / dy_.pitch();
      for (std::int64_t i = 0; i < kernel_; ++i) {
        const std::int64_t down = i * dilation_ - x_.reach();
        if (last_row + down < 0 || first_row + down >= x_.height()) continue;
        for (std::int64_t j = 0; j < kernel_; ++j) {
          const std::int64_t across = j * dilation_ - x_.reach();
          if (std::abs(across) >= x_.width()) continue;
          const std::int64_t start = from + down * x_.pitch() + across;
          const Bf16* met = (start % 2 == 0 ? pairs : odd_pairs) + start / 2 * 2 * columns;
          sums_.add(part, i * kernel_ + j, count, transposed, kBand, met);
        }
      }
    }
  }

  Tensor total() const {  // [out, in, k, k]
    const Tensor sum = sums_.total();
    return sum.permute({1, 2, 0}).reshape({sum.size(1), sum.size(2), kernel_, kernel_});
  }

 private:
  static constexpr std::int64_t kBand = 512;  // positions

  Frame x_, dy_;
  std::int64_t kernel_, dilation_;
  WeightSums sums_;
};

void dense_forward(const FeatureMap& x,
                   const NarrowConvolution& conv,
                   const Rows& to,
                   const Tensor& sums) {
  const Frame frame(x.values, x.values.size(1), conv.weight.size(2), conv.dilation);
  const Taps taps(conv.weight, conv.dilation, frame);
  const PixelReader reader(x);
  const std::int64_t pixels = frame.height() * frame.width();
  at::parallel_for(0, x.values.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    const simd::Bf16Tiles tiles(loops());
    const Buffers buffers(Scratch::kFirst, {frame.size()});
    frame.clear(buffers[0]);
    Rows rows = to;
    for (std::int64_t n = begin; n < end; ++n) {
      frame.fill(buffers[0], [&](std::int64_t first, std::int64_t count, Bf16* row) {
        reader.copy(n * pixels + first, count, row, frame.channels());
      });
      taps.multiply(buffers[0],
                    n * pixels,
                    rows,
                    sums.defined() ? sums.data_ptr<double>() + n * sums.stride(0) : nullptr);
    }
  });
}

// The weight's gradient; the map's to `dx` where it is defined.
Tensor dense_backward(const FeatureMap& x,
                      const NarrowConvolution& conv,
                      const GradientReader& gradient,
                      const Tensor& dx) {
  const std::int64_t kernel = conv.weight.size(2);
  const std::int64_t batch = x.values.size(0);
  const Frame x_frame(x.values, x.values.size(1), kernel, conv.dilation);
  const Frame dy_frame(x.values, gradient.channels(), kernel, conv.dilation);
  const Taps back(conv.weight.flip({2, 3}).transpose(0, 1), conv.dilation, dy_frame);
  const TapGradient sums(part_count(batch), kernel, conv.dilation, x_frame, dy_frame);
  const PixelReader reader(x);
  const std::int64_t pixels = x_frame.height() * x_frame.width();
  for_parts(batch, [&](std::int64_t part, std::int64_t begin, std::int64_t end) {
    const simd::Bf16Tiles tiles(loops());
    const Buffers buffers(Scratch::kFirst,
                          {x_frame.size(),
                           dy_frame.size(),
                           sums.pairs_size(),
                           sums.odd_pairs_size(),
                           sums.transposed_size()});
    x_frame.clear(buffers[0]);
    dy_frame.clear(buffers[1]);
    for (std::int64_t n = begin; n < end; ++n) {
      dy_frame.fill(buffers[1], [&](std::int64_t first, std::int64_t count, Bf16* row) {
        gradient.copy(n * pixels + first, count, row);
      });
      if (dx.defined()) {
        Rows rows(dx);
        back.multiply(buffers[1], n * pixels, rows);
      }
      x_frame.fill(buffers[0], [&](std::int64_t first, std::int64_t count, Bf16* row) {
        reader.copy(n * pixels + first, count, row, x_frame.channels());
      });
      sums.add(part, buffers[0], buffers[1], buffers[2], buffers[3], buffers[4]);
    }
  });
  return sums.total();
}

// ---- pointwise convolutions ----

constexpr std::int64_t kPixelChunk = 512;

std::vector<PixelReader> readers_of(const std::vector<FeatureMap>& maps) {
  return {maps.begin(), maps.end()};
}

void copy_joined(const std::vector<FeatureMap>& maps,
                 const std::vector<PixelReader>& readers,
                 std::int64_t first,
                 std::int64_t count,
                 std::int64_t channels,
                 Bf16* to) {
  for (std::size_t i = 0; i < maps.size(); ++i) {
    readers[i].copy(first, count, to, channels);
    to += maps[i].values.size(1);
  }
}

void pointwise_forward(const std::vector<FeatureMap>& maps,
                       const NarrowConvolution& conv,
                       const Rows& to,
                       std::int64_t pixels,
                       const Tensor& sums) {
  const std::int64_t in = conv.weight.size(1);
  const Factors factors(conv.weight.flatten(1).t().unsqueeze(0));
  const std::vector<PixelReader> readers = readers_of(maps);
  const std::int64_t chunks = (pixels + kPixelChunk - 1) / kPixelChunk;
  at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    const simd::Bf16Tiles tiles(loops());
    const std::int64_t size = kPixelChunk * in + reading_margin(in);
    const Buffers buffers(Scratch::kFirst, {size});
    std::fill_n(buffers[0], size, Bf16{0});
    Rows rows = to;
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      const std::int64_t first = chunk * kPixelChunk;
      const std::int64_t count = std::min(kPixelChunk, pixels - first);
      copy_joined(maps, readers, first, count, in, buffers[0]);
      multiply_rows(factors,
                    buffers[0],
                    count,
                    first,
                    rows,
                    sums.defined() ? sums.data_ptr<double>() + chunk * sums.stride(0) : nullptr);
    }
  });
}

Tensor pointwise_backward(const std::vector<FeatureMap>& maps,
                          const NarrowConvolution& conv,
                          const GradientReader& gradient,
                          std::int64_t pixels,
                          const std::vector<Tensor>& dx) {
  const std::int64_t out = conv.weight.size(0);
  const std::int64_t in = conv.weight.size(1);
  std::vector<Factors> back;  // [out, C_i]
  std::int64_t first_channel = 0;
  for (const FeatureMap& map : maps) {
    const std::int64_t channels = map.values.size(1);
    back.emplace_back(conv.weight.flatten(1).narrow(1, first_channel, channels).unsqueeze(0));
    first_channel += channels;
  }
  const std::vector<PixelReader> readers = readers_of(maps);
  const std::int64_t chunks = (pixels + kPixelChunk - 1) / kPixelChunk;
  const WeightSums sums(part_count(chunks), 1, out, in);
  for_parts(chunks, [&](std::int64_t part, std::int64_t begin, std::int64_t end) {
    const simd::Bf16Tiles tiles(loops());
    const std::int64_t x_size = kPixelChunk * in + reading_margin(in);
    const std::int64_t dy_size = kPixelChunk * out + reading_margin(out);
    const Buffers buffers(Scratch::kFirst,
                          {x_size,
                           dy_size,
                           RowPairs::pairs_size(kPixelChunk, sums),
                           RowPairs::transposed_size(kPixelChunk, sums)});
    std::fill_n(buffers[0], x_size, Bf16{0});
    std::fill_n(buffers[1], dy_size, Bf16{0});
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      const std::int64_t first = chunk * kPixelChunk;
      const std::int64_t count = std::min(kPixelChunk, pixels - first);
      gradient.copy(first, count, buffers[1]);
      for (std::size_t i = 0; i < maps.size(); ++i) {
        if (!dx[i].defined()) continue;
        Rows rows(dx[i]);
        multiply_rows(back[i], buffers[1], count, first, rows);
      }
      copy_joined(maps, readers, first, count, in, buffers[0]);
      add_rows(sums, part, count, buffers[1], out, buffers[0], in, buffers[3], buffers[2]);
    }
  });
  return sums.total().reshape({out, in, 1, 1});
}

// ---- depthwise and pointwise ----

void separable_forward(const FeatureMap& x,
                       const NarrowConvolution& conv,
                       const Rows& to,
                       const Tensor& sums) {
  const Depthwise depthwise(x.values, conv.depthwise, conv.depthwise_dilation);
  const std::int64_t in = conv.weight.size(1);
  const Factors factors(conv.weight.flatten(1).t().unsqueeze(0));
  const PixelReader reader(x);
  at::parallel_for(0, x.values.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    const simd::Bf16Tiles tiles(loops());
    const std::int64_t size = band_pixels(depthwise.shape()) * in + reading_margin(in);
    const Buffers buffers(Scratch::kThird, {size});
    std::fill_n(buffers[0], size, Bf16{0});
    Rows rows = to;
    for (std::int64_t n = begin; n < end; ++n) {
      double* picture_sums =
          sums.defined() ? sums.data_ptr<double>() + n * sums.stride(0) : nullptr;
      const float* framed = depthwise.frame(reader, n, Scratch::kFirst);
      for_bands(
          depthwise,
          framed,
          Scratch::kSecond,
          [&](std::int64_t first, std::int64_t count, const float* band) {
            loops().narrow(count * in, band, buffers[0]);
            multiply_rows(
                factors, buffers[0], count, n * depthwise.pixels() + first, rows, picture_sums);
          });
    }
  });
}

struct SeparableGradient {
  Tensor depthwise, weight;
};
SeparableGradient separable_backward(const FeatureMap& x,
                                     const NarrowConvolution& conv,
                                     const GradientReader& gradient,
                                     const Tensor& dx) {
  const Depthwise depthwise(x.values, conv.depthwise, conv.depthwise_dilation);
  const Depthwise mirrored = depthwise.mirrored();
  const std::int64_t out = conv.weight.size(0);
  const std::int64_t in = conv.weight.size(1);
  const std::int64_t batch = x.values.size(0);
  const std::int64_t pixels = depthwise.pixels();
  const Factors back(conv.weight.flatten(1).unsqueeze(0));
  const Tensor depthwise_sums = depthwise.empty_gradients(batch);
  const WeightSums sums(part_count(batch), 1, out, in);
  const PixelReader reader(x);
  for_parts(batch, [&](std::int64_t part, std::int64_t begin, std::int64_t end) {
    const simd::Bf16Tiles tiles(loops());
    const std::int64_t most = band_pixels(depthwise.shape()) + kBf16Inner;
    const std::int64_t x_size = most * in + reading_margin(in);
    const std::int64_t dy_size = most * out + reading_margin(out);
    const Buffers buffers(
        Scratch::kFourth,
        {x_size, dy_size, RowPairs::pairs_size(most, sums), RowPairs::transposed_size(most, sums)});
    std::fill_n(buffers[0], x_size, Bf16{0});
    std::fill_n(buffers[1], dy_size, Bf16{0});
    for (std::int64_t n = begin; n < end; ++n) {
      const float* framed = depthwise.frame(reader, n, Scratch::kFirst);
      float* inner = scratch(Scratch::kThird, pixels * in);  // between the two convolutions
      Rows rows(inner, in);
      for_bands(depthwise,
                framed,
                Scratch::kSecond,
                [&](std::int64_t first, std::int64_t count, const float* band) {
                  loops().narrow(count * in, band, buffers[0]);
                  gradient.copy(n * pixels + first, count, buffers[1]);
                  multiply_rows(back, buffers[1], count, first, rows);
                  add_rows(
                      sums, part, count, buffers[1], out, buffers[0], in, buffers[3], buffers[2]);
                });
      depthwise.add_gradient(framed, inner, depthwise_sums, n);
      if (!dx.defined()) continue;
      const float* framed_gradient = mirrored.frame(inner, Scratch::kFirst);
      for_bands(mirrored,
                framed_gradient,
                Scratch::kSecond,
                [&](std::int64_t first, std::int64_t count, const float* band) {
                  loops().narrow(count * in, band, narrow_data(dx) + (n * pixels + first) * in);
                });
    }
  });
  return {Depthwise::weight_gradient(depthwise_sums), sums.total().reshape({out, in, 1, 1})};
}

// ---- as one operation ----

struct Operation : Function<Operation> {
  static Tensor forward(AutogradContext* context,
                        const at::TensorList& values,
                        const Tensor& weight,
                        const OptionalTensor& depthwise,
                        const OptionalTensor& bias,
                        const OptionalTensor& norm_weight,
                        const OptionalTensor& /*norm_bias*/,  // for its gradient
                        const NarrowConvolution& conv,
                        const std::vector<Activation>& activations,
                        const NormState& norm,
                        Clamp clamp,
                        bool wide,
                        Activation* left_undone) {
    std::vector<FeatureMap> maps;
    for (std::size_t i = 0; i < values.size(); ++i)
      maps.emplace_back(channels_last(values[i]), activations[i]);
    const std::vector<std::int64_t> shape = {
        values[0].size(0), weight.size(0), values[0].size(2), values[0].size(3)};
    const Tensor y =
        wide
            ? at::empty(shape,
                        at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast))
            : empty_narrow(shape);
    const std::int64_t pixels = shape[0] * shape[2] * shape[3];
    const Rows rows(
        y, bias ? bias->contiguous() : Tensor(), left_undone != nullptr ? Clamp::kNone : clamp);
    const bool pointwise = weight.size(2) == 1 && !depthwise;
    Tensor sums;
    if (left_undone != nullptr) {
      const std::int64_t items = pointwise ? (pixels + kPixelChunk - 1) / kPixelChunk : shape[0];
      sums = at::zeros({items, 2, shape[1]}, at::kDouble);
    }
    if (depthwise) {
      separable_forward(maps[0], conv, rows, sums);
    } else if (pointwise) {
      pointwise_forward(maps, conv, rows, pixels, sums);
    } else {
      dense_forward(maps[0], conv, rows, sums);
    }

    variable_list kept = {weight, depthwise.value_or(Tensor())};
    context->saved_data["norm"] = left_undone != nullptr;
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["dilation"] = conv.dilation;
    context->saved_data["depthwise_dilation"] = conv.depthwise_dilation;
    if (left_undone != nullptr) {
      const BatchStatistics statistics = batch_statistics(sums.sum(0), pixels, norm);
      *left_undone = {statistics.scale, statistics.shift, clamp.floor, clamp.ceiling};
      kept.insert(kept.end(),
                  {y,
                   *norm_weight,
                   statistics.mean,
                   statistics.inverse_deviation,
                   statistics.scale,
                   statistics.shift});
      context->saved_data["floor"] = clamp.floor;
      context->saved_data["ceiling"] = clamp.ceiling;
    }
    save_maps(context, maps, kept);
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto [maps, kept] = saved_maps(context);
    const Tensor dy = channels_last(gradients[0]);
    const NarrowConvolution conv{
        .depthwise = kept[1],
        .depthwise_dilation = context->saved_data["depthwise_dilation"].toInt(),
        .weight = kept[0],
        .dilation = context->saved_data["dilation"].toInt(),
        .bias = {}};
    const bool has_norm = context->saved_data["norm"].toBool();
    SavedNorm norm;
    BatchNormGradient through;
    if (has_norm) {
      norm = {kept[2],
              kept[3],
              kept[4],
              kept[5],
              {kept[6],
               kept[7],
               static_cast<float>(context->saved_data["floor"].toDouble()),
               static_cast<float>(context->saved_data["ceiling"].toDouble())}};
      through = gradient_of(norm, dy);
    }
    const GradientReader gradient(dy, has_norm ? &norm : nullptr, through);

    std::vector<Tensor> dx(maps.size());
    for (std::size_t i = 0; i < maps.size(); ++i) {
      if (context->needs_input_grad(i)) dx[i] = empty_narrow(maps[i].values.sizes());
    }
    Tensor d_weight;
    Tensor d_depthwise;
    if (conv.depthwise.defined()) {
      const SeparableGradient both = separable_backward(maps[0], conv, gradient, dx[0]);
      d_weight = both.weight;
      d_depthwise = both.depthwise;
    } else if (conv.weight.size(2) == 1) {
      d_weight = pointwise_backward(maps, conv, gradient, dy.numel() / dy.size(1), dx);
    } else {
      d_weight = dense_backward(maps[0], conv, gradient, dx[0]);
    }
    Tensor d_bias;
    if (context->saved_data["bias"].toBool())
      d_bias = has_norm ? at::zeros({dy.size(1)}, at::kFloat)  // the norm takes it away again
                        : dy.to(at::kFloat).sum({0, 2, 3});
    variable_list results(dx.begin(), dx.end());
    results.insert(results.end(),
                   {d_weight, d_depthwise, d_bias, through.d_weight, through.d_bias});
    results.insert(results.end(), 6, Tensor());
    return results;
  }
};

struct Finished : Function<Finished> {
  static Tensor forward(AutogradContext*, const Tensor& values, const Activation& activation) {
    const FeatureMap x(channels_last(values), activation);
    const Tensor y = empty_narrow(values.sizes());
    const PixelReader reader(x);
    const std::int64_t channels = values.size(1);
    constexpr std::int64_t kRowsPerTask = 4096;
    at::parallel_for(
        0, values.numel() / channels, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
          reader.copy(begin, end - begin, narrow_data(y) + begin * channels, channels);
        });
    return y;
  }
  // The gradient of a map's values is that of the finished map.
  static variable_list backward(AutogradContext*, variable_list gradients) {
    return {gradients[0], Tensor()};
  }
};

Tensor apply(const std::vector<FeatureMap>& parts,
             const NarrowConvolution& convolution,
             const NormState& norm,
             Clamp clamp,
             bool wide,
             Activation* left_undone) {
  const SplitMaps split(parts);
  NarrowConvolution conv = convolution;
  conv.weight = conv.weight.detach();
  if (conv.depthwise.defined()) conv.depthwise = conv.depthwise.detach();
  return Operation::apply(at::TensorList(split.values),
                          convolution.weight,
                          if_defined(convolution.depthwise),
                          if_defined(convolution.bias),
                          if_defined(norm.weight),
                          if_defined(norm.bias),
                          conv,
                          split.activations,
                          norm,
                          clamp,
                          wide,
                          left_undone);
}

}  // namespace

Tensor narrow_convolution(const std::vector<FeatureMap>& parts,
                          const NarrowConvolution& convolution,
                          bool wide,
                          Clamp clamp) {
  return apply(parts, convolution, {}, clamp, wide, nullptr);
}

FeatureMap narrow_convolution_norm(const std::vector<FeatureMap>& parts,
                                   const NarrowConvolution& convolution,
                                   const NormState& norm,
                                   Clamp clamp) {
  FeatureMap result;
  result.values = apply(parts, convolution, norm, clamp, /*wide=*/false, &result.activation);
  return result;
}

Tensor finished_narrow(const FeatureMap& x) {
  return x.activation.defined() ? Finished::apply(x.values, x.activation) : x.values;
}

}  // namespace parsimony::network
