// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/weighted_sum.h"

#include <algorithm>

#include "parsimony/network/layout.h"
#include "parsimony/network/parts.h"
#include "parsimony/network/saved_maps.h"
#include "parsimony/network/scratch.h"
#include "parsimony/network/simd/loops.h"

namespace parsimony::network {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct WeightedSum : Function<WeightedSum> {
  static Tensor forward(AutogradContext* context,
                        const at::TensorList& values,
                        const Tensor& weights,
                        const std::vector<Activation>& activations) {
    std::vector<FeatureMap> maps;
    for (std::size_t k = 0; k < values.size(); ++k)
      maps.emplace_back(channels_last(values[k]), activations[k]);
    const std::vector<PixelReader> readers(maps.begin(), maps.end());
    const std::int64_t channels = values[0].size(1);
    Tensor sum = at::empty_like(maps[0].values, at::MemoryFormat::ChannelsLast);
    float* out = sum.data_ptr<float>();
    const float* factors = weights.data_ptr<float>();
    for_runs(sum, [&](std::int64_t, std::int64_t first, std::int64_t count) {
      float* to = out + first * channels;
      std::fill_n(to, count * channels, 0.0F);
      for (std::size_t k = 0; k < maps.size(); ++k) {
        const float* from = readers[k].read(first, count, Scratch::kFirst);
        simd::loops().add_scaled(count * channels, from, factors[k], to);
      }
    });
    save_maps(context, maps, {weights});
    return sum;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const SavedMaps saved = saved_maps(context);
    const std::vector<PixelReader> readers(saved.maps.begin(), saved.maps.end());
    const Tensor dy = channels_last(gradients[0]);
    const auto count_of_maps = static_cast<std::int64_t>(saved.maps.size());

    variable_list results;
    for (std::int64_t k = 0; k < count_of_maps; ++k)
      results.push_back(context->needs_input_grad(static_cast<std::size_t>(k))
                            ? dy * saved.weights[0][k]
                            : Tensor());
    results.push_back(context->needs_input_grad(saved.maps.size()) ? dots(readers, dy) : Tensor());
    results.emplace_back();
    return results;
  }

 private:
  // Of each map and the gradient: the gradient of its weight.
  static Tensor dots(const std::vector<PixelReader>& readers, const Tensor& dy) {
    const std::int64_t channels = dy.size(1);
    const std::int64_t maps = std::ssize(readers);
    Tensor sums = at::zeros({kParts, maps}, at::kDouble);
    for_runs(dy, [&](std::int64_t part, std::int64_t first, std::int64_t count) {
      const float* g = dy.data_ptr<float>() + first * channels;
      double* sum = sums.data_ptr<double>() + part * maps;
      for (const PixelReader& reader : readers)
        *sum++ +=
            simd::loops().dot(count * channels, reader.read(first, count, Scratch::kFirst), g);
    });
    return sums.sum(0).to(at::kFloat);
  }

  // Runs of pixels so short that what is read of them stays in the first cache.
  template <typename Body>
  static void for_runs(const Tensor& map, Body body) {
    constexpr std::int64_t kValues = 2048;
    const std::int64_t channels = map.size(1);
    const std::int64_t longest = std::max<std::int64_t>(1, kValues / channels);
    for_parts(map.numel() / channels, [&](std::int64_t part, std::int64_t begin, std::int64_t end) {
      for (std::int64_t first = begin; first < end; first += longest)
        body(part, first, std::min(longest, end - first));
    });
  }
};

bool suits(const std::vector<FeatureMap>& maps) {
  return std::all_of(
      maps.begin(), maps.end(), [](const FeatureMap& map) { return suits_own_loops(map.values); });
}

}  // namespace

Tensor weighted_sum(const std::vector<FeatureMap>& maps, const Tensor& weights, Kernels kernels) {
  if (kernels == Kernels::kFast && suits(maps)) {
    const SplitMaps split(maps);
    return WeightedSum::apply(at::TensorList(split.values), weights, split.activations);
  }
  Tensor sum = maps[0].values * weights[0];
  for (std::size_t k = 1; k < maps.size(); ++k)
    sum = sum + maps[k].values * weights[static_cast<std::int64_t>(k)];
  return sum;
}

}  // namespace parsimony::network
