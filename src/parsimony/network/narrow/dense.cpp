// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/narrow/dense.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "parsimony/network/parts.h"

namespace parsimony::network::narrow {
namespace {

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

}  // namespace

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

}  // namespace parsimony::network::narrow
