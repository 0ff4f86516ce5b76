// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/narrow/gradients.h"

#include <algorithm>

namespace parsimony::network::narrow {

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

}  // namespace parsimony::network::narrow
