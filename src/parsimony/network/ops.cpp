// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/ops.h"

#include <algorithm>

#include "parsimony/network/batch_statistics.h"
#include "parsimony/network/layout.h"
#include "parsimony/network/simd/loops.h"

namespace parsimony::network {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// Splits rows over threads in fixed chunks whose partial results are combined in order, so that
// sums do not depend on the thread count.
constexpr std::int64_t kChunkRows = 8192;

template <typename Body>
void for_chunks(std::int64_t rows, Body body) {
  const std::int64_t chunks = (rows + kChunkRows - 1) / kChunkRows;
  at::parallel_for(0, chunks, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      body(i, i * kChunkRows, std::min(kChunkRows, rows - i * kChunkRows));
  });
}

Tensor chunk_sums(std::int64_t rows, std::int64_t channels) {
  return at::zeros({(rows + kChunkRows - 1) / kChunkRows, 2, channels}, at::kDouble);
}

struct NormClamp : Function<NormClamp> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x_any,
                        const Tensor& weight,
                        const Tensor& bias,
                        const OptionalTensor& running_mean,
                        const OptionalTensor& running_variance,
                        Clamp clamp,
                        Activation* left_undone) {
    const Tensor x = channels_last(x_any);
    const std::int64_t channels = x.size(1);
    const std::int64_t rows = x.numel() / channels;
    const float* in = x.data_ptr<float>();

    Tensor partial = chunk_sums(rows, channels);
    for_chunks(rows, [&](std::int64_t chunk, std::int64_t first, std::int64_t count) {
      double* sums = partial.data_ptr<double>() + chunk * 2 * channels;
      simd::loops().channel_moments(count, channels, in + first * channels, sums, sums + channels);
    });
    const Tensor sums = partial.sum(0);
    const auto [mean, inverse_deviation, scale, shift] = batch_statistics(
        sums,
        rows,
        {weight, bias, running_mean.value_or(Tensor()), running_variance.value_or(Tensor())});
    context->save_for_backward({x, weight, mean, inverse_deviation, scale, shift});
    context->saved_data["floor"] = clamp.floor;
    context->saved_data["ceiling"] = clamp.ceiling;
    context->saved_data["deferred"] = left_undone != nullptr;
    if (left_undone != nullptr) {
      *left_undone = {scale, shift, clamp.floor, clamp.ceiling};
      return x.detach();
    }
    Tensor y = at::empty_like(x, at::MemoryFormat::ChannelsLast);
    float* out = y.data_ptr<float>();
    for_chunks(rows, [&](std::int64_t, std::int64_t first, std::int64_t count) {
      simd::loops().scale_shift_clamp(count,
                                      channels,
                                      in + first * channels,
                                      scale.data_ptr<float>(),
                                      shift.data_ptr<float>(),
                                      clamp.floor,
                                      clamp.ceiling,
                                      out + first * channels);
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    const Tensor& scale = saved[4];
    const Tensor& shift = saved[5];
    const Clamp clamp = {static_cast<float>(context->saved_data["floor"].toDouble()),
                         static_cast<float>(context->saved_data["ceiling"].toDouble())};
    const Tensor dy = channels_last(gradients[0]);
    const std::int64_t channels = x.size(1);
    const std::int64_t rows = x.numel() / channels;

    Tensor partial = chunk_sums(rows, channels);
    for_chunks(rows, [&](std::int64_t chunk, std::int64_t first, std::int64_t count) {
      const std::int64_t at = first * channels;
      double* sums = partial.data_ptr<double>() + chunk * 2 * channels;
      simd::loops().clamp_gradient_moments(count,
                                           channels,
                                           dy.data_ptr<float>() + at,
                                           x.data_ptr<float>() + at,
                                           scale.data_ptr<float>(),
                                           shift.data_ptr<float>(),
                                           clamp.floor,
                                           clamp.ceiling,
                                           sums,
                                           sums + channels);
    });
    const BatchNormGradient norm =
        batch_norm_gradient(partial.sum(0), rows, saved[1], saved[2], saved[3]);
    // All who read a deferred map have had their turn: its memory is free for the gradient.
    Tensor dx = context->saved_data["deferred"].toBool()
                    ? x.detach()
                    : at::empty_like(x, at::MemoryFormat::ChannelsLast);
    for_chunks(rows, [&](std::int64_t, std::int64_t first, std::int64_t count) {
      const std::int64_t at = first * channels;
      simd::loops().clamp_gradient_affine(count,
                                          channels,
                                          dy.data_ptr<float>() + at,
                                          x.data_ptr<float>() + at,
                                          scale.data_ptr<float>(),
                                          shift.data_ptr<float>(),
                                          clamp.floor,
                                          clamp.ceiling,
                                          norm.a.data_ptr<float>(),
                                          norm.b.data_ptr<float>(),
                                          norm.c.data_ptr<float>(),
                                          dx.data_ptr<float>() + at);
    });
    return {dx, norm.d_weight, norm.d_bias, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

struct PixelMean : Function<PixelMean> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& values,
                        const Activation& activation) {
    const FeatureMap x(channels_last(values), activation);
    const std::int64_t channels = values.size(1);
    const std::int64_t pixels = values.size(2) * values.size(3);
    context->saved_data["shape"] = values.sizes().vec();
    context->saved_data["type"] = values.scalar_type();
    const PixelReader reader(x);
    Tensor sums = at::zeros({2, values.size(0), channels}, at::kDouble);
    double* sum = sums.data_ptr<double>();
    double* unused = sums[1].data_ptr<double>();
    at::parallel_for(0, values.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      constexpr std::int64_t kPixels = 256;
      for (std::int64_t n = begin; n < end; ++n) {
        for (std::int64_t first = 0; first < pixels; first += kPixels) {
          const std::int64_t count = std::min(kPixels, pixels - first);
          simd::loops().channel_moments(count,
                                        channels,
                                        reader.read(n * pixels + first, count, Scratch::kFirst),
                                        sum + n * channels,
                                        unused + n * channels);
        }
      }
    });
    return (sums[0] / static_cast<double>(pixels))
        .to(values.scalar_type())
        .view({values.size(0), channels, 1, 1});
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const std::vector<std::int64_t> shape = context->saved_data["shape"].toIntVector();
    const auto pixels = static_cast<double>(shape[2] * shape[3]);
    const auto type = context->saved_data["type"].toScalarType();
    return {(gradients[0].to(at::kFloat) / pixels).to(type).expand(shape), Tensor()};
  }
};

}  // namespace

