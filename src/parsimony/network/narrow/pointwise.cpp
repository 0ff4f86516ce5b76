// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/narrow/pointwise.h"

#include <algorithm>
#include <vector>

#include "parsimony/network/parts.h"

namespace parsimony::network::narrow {
namespace {

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

}  // namespace

void pointwise_forward(const std::vector<FeatureMap>& maps,
                       const NarrowConvolution& conv,
                       const Rows& to,
                       std::int64_t pixels,
                       const Tensor& sums) {
  const std::int64_t in = conv.weight.size(1);
  const Factors factors(conv.weight.flatten(1).t().unsqueeze(0));
  const std::vector<PixelReader> readers = readers_of(maps);
  const std::int64_t chunks = chunk_count(pixels);
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
  const std::int64_t chunks = chunk_count(pixels);
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

}  // namespace parsimony::network::narrow
