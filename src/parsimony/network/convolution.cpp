// SPDX-License-Identifier: Apache-2.0
#include "parsimony/core/error.h"
#include "parsimony/network/dense_convolution.h"
#include "parsimony/network/depthwise.h"
#include "parsimony/network/layout.h"
#include "parsimony/network/ops.h"
#include "parsimony/network/pointwise.h"
#include "parsimony/network/saved_maps.h"

namespace parsimony::network {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct OwnDenseConvolution : Function<OwnDenseConvolution> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& values,
                        const Tensor& weight,
                        const OptionalTensor& bias,
                        const Activation& activation,
                        std::int64_t padding,
                        std::int64_t dilation) {
    const FeatureMap x(channels_last(values), activation);
    save_maps(context, {x}, {weight});
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["padding"] = padding;
    context->saved_data["dilation"] = dilation;
    return DenseConvolution(values.sizes(), weight.sizes(), 1, padding, dilation)
        .forward(x, weight, bias.value_or(Tensor()));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto [maps, weights] = saved_maps(context);
    const FeatureMap& x = maps[0];
    const Tensor& weight = weights[0];
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

// What DenseConvolution computes, input gradient included.
bool is_own_dense(const graph::Conv& conv) {
  return conv.groups == 1 && conv.stride == 1 && conv.padding <= conv.dilation * (conv.kernel - 1);
}

}  // namespace

bool is_pointwise(const graph::Conv& conv) {
  return conv.kernel == 1 && conv.stride == 1 && conv.padding == 0 && conv.groups == 1;
}

bool keeps_size(const graph::Conv& conv) {
  return conv.stride == 1 && conv.kernel % 2 == 1 &&
         2 * conv.padding == conv.dilation * (conv.kernel - 1);
}

bool is_own_depthwise(const graph::Conv& conv) {
  return conv.groups == conv.in_channels && conv.out_channels == conv.in_channels &&
         conv.groups > 1 && keeps_size(conv) && !conv.bias;
}

bool applies_activation(const graph::Conv& conv) {
  return is_own_depthwise(conv) || is_own_dense(conv);
}

Tensor convolution(const FeatureMap& x,
                   const Tensor& weight,
                   const Tensor& bias,
                   const graph::Conv& conv,
                   Kernels kernels) {
  if (kernels == Kernels::kFast && suits_own_loops(x.values)) {
    if (is_own_depthwise(conv) && !bias.defined())
      return depthwise_convolution(x, weight, conv.dilation);
    if (is_pointwise(conv)) return pointwise_convolution({x}, weight, bias);
    if (is_own_dense(conv)) {
      return OwnDenseConvolution::apply(
          x.values, weight, if_defined(bias), x.activation, conv.padding, conv.dilation);
    }
  }
  core::require(!x.activation.defined(), "this convolution cannot apply an activation");
  return at::conv2d(x.values,
                    weight,
                    if_defined(bias),
                    {conv.stride, conv.stride},
                    {conv.padding, conv.padding},
                    {conv.dilation, conv.dilation},
                    conv.groups);
}

}  // namespace parsimony::network
