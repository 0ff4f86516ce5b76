// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/joined_maps.h"

#include <algorithm>
#include <cstring>

#include "parsimony/network/layout.h"

namespace parsimony::network {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// Calls body(first pixel, pixels) for pieces that fit the first cache, in parallel.
template <typename Body>
void for_pieces(std::int64_t pixels, Body body) {
  constexpr std::int64_t kPixels = 128;
  at::parallel_for(
      0, (pixels + kPixels - 1) / kPixels, 16, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
          body(i * kPixels, std::min(kPixels, pixels - i * kPixels));
      });
}

// Copies `channels` values of each pixel between maps whose pixels have other numbers of them.
template <typename Value>
void copy_channels(std::int64_t pixels,
                   std::int64_t channels,
                   const Value* from,
                   std::int64_t from_channels,
                   Value* to,
                   std::int64_t to_channels) {
  const std::size_t bytes = static_cast<std::size_t>(channels) * sizeof(Value);
  for (std::int64_t p = 0; p < pixels; ++p)
    std::memcpy(to + p * to_channels, from + p * from_channels, bytes);
}

struct JoinedMaps : Function<JoinedMaps> {
  static Tensor forward(AutogradContext* context,
                        const at::TensorList& values,
                        const std::vector<Activation>& activations) {
    std::vector<FeatureMap> maps;
    std::vector<std::int64_t> channels;
    std::int64_t all = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      maps.emplace_back(channels_last(values[i]), activations[i]);
      channels.push_back(values[i].size(1));
      all += channels.back();
    }
    context->saved_data["channels"] = channels;
    const std::vector<PixelReader> readers(maps.begin(), maps.end());
    const Tensor& shape = values[0];
    Tensor y = at::empty({shape.size(0), all, shape.size(2), shape.size(3)},
                         shape.options(),
                         at::MemoryFormat::ChannelsLast);
    for_pieces(y.numel() / all, [&](std::int64_t first, std::int64_t count) {
      if (is_narrow(y)) {
        simd::Bf16* to = narrow_data(y) + first * all;
        for (std::size_t i = 0; i < readers.size(); ++i) {
          readers[i].copy(first, count, to, all);
          to += channels[i];
        }
        return;
      }
      float* to = y.data_ptr<float>() + first * all;
      for (std::size_t i = 0; i < readers.size(); ++i) {
        const float* from = readers[i].read(first, count, Scratch::kFirst);
        copy_channels(count, channels[i], from, channels[i], to, all);
        to += channels[i];
      }
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const Tensor dy = channels_last(gradients[0]);
    const std::vector<std::int64_t> channels = context->saved_data["channels"].toIntVector();
    const std::int64_t all = dy.size(1);
    variable_list results;
    for (const std::int64_t own : channels) {
      results.push_back(at::empty(
          {dy.size(0), own, dy.size(2), dy.size(3)}, dy.options(), at::MemoryFormat::ChannelsLast));
    }
    const auto split = [&](auto values_of) {
      for_pieces(dy.numel() / all, [&](std::int64_t first, std::int64_t count) {
        const auto* from = values_of(dy) + first * all;
        for (std::size_t i = 0; i < channels.size(); ++i) {
          auto* to = values_of(results[i]) + first * channels[i];
          copy_channels(count, channels[i], from, all, to, channels[i]);
          from += channels[i];
        }
      });
    };
    if (is_narrow(dy)) {
      split(narrow_data);
    } else {
      split([](const Tensor& map) { return map.data_ptr<float>(); });
    }
    results.emplace_back();
    return results;
  }
};

}  // namespace

Tensor joined_maps(const std::vector<FeatureMap>& parts, Kernels kernels) {
  const SplitMaps split(parts);
  const bool own = kernels == Kernels::kFast &&
                   std::all_of(split.values.begin(), split.values.end(), [](const Tensor& map) {
                     return suits_own_loops(map) || is_narrow(map);
                   });
  if (own) return JoinedMaps::apply(at::TensorList(split.values), split.activations);
  return at::cat(split.values, 1);
}

}  // namespace parsimony::network
