// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/network/batch_statistics.h"
#include "parsimony/network/narrow/products.h"

// What the backward passes of the convolutions of narrow maps have in common.
namespace parsimony::network::narrow {

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

// Of the batch norm behind a convolution, from the gradient of what both give.
BatchNormGradient gradient_of(const SavedNorm& norm, const Tensor& dy);

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
              Bf16* pairs);

}  // namespace parsimony::network::narrow
