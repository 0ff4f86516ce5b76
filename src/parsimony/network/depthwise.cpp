// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/depthwise.h"

#include <algorithm>

#include "parsimony/network/depthwise_kernel.h"
#include "parsimony/network/layout.h"
#include "parsimony/network/packed_matrices.h"
#include "parsimony/network/parts.h"
#include "parsimony/network/saved_maps.h"

namespace parsimony::network {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

Tensor convolve(const Depthwise& depthwise, const FeatureMap& x) {
  Tensor y = at::empty_like(x.values, at::MemoryFormat::ChannelsLast);
  const PixelReader reader(x);
  float* out = y.data_ptr<float>();
  at::parallel_for(0, y.size(0), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      depthwise.picture(depthwise.frame(reader, n, Scratch::kFirst),
                        out + n * depthwise.picture_size());
    }
  });
  return y;
}

struct DepthwiseConvolution : Function<DepthwiseConvolution> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& values,
                        const Tensor& weight,
                        const Activation& activation,
                        std::int64_t dilation) {
    const FeatureMap x(channels_last(values), activation);
    save_maps(context, {x}, {weight});
    context->saved_data["dilation"] = dilation;
    return convolve(Depthwise(values, weight, dilation), x);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto [maps, weights] = saved_maps(context);
    const FeatureMap& x = maps[0];
    const Depthwise depthwise(x.values, weights[0], context->saved_data["dilation"].toInt());
    const Tensor dy = channels_last(gradients[0]);
    Tensor dx;
    Tensor dweight;
    if (context->needs_input_grad(0)) dx = convolve(depthwise.mirrored(), dy);
    if (context->needs_input_grad(1)) {
      const Tensor sums = depthwise.empty_gradients(dy.size(0));
      const PixelReader reader(x);
      at::parallel_for(0, dy.size(0), 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t n = first; n < last; ++n) {
          depthwise.add_gradient(depthwise.frame(reader, n, Scratch::kFirst),
                                 dy.data_ptr<float>() + n * depthwise.picture_size(),
                                 sums,
                                 n);
        }
      });
      dweight = Depthwise::weight_gradient(sums);
    }
    return {dx, dweight, Tensor(), Tensor()};
  }
};

struct SeparableConvolution : Function<SeparableConvolution> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& values,
                        const Tensor& depthwise_weight,
                        const Tensor& pointwise_weight,
                        const OptionalTensor& bias,
                        const Activation& activation,
                        std::int64_t dilation) {
    const FeatureMap x(channels_last(values), activation);
    save_maps(context, {x}, {depthwise_weight, pointwise_weight});
    context->saved_data["dilation"] = dilation;
    context->saved_data["bias"] = bias.has_value();

    const Depthwise depthwise(values, depthwise_weight, dilation);
    const std::int64_t in = pointwise_weight.size(1);
    const std::int64_t out = pointwise_weight.size(0);
    const Tensor weight = pointwise_weight.contiguous();
    PackedMatrices packed(1, in, out);
    packed.set(0, weight.data_ptr<float>(), 1, in);
    const Tensor start = bias ? bias->contiguous() : Tensor();
    Tensor y =
        at::empty({values.size(0), out, values.size(2), values.size(3)},
                  at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
    const PixelReader reader(x);
    at::parallel_for(0, y.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        float* picture = y.data_ptr<float>() + n * depthwise.pixels() * out;
        const float* framed = depthwise.frame(reader, n, Scratch::kFirst);
        for_bands(depthwise,
                  framed,
                  Scratch::kSecond,
                  [&](std::int64_t first, std::int64_t count, const float* band) {
                    float* to = picture + first * out;
                    if (bias) fill_rows(start, count, to);
                    packed.multiply(0, count, band, in, to, out, /*accumulate=*/bias.has_value());
                  });
      }
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto [maps, weights] = saved_maps(context);
    const FeatureMap& x = maps[0];
    const simd::Loops& loops = simd::loops();
    const Depthwise depthwise(x.values, weights[0], context->saved_data["dilation"].toInt());
    const Depthwise mirrored = depthwise.mirrored();
    const Tensor weight = weights[1].contiguous();
    const std::int64_t in = weight.size(1);
    const std::int64_t out = weight.size(0);
    PackedMatrices packed(1, out, in);
    packed.set(0, weight.data_ptr<float>(), in, 1);

    const Tensor dy = padded_channels(channels_last(gradients[0]), loops.lanes);
    const std::int64_t wide = dy.size(1);
    const std::int64_t batch = dy.size(0);
    const std::int64_t pixels = depthwise.pixels();
    const bool needs_dx = context->needs_input_grad(0);
    Tensor dx;
    if (needs_dx) dx = at::empty_like(x.values, at::MemoryFormat::ChannelsLast);
    const Tensor depthwise_sums = depthwise.empty_gradients(batch);
    const Tensor pointwise_sums = at::zeros({part_count(batch), in, wide}, at::kFloat);
    const PixelReader reader(x);
    for_parts(batch, [&](std::int64_t part, std::int64_t begin, std::int64_t end) {
      float* pointwise_sum = pointwise_sums.data_ptr<float>() + part * in * wide;
      for (std::int64_t n = begin; n < end; ++n) {
        const float* gradient = dy.data_ptr<float>() + n * pixels * wide;
        const float* framed = depthwise.frame(reader, n, Scratch::kFirst);
        for_bands(
            depthwise,
            framed,
            Scratch::kSecond,
            [&](std::int64_t first, std::int64_t count, const float* band) {
              loops.gemm_transposed(
                  count, in, wide, band, in, gradient + first * wide, wide, pointwise_sum, wide);
            });
        // The gradient of the map between the two convolutions.
        float* inner = scratch(Scratch::kThird, pixels * in);
        packed.multiply(0, pixels, gradient, wide, inner, in, /*accumulate=*/false);
        depthwise.add_gradient(framed, inner, depthwise_sums, n);
        if (!needs_dx) continue;
        mirrored.picture(mirrored.frame(inner, Scratch::kFirst),
                         dx.data_ptr<float>() + n * depthwise.picture_size());
      }
    });
    Tensor dbias;
    if (context->saved_data["bias"].toBool()) dbias = gradients[0].sum({0, 2, 3});
    return {dx,
            Depthwise::weight_gradient(depthwise_sums),
            pointwise_sums.sum(0).narrow(1, 0, out).t().reshape({out, in, 1, 1}),
            dbias,
            Tensor(),
            Tensor()};
  }
};

}  // namespace

Tensor depthwise_convolution(const FeatureMap& x, const Tensor& weight, std::int64_t dilation) {
  return DepthwiseConvolution::apply(x.values, weight, x.activation, dilation);
}

Tensor separable_convolution(const FeatureMap& x,
                             const Tensor& depthwise,
                             std::int64_t dilation,
                             const Tensor& pointwise,
                             const Tensor& bias) {
  return SeparableConvolution::apply(
      x.values, depthwise, pointwise, if_defined(bias), x.activation, dilation);
}

}  // namespace parsimony::network
