// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/narrow/separable.h"

#include <algorithm>

#include "parsimony/network/depthwise_kernel.h"
#include "parsimony/network/parts.h"

namespace parsimony::network::narrow {

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

}  // namespace parsimony::network::narrow