Clamp clamp_of(const graph::Relu& relu) {
  return {.floor = 0, .ceiling = static_cast<float>(relu.ceiling)};
}

Tensor clamped(const Tensor& x, Clamp clamp) {
  if (clamp == Clamp::kNone) return x;
  if (clamp == Clamp::kRelu) return at::relu(x);
  return at::hardtanh(x, clamp.floor, clamp.ceiling);
}

Tensor norm_clamp(
    const Tensor& x, const NormState& state, bool training, Clamp clamp, Kernels kernels) {
  if (training && kernels == Kernels::kFast && suits_own_loops(x)) {
    return NormClamp::apply(x,
                            state.weight,
                            state.bias,
                            if_defined(state.running_mean),
                            if_defined(state.running_variance),
                            clamp,
                            static_cast<Activation*>(nullptr));
  }
  const Tensor y = at::batch_norm(x,
                                  state.weight,
                                  state.bias,
                                  if_defined(state.running_mean),
                                  if_defined(state.running_variance),
                                  training,
                                  kNormMomentum,
                                  kNormEpsilon,
                                  /*cudnn_enabled=*/true);
  return clamped(y, clamp);
}

FeatureMap deferred_norm_clamp(const Tensor& x, const NormState& state, Clamp clamp) {
  FeatureMap result;
  result.values = NormClamp::apply(x,
                                   state.weight,
                                   state.bias,
                                   if_defined(state.running_mean),
                                   if_defined(state.running_variance),
                                   clamp,
                                   &result.activation);
  return result;
}

Tensor pixel_mean(const FeatureMap& x, Kernels kernels) {
  if (kernels == Kernels::kFast && (suits_own_loops(x.values) || is_narrow(x.values)))
    return PixelMean::apply(x.values, x.activation);
  return x.values.mean({2, 3}, /*keepdim=*/true);
}

Tensor resize_bilinear(const Tensor& x, std::int64_t height, std::int64_t width) {
  if (x.size(2) == height && x.size(3) == width) return x;
  if (x.size(2) == 1 && x.size(3) == 1) return x.expand({x.size(0), x.size(1), height, width});
  return at::upsample_bilinear2d(x, {height, width}, /*align_corners=*/false);
}

}  // namespace parsimony::network
