// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/pointwise.h"

#include <algorithm>

#include "parsimony/network/layout.h"
#include "parsimony/network/packed_matrices.h"
#include "parsimony/network/parts.h"
#include "parsimony/network/saved_maps.h"

namespace parsimony::network {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// A block of the weight's columns, [out, C_i] of [out, C], for products with rows of one map
// ([C_i, out]) or, transposed, of the result ([out, C_i]).
PackedMatrices packed_block(const Tensor& weight,
                            std::int64_t first,
                            std::int64_t columns,
                            bool transposed) {
  const std::int64_t out = weight.size(0);
  const std::int64_t all = weight.size(1);
  const float* block = weight.data_ptr<float>() + first;
  PackedMatrices packed(1, transposed ? out : columns, transposed ? columns : out);
  packed.set(0, block, transposed ? all : 1, transposed ? 1 : all);
  return packed;
}

// One map and its columns of the weight.
struct Part {
  Part(const FeatureMap& map, const Tensor& weight, std::int64_t first_channel, bool transposed)
      : reader(map),
        first(first_channel),
        channels(map.values.size(1)),
        packed(packed_block(weight, first, channels, transposed)) {}

  PixelReader reader;
  std::int64_t first, channels;
  PackedMatrices packed;
};

std::vector<Part> parts_of(const std::vector<FeatureMap>& maps,
                           const Tensor& weight,
                           bool transposed) {
  std::vector<Part> parts;
  parts.reserve(maps.size());
  std::int64_t first = 0;
  for (const FeatureMap& map : maps) {
    parts.emplace_back(map, weight, first, transposed);
    first += map.values.size(1);
  }
  return parts;
}

// Pixels that meet all parts before the next ones: the results stay in the first cache. A multiple
// of the rows of every version's innermost product.
constexpr std::int64_t kPixelChunk = 240;

struct PointwiseConvolution : Function<PointwiseConvolution> {
  static Tensor forward(AutogradContext* context,
                        const at::TensorList& values,
                        const Tensor& weight_any,
                        const OptionalTensor& bias,
                        const std::vector<Activation>& activations) {
    std::vector<FeatureMap> maps;
    for (std::size_t i = 0; i < values.size(); ++i)
      maps.emplace_back(channels_last(values[i]), activations[i]);
    const Tensor weight = weight_any.contiguous();
    save_maps(context, maps, {weight});
    context->saved_data["bias"] = bias.has_value();

    const std::int64_t out = weight.size(0);
    const Tensor start = bias ? bias->contiguous() : Tensor();
    const Tensor& shape = values[0];
    Tensor y = at::empty({shape.size(0), out, shape.size(2), shape.size(3)},
                         shape.options(),
                         at::MemoryFormat::ChannelsLast);
    const std::int64_t pixels = y.numel() / out;
    const std::vector<Part> parts = parts_of(maps, weight, /*transposed=*/false);
    const std::int64_t chunks = (pixels + kPixelChunk - 1) / kPixelChunk;
    at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        const std::int64_t first = chunk * kPixelChunk;
        const std::int64_t count = std::min(kPixelChunk, pixels - first);
        float* to = y.data_ptr<float>() + first * out;
        if (bias) fill_rows(start, count, to);
        for (std::size_t i = 0; i < parts.size(); ++i) {
          const Part& part = parts[i];
          part.packed.multiply(0,
                               count,
                               part.reader.read(first, count, Scratch::kFirst),
                               part.channels,
                               to,
                               out,
                               /*accumulate=*/bias.has_value() || i > 0);
        }
      }
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto [maps, weights] = saved_maps(context);
    const Tensor& weight = weights[0];
    const simd::Loops& loops = simd::loops();
    const Tensor dy = padded_channels(channels_last(gradients[0]), loops.lanes);
    const std::int64_t out = weight.size(0);
    const std::int64_t in = weight.size(1);
    const std::int64_t wide = dy.size(1);
    const std::int64_t pixels = dy.numel() / wide;
    const std::vector<Part> parts = parts_of(maps, weight, /*transposed=*/true);
    variable_list results;
    for (std::size_t i = 0; i < maps.size(); ++i) {
      results.push_back(context->needs_input_grad(i)
                            ? at::empty_like(maps[i].values, at::MemoryFormat::ChannelsLast)
                            : Tensor());
    }
    const std::int64_t chunks = (pixels + kPixelChunk - 1) / kPixelChunk;
    const Tensor sums = at::zeros({part_count(chunks), in, wide}, at::kFloat);
    for_parts(chunks, [&](std::int64_t slice, std::int64_t begin, std::int64_t end) {
      float* sum = sums.data_ptr<float>() + slice * in * wide;
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        const std::int64_t first = chunk * kPixelChunk;
        const std::int64_t count = std::min(kPixelChunk, pixels - first);
        const float* gradient = dy.data_ptr<float>() + first * wide;
        for (std::size_t i = 0; i < parts.size(); ++i) {
          const Part& part = parts[i];
          loops.gemm_transposed(count,
                                part.channels,
                                wide,
                                part.reader.read(first, count, Scratch::kFirst),
                                part.channels,
                                gradient,
                                wide,
                                sum + part.first * wide,
                                wide);
          if (!results[i].defined()) continue;
          part.packed.multiply(0,
                               count,
                               gradient,
                               wide,
                               results[i].data_ptr<float>() + first * part.channels,
                               part.channels,
                               /*accumulate=*/false);
        }
      }
    });
    results.push_back(sums.sum(0).narrow(1, 0, out).t().reshape({out, in, 1, 1}));
    results.push_back(context->saved_data["bias"].toBool() ? gradients[0].sum({0, 2, 3})
                                                           : Tensor());
    results.push_back(Tensor());
    return results;
  }
};

}  // namespace

Tensor pointwise_convolution(const std::vector<FeatureMap>& parts,
                             const Tensor& weight,
                             const Tensor& bias) {
  const SplitMaps split(parts);
  return PointwiseConvolution::apply(
      at::TensorList(split.values), weight, if_defined(bias), split.activations);
}

}  // namespace parsimony::network
