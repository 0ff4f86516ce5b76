// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/network/dense_convolution.h"
#include "parsimony/network/layout.h"
#include "parsimony/network/ops.h"
#include "parsimony/network/scratch.h"
#include "parsimony/network/simd/loops.h"

namespace parsimony::network {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

simd::DepthwiseShape depthwise_shape(const Tensor& x, std::int64_t kernel, std::int64_t dilation) {
  return {x.size(2), x.size(3), x.size(1), kernel, dilation};
}

// [C, 1, k, k] -> [k, k, C]
Tensor taps_first(const Tensor& weight) {
  return weight.squeeze(1).permute({1, 2, 0}).contiguous();
}

// Picture n with the zeros to each side that the kernel reaches.
void frame(const simd::DepthwiseShape& shape, const PixelReader& x, std::int64_t n, float* framed) {
  const std::int64_t margin = shape.reach() * shape.channels;
  const std::int64_t row = shape.width * shape.channels;
  for (std::int64_t h = 0; h < shape.height; ++h, framed += row + 2 * margin) {
    std::fill_n(framed, margin, 0.0F);
    x.copy((n * shape.height + h) * shape.width, shape.width, framed + margin);
    std::fill_n(framed + margin + row, margin, 0.0F);
  }
}

Tensor run_depthwise(const FeatureMap& x, const Tensor& taps, std::int64_t dilation) {
  Tensor y = at::empty_like(x.values, at::MemoryFormat::ChannelsLast);
  const simd::DepthwiseShape shape = depthwise_shape(x.values, taps.size(0), dilation);
  const std::int64_t image = shape.height * shape.width * shape.channels;
  const PixelReader reader(x);
  float* out = y.data_ptr<float>();
  const float* weight = taps.data_ptr<float>();
  at::parallel_for(0, y.size(0), 1, [&](std::int64_t first, std::int64_t last) {
    float* framed = scratch(Scratch::kFirst, shape.framed_size());
    for (std::int64_t n = first; n < last; ++n) {
      frame(shape, reader, n, framed);
      simd::loops().depthwise(shape, framed, weight, out + n * image);
    }
  });
  return y;
}

// What a backward pass needs of a convolution's inputs.
void save(AutogradContext* context, const FeatureMap& x, const Tensor& weight) {
  context->save_for_backward({x.values, weight, x.activation.scale, x.activation.shift});
  context->saved_data["floor"] = static_cast<double>(x.activation.floor);
  context->saved_data["ceiling"] = static_cast<double>(x.activation.ceiling);
}

struct SavedInputs {
  FeatureMap x;
  Tensor weight;
};
SavedInputs saved_inputs(AutogradContext* context) {
  const variable_list saved = context->get_saved_variables();
  const auto number = [context](const char* name) {
    return static_cast<float>(context->saved_data[name].toDouble());
  };
  return {{saved[0], {saved[2], saved[3], number("floor"), number("ceiling")}}, saved[1]};
}

struct DepthwiseConvolution : Function<DepthwiseConvolution> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& values,
                        const Tensor& weight,
                        const Activation& activation,
                        std::int64_t dilation) {
    const FeatureMap x(channels_last(values), activation);
    save(context, x, weight);
    context->saved_data["dilation"] = dilation;
    return run_depthwise(x, taps_first(weight), dilation);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto [x, weight] = saved_inputs(context);
    const std::int64_t dilation = context->saved_data["dilation"].toInt();
    const Tensor dy = channels_last(gradients[0]);
    Tensor dx;
    Tensor dweight;
    // Correlation with the mirrored kernel: padding and size are symmetric.
    if (context->needs_input_grad(0))
      dx = run_depthwise(dy, taps_first(weight).flip({0, 1}).contiguous(), dilation);
    if (context->needs_input_grad(1)) {
      const simd::DepthwiseShape shape = depthwise_shape(x.values, weight.size(2), dilation);
      const std::int64_t image = shape.height * shape.width * shape.channels;
      // One partial sum per image, added in image order: the result does not depend on the thread
      // count.
      Tensor partial =
          at::zeros({dy.size(0), shape.kernel, shape.kernel, shape.channels}, dy.options());
      const std::int64_t taps = partial.stride(0);
      const PixelReader reader(x);
      at::parallel_for(0, dy.size(0), 1, [&](std::int64_t first, std::int64_t last) {
        float* framed = scratch(Scratch::kFirst, shape.framed_size());
        for (std::int64_t n = first; n < last; ++n) {
          frame(shape, reader, n, framed);
          simd::loops().depthwise_weight_gradient(shape,
                                                  framed,
                                                  dy.data_ptr<float>() + n * image,
                                                  partial.data_ptr<float>() + n * taps);
        }
      });
      dweight = partial.sum(0).permute({2, 0, 1}).unsqueeze(1).contiguous();
    }
    return {dx, dweight, Tensor(), Tensor()};
  }
};

