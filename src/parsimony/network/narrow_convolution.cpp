// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/narrow_convolution.h"

#include "parsimony/network/batch_statistics.h"
#include "parsimony/network/layout.h"
#include "parsimony/network/narrow/dense.h"
#include "parsimony/network/narrow/pointwise.h"
#include "parsimony/network/narrow/separable.h"
#include "parsimony/network/saved_maps.h"

namespace parsimony::network {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct Operation : Function<Operation> {
  static Tensor forward(AutogradContext* context,
                        const at::TensorList& values,
                        const Tensor& weight,
                        const OptionalTensor& depthwise,
                        const OptionalTensor& bias,
                        const OptionalTensor& norm_weight,
                        const OptionalTensor& /*norm_bias*/,  // for its gradient
                        const NarrowConvolution& conv,
                        const std::vector<Activation>& activations,
                        const NormState& norm,
                        Clamp clamp,
                        bool wide,
                        Activation* left_undone) {
    std::vector<FeatureMap> maps;
    for (std::size_t i = 0; i < values.size(); ++i)
      maps.emplace_back(channels_last(values[i]), activations[i]);
    const std::vector<std::int64_t> shape = {
        values[0].size(0), weight.size(0), values[0].size(2), values[0].size(3)};
    const Tensor y =
        wide
            ? at::empty(shape,
                        at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast))
            : empty_narrow(shape);
    const std::int64_t pixels = shape[0] * shape[2] * shape[3];
    const narrow::Rows rows(
        y, bias ? bias->contiguous() : Tensor(), left_undone != nullptr ? Clamp::kNone : clamp);
    const bool pointwise = weight.size(2) == 1 && !depthwise;
    Tensor sums;
    if (left_undone != nullptr) {
      const std::int64_t items = pointwise ? narrow::chunk_count(pixels) : shape[0];
      sums = at::zeros({items, 2, shape[1]}, at::kDouble);
    }
    if (depthwise) {
      narrow::separable_forward(maps[0], conv, rows, sums);
    } else if (pointwise) {
      narrow::pointwise_forward(maps, conv, rows, pixels, sums);
    } else {
      narrow::dense_forward(maps[0], conv, rows, sums);
    }

    variable_list kept = {weight, depthwise.value_or(Tensor())};
    context->saved_data["norm"] = left_undone != nullptr;
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["dilation"] = conv.dilation;
    context->saved_data["depthwise_dilation"] = conv.depthwise_dilation;
    if (left_undone != nullptr) {
      const BatchStatistics statistics = batch_statistics(sums.sum(0), pixels, norm);
      *left_undone = {statistics.scale, statistics.shift, clamp.floor, clamp.ceiling};
      kept.insert(kept.end(),
                  {y,
                   *norm_weight,
                   statistics.mean,
                   statistics.inverse_deviation,
                   statistics.scale,
                   statistics.shift});
      context->saved_data["floor"] = clamp.floor;
      context->saved_data["ceiling"] = clamp.ceiling;
    }
    save_maps(context, maps, kept);
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto [maps, kept] = saved_maps(context);
    const Tensor dy = channels_last(gradients[0]);
    const NarrowConvolution conv{
        .depthwise = kept[1],
        .depthwise_dilation = context->saved_data["depthwise_dilation"].toInt(),
        .weight = kept[0],
        .dilation = context->saved_data["dilation"].toInt(),
        .bias = {}};
    const bool has_norm = context->saved_data["norm"].toBool();
    narrow::SavedNorm norm;
    BatchNormGradient through;
    if (has_norm) {
      norm = {kept[2],
              kept[3],
              kept[4],
              kept[5],
              {kept[6],
               kept[7],
               static_cast<float>(context->saved_data["floor"].toDouble()),
               static_cast<float>(context->saved_data["ceiling"].toDouble())}};
      through = narrow::gradient_of(norm, dy);
    }
    const narrow::GradientReader gradient(dy, has_norm ? &norm : nullptr, through);

    std::vector<Tensor> dx(maps.size());
    for (std::size_t i = 0; i < maps.size(); ++i) {
      if (context->needs_input_grad(i)) dx[i] = empty_narrow(maps[i].values.sizes());
    }
    Tensor d_weight;
    Tensor d_depthwise;
    if (conv.depthwise.defined()) {
      const narrow::SeparableGradient both =
          narrow::separable_backward(maps[0], conv, gradient, dx[0]);
      d_weight = both.weight;
      d_depthwise = both.depthwise;
    } else if (conv.weight.size(2) == 1) {
      d_weight = narrow::pointwise_backward(maps, conv, gradient, dy.numel() / dy.size(1), dx);
    } else {
      d_weight = narrow::dense_backward(maps[0], conv, gradient, dx[0]);
    }
    Tensor d_bias;
    if (context->saved_data["bias"].toBool())
      d_bias = has_norm ? at::zeros({dy.size(1)}, at::kFloat)  // the norm takes it away again
                        : dy.to(at::kFloat).sum({0, 2, 3});
    variable_list results(dx.begin(), dx.end());
    results.insert(results.end(),
                   {d_weight, d_depthwise, d_bias, through.d_weight, through.d_bias});
    results.insert(results.end(), 6, Tensor());
    return results;
  }
};

struct Finished : Function<Finished> {
  static Tensor forward(AutogradContext*, const Tensor& values, const Activation& activation) {
    const FeatureMap x(channels_last(values), activation);
    const Tensor y = empty_narrow(values.sizes());
    const PixelReader reader(x);
    const std::int64_t channels = values.size(1);
    constexpr std::int64_t kRowsPerTask = 4096;
    at::parallel_for(
        0, values.numel() / channels, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
          reader.copy(begin, end - begin, narrow_data(y) + begin * channels, channels);
        });
    return y;
  }
  // The gradient of a map's values is that of the finished map.
  static variable_list backward(AutogradContext*, variable_list gradients) {
    return {gradients[0], Tensor()};
  }
};

Tensor apply(const std::vector<FeatureMap>& parts,
             const NarrowConvolution& convolution,
             const NormState& norm,
             Clamp clamp,
             bool wide,
             Activation* left_undone) {
  const SplitMaps split(parts);
  NarrowConvolution conv = convolution;
  conv.weight = conv.weight.detach();
  if (conv.depthwise.defined()) conv.depthwise = conv.depthwise.detach();
  return Operation::apply(at::TensorList(split.values),
                          convolution.weight,
                          if_defined(convolution.depthwise),
                          if_defined(convolution.bias),
                          if_defined(norm.weight),
                          if_defined(norm.bias),
                          conv,
                          split.activations,
                          norm,
                          clamp,
                          wide,
                          left_undone);
}

}  // namespace

Tensor narrow_convolution(const std::vector<FeatureMap>& parts,
                          const NarrowConvolution& convolution,
                          bool wide,
                          Clamp clamp) {
  return apply(parts, convolution, {}, clamp, wide, nullptr);
}

FeatureMap narrow_convolution_norm(const std::vector<FeatureMap>& parts,
                                   const NarrowConvolution& convolution,
                                   const NormState& norm,
                                   Clamp clamp) {
  FeatureMap result;
  result.values = apply(parts, convolution, norm, clamp, /*wide=*/false, &result.activation);
  return result;
}

Tensor finished_narrow(const FeatureMap& x) {
  return x.activation.defined() ? Finished::apply(x.values, x.activation) : x.values;
}

}  // namespace parsimony::network
