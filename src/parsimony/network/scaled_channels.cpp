// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/scaled_channels.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "parsimony/network/layout.h"
#include "parsimony/network/saved_maps.h"

namespace parsimony::network {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Calls body(picture, first pixel of all, pixels) for pieces of every picture that fit the first
// cache; pictures in parallel.
template <typename Body>
void for_pieces(const Tensor& map, Body body) {
  constexpr std::int64_t kPixels = 128;
  const std::int64_t pixels = map.size(2) * map.size(3);
  at::parallel_for(0, map.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      for (std::int64_t first = 0; first < pixels; first += kPixels)
        body(n, n * pixels + first, std::min(kPixels, pixels - first));
    }
  });
}

// Pixels of one picture times its factors.
class Factors {
 public:
  // `factors` is [N, C, 1, 1] without an activation, channels-last, and stays alive.
  explicit Factors(const Tensor& factors)
      : factors_(factors.data_ptr<float>()),
        channels_(factors.size(1)),
        no_shift_(static_cast<std::size_t>(channels_), 0.0F) {}

  void apply(std::int64_t picture, std::int64_t pixels, const float* from, float* to) const {
    simd::loops().scale_shift_clamp(pixels,
                                    channels_,
                                    from,
                                    factors_ + picture * channels_,
                                    no_shift_.data(),
                                    -kInfinity,
                                    kInfinity,
                                    to);
  }

 private:
  const float* factors_;
  std::int64_t channels_;
  std::vector<float> no_shift_;
};

// A small map with its activation done, in fp32.
Tensor finished(const FeatureMap& map) {
  if (!map.activation.defined()) return map.values.to(at::kFloat);
  Tensor done = at::empty_like(map.values, map.values.options().dtype(at::kFloat));
  PixelReader(map).copy(
      0, map.values.size(0) * map.values.size(2) * map.values.size(3), done.data_ptr<float>());
  return done;
}

struct ScaledChannels : Function<ScaledChannels> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& values,
                        const Tensor& factor_values,
                        const Activation& activation,
                        const Activation& factor_activation) {
    const FeatureMap map(channels_last(values), activation);
    const Tensor factors = finished({channels_last(factor_values), factor_activation});
    save_maps(context, {map}, {factors});
    context->saved_data["factor_type"] = factor_values.scalar_type();
    Tensor y = at::empty_like(map.values, at::MemoryFormat::ChannelsLast);
    const PixelReader reader(map);
    const PixelWriter writer(y);
    const Factors scale(factors);
    for_pieces(values, [&](std::int64_t n, std::int64_t first, std::int64_t count) {
      float* to = writer.begin(first, count, Scratch::kSecond);
      scale.apply(n, count, reader.read(first, count, Scratch::kFirst), to);
      writer.end(first, count, to);
    });
    return y;
  }

  // dx = factor dy; the factor's gradient is the sum of x dy over its channel.
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const SavedMaps saved = saved_maps(context);
    const FeatureMap& map = saved.maps[0];
    const Tensor& factors = saved.weights[0];
    const Tensor dy = channels_last(gradients[0]);
    const std::int64_t channels = dy.size(1);
    Tensor dx = at::empty_like(dy, at::MemoryFormat::ChannelsLast);
    Tensor sums = at::zeros({2, dy.size(0), channels}, at::kDouble);
    double* sum = sums.data_ptr<double>();
    double* dot = sum + dy.size(0) * channels;
    const FeatureMap gradient(dy);
    const PixelReader gradient_reader(gradient);
    const PixelWriter writer(dx);
    const std::vector<float> one(static_cast<std::size_t>(channels), 1.0F);
    const std::vector<float> zero(static_cast<std::size_t>(channels), 0.0F);
    const PixelReader reader(map);
    const Factors scale(factors);
    for_pieces(dy, [&](std::int64_t n, std::int64_t first, std::int64_t count) {
      const float* in = gradient_reader.read(first, count, Scratch::kSecond);
      simd::loops().clamp_gradient_moments(count,
                                           channels,
                                           in,
                                           reader.read(first, count, Scratch::kFirst),
                                           one.data(),
                                           zero.data(),
                                           -kInfinity,
                                           kInfinity,
                                           sum + n * channels,
                                           dot + n * channels);
      float* to = writer.begin(first, count, Scratch::kThird);
      scale.apply(n, count, in, to);
      writer.end(first, count, to);
    });
    return {dx,
            sums[1].to(context->saved_data["factor_type"].toScalarType()).view(factors.sizes()),
            Tensor(),
            Tensor()};
  }
};

}  // namespace

Tensor scaled_channels(const FeatureMap& map, const FeatureMap& factors, Kernels kernels) {
  const auto suits = [](const Tensor& x) { return suits_own_loops(x) || is_narrow(x); };
  if (kernels == Kernels::kFast && suits(map.values) && suits(factors.values))
    return ScaledChannels::apply(map.values, factors.values, map.activation, factors.activation);
  return map.values * factors.values;
}

}  // namespace parsimony::network