struct OwnDenseConvolution : Function<OwnDenseConvolution> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& values,
                        const Tensor& weight,
                        const c10::optional<Tensor>& bias,
                        const Activation& activation,
                        std::int64_t padding,
                        std::int64_t dilation) {
    const FeatureMap x(channels_last(values), activation);
    save(context, x, weight);
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["padding"] = padding;
    context->saved_data["dilation"] = dilation;
    return DenseConvolution(values.sizes(), weight.sizes(), 1, padding, dilation)
        .forward(x, weight, bias.value_or(Tensor()));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto [x, weight] = saved_inputs(context);
    const Tensor dy = channels_last(gradients[0]);
    const DenseConvolution conv(x.values.sizes(),
                                weight.sizes(),
                                1,
                                context->saved_data["padding"].toInt(),
                                context->saved_data["dilation"].toInt());
    Tensor dx;
    Tensor dweight;
    Tensor dbias;
    if (context->needs_input_grad(0)) dx = conv.input_gradient(dy, weight);
    if (context->needs_input_grad(1)) dweight = conv.weight_gradient(x, dy);
    if (context->saved_data["bias"].toBool()) dbias = dy.sum({0, 2, 3});
    return {dx, dweight, dbias, Tensor(), Tensor(), Tensor()};
  }
};

bool is_own_depthwise(const graph::Conv& conv) {
  return conv.groups == conv.in_channels && conv.out_channels == conv.in_channels &&
         conv.groups > 1 && conv.stride == 1 &&
         2 * conv.padding == conv.dilation * (conv.kernel - 1);
}

bool is_own_dense(const graph::Conv& conv) {
  return conv.groups == 1 && conv.stride == 1 && conv.padding <= conv.dilation * (conv.kernel - 1);
}

}  // namespace

bool applies_activation(const graph::Conv& conv) {
  return (is_own_depthwise(conv) && !conv.bias) || is_own_dense(conv);
}

Tensor convolution(const FeatureMap& x,
                   const Tensor& weight,
                   const Tensor& bias,
                   const graph::Conv& conv,
                   Kernels kernels) {
  const c10::optional<Tensor> bias_or_none =
      bias.defined() ? c10::optional<Tensor>(bias) : c10::nullopt;
  if (kernels == Kernels::kFast && suits_own_loops(x.values)) {
    if (is_own_depthwise(conv) && !bias.defined())
      return DepthwiseConvolution::apply(x.values, weight, x.activation, conv.dilation);
    if (is_own_dense(conv)) {
      return OwnDenseConvolution::apply(
          x.values, weight, bias_or_none, x.activation, conv.padding, conv.dilation);
    }
  }
  core::require(!x.activation.defined(), "this convolution cannot apply an activation");
  return at::conv2d(x.values,
                    weight,
                    bias_or_none,
                    {conv.stride, conv.stride},
                    {conv.padding, conv.padding},
                    {conv.dilation, conv.dilation},
                    conv.groups);
}

}  // namespace parsimony::network
