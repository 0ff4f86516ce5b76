// SPDX-License-Identifier: Apache-2.0
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

Tensor run_depthwise(const Tensor& x, const Tensor& taps, std::int64_t dilation) {
  Tensor y = at::empty_like(x, at::MemoryFormat::ChannelsLast);
  const simd::DepthwiseShape shape = depthwise_shape(x, taps.size(0), dilation);
  const std::int64_t image = shape.height * shape.width * shape.channels;
  const float* in = x.data_ptr<float>();
  float* out = y.data_ptr<float>();
  const float* weight = taps.data_ptr<float>();
  at::parallel_for(0, x.size(0), 1, [&](std::int64_t first, std::int64_t last) {
    float* framed = scratch(Scratch::kFirst, shape.framed_size());
    for (std::int64_t n = first; n < last; ++n) {
      simd::loops().depthwise(shape, in + n * image, weight, out + n * image, framed);
    }
  });
  return y;
}

struct DepthwiseConvolution : Function<DepthwiseConvolution> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x_any,
                        const Tensor& weight,
                        std::int64_t dilation) {
    const Tensor x = channels_last(x_any);
    context->save_for_backward({x, weight});
    context->saved_data["dilation"] = dilation;
    return run_depthwise(x, taps_first(weight), dilation);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    const Tensor& weight = saved[1];
    const std::int64_t dilation = context->saved_data["dilation"].toInt();
    const Tensor dy = channels_last(gradients[0]);
    Tensor dx;
    Tensor dweight;
    // Correlation with the mirrored kernel: padding and size are symmetric.
    if (context->needs_input_grad(0))
      dx = run_depthwise(dy, taps_first(weight).flip({0, 1}).contiguous(), dilation);
    if (context->needs_input_grad(1)) {
      const simd::DepthwiseShape shape = depthwise_shape(x, weight.size(2), dilation);
      const std::int64_t image = shape.height * shape.width * shape.channels;
      // One partial sum per image, added in image order: the result does not depend on the thread
      // count.
      Tensor partial =
          at::zeros({x.size(0), shape.kernel, shape.kernel, shape.channels}, x.options());
      const std::int64_t taps = partial.stride(0);
      at::parallel_for(0, x.size(0), 1, [&](std::int64_t first, std::int64_t last) {
        float* framed = scratch(Scratch::kFirst, shape.framed_size());
        for (std::int64_t n = first; n < last; ++n) {
          simd::loops().depthwise_weight_gradient(shape,
                                                  x.data_ptr<float>() + n * image,
                                                  dy.data_ptr<float>() + n * image,
                                                  partial.data_ptr<float>() + n * taps,
                                                  framed);
        }
      });
      dweight = partial.sum(0).permute({2, 0, 1}).unsqueeze(1).contiguous();
    }
    return {dx, dweight, Tensor()};
  }
};

struct OwnDenseConvolution : Function<OwnDenseConvolution> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x_any,
                        const Tensor& weight,
                        const c10::optional<Tensor>& bias,
                        std::int64_t padding,
                        std::int64_t dilation) {
    const Tensor x = channels_last(x_any);
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["padding"] = padding;
    context->saved_data["dilation"] = dilation;
    return DenseConvolution(x.sizes(), weight.sizes(), 1, padding, dilation)
        .forward(x, weight, bias.value_or(Tensor()));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    const Tensor& weight = saved[1];
    const Tensor dy = channels_last(gradients[0]);
    const DenseConvolution conv(x.sizes(),
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
    return {dx, dweight, dbias, Tensor(), Tensor()};
  }
};

bool is_own_depthwise(const graph::Conv& conv, const Tensor& bias) {
  return conv.groups == conv.in_channels && conv.out_channels == conv.in_channels &&
         conv.groups > 1 && conv.stride == 1 &&
         2 * conv.padding == conv.dilation * (conv.kernel - 1) && !bias.defined();
}

bool is_own_dense(const graph::Conv& conv) {
  return conv.groups == 1 && conv.stride == 1 && conv.padding <= conv.dilation * (conv.kernel - 1);
}

}  // namespace

Tensor convolution(const Tensor& x,
                   const Tensor& weight,
                   const Tensor& bias,
                   const graph::Conv& conv,
                   Kernels kernels) {
  const c10::optional<Tensor> bias_or_none =
      bias.defined() ? c10::optional<Tensor>(bias) : c10::nullopt;
  if (kernels == Kernels::kFast && suits_own_loops(x)) {
    if (is_own_depthwise(conv, bias)) return DepthwiseConvolution::apply(x, weight, conv.dilation);
    if (is_own_dense(conv))
      return OwnDenseConvolution::apply(x, weight, bias_or_none, conv.padding, conv.dilation);
  }
  return at::conv2d(x,
                    weight,
                    bias_or_none,
                    {conv.stride, conv.stride},
                    {conv.padding, conv.padding},
                    {conv.dilation, conv.dilation},
                    conv.groups);
}

}  // namespace parsimony::network
