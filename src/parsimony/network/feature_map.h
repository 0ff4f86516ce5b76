// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <utility>
#include <vector>

#include "parsimony/network/scratch.h"
#include "parsimony/network/simd/loops.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

// What a batch norm and the clamp behind it do to a map: y = scale x + shift per channel, at least
// `floor` and at most `ceiling`. Undefined scale: y = x.
struct Activation {
  Tensor scale, shift;  // [C] fp32, no gradients
  float floor = -std::numeric_limits<float>::infinity();
  float ceiling = std::numeric_limits<float>::infinity();
  bool defined() const { return scale.defined(); }
};

// A map between two steps of a network. In training, a batch norm leaves its map as the convolution
// wrote it and says what is still to be done; those who read the map do it on the way. That saves
// writing and keeping a second map of the same size until the backward pass has used it. The
// gradient of `values` is that of the finished map, with the activation done.
struct FeatureMap {
  FeatureMap() = default;
  FeatureMap(Tensor tensor) : values(std::move(tensor)) {}  // NOLINT(google-explicit-constructor)
  FeatureMap(Tensor tensor, Activation todo)
      : values(std::move(tensor)), activation(std::move(todo)) {}

  Tensor values;  // [N, C, H, W]
  Activation activation;
};

// Maps as autograd functions take them: tensors are what gradients are taken of.
struct SplitMaps {
  explicit SplitMaps(const std::vector<FeatureMap>& maps) {
    for (const FeatureMap& map : maps) {
      values.push_back(map.values);
      activations.push_back(map.activation);
    }
  }
  std::vector<Tensor> values;
  std::vector<Activation> activations;
};

// Reads pixels, in the order N, H, W, of a map that suits_own_loops() (layout.h) and is
// channels-last, with its activation done.
class PixelReader {
 public:
  explicit PixelReader(const FeatureMap& map, const simd::Loops& loops = simd::loops())
      : map_(map),
        data_(map.values.data_ptr<float>()),
        channels_(map.values.size(1)),
        loops_(loops) {}

  bool in_place() const { return !map_.activation.defined(); }

  // Writes `count` pixels from `first` on to `to`, [count, C].
  void copy(std::int64_t first, std::int64_t count, float* to) const {
    const float* from = data_ + first * channels_;
    if (in_place()) return loops_.copy_or_add(count * channels_, from, /*add=*/false, to);
    const Activation& activation = map_.activation;
    loops_.scale_shift_clamp(count,
                             channels_,
                             from,
                             activation.scale.data_ptr<float>(),
                             activation.shift.data_ptr<float>(),
                             activation.floor,
                             activation.ceiling,
                             to);
  }

  // Those pixels where they lie, or computed in the calling thread's `buffer`.
  const float* read(std::int64_t first, std::int64_t count, Scratch buffer) const {
    if (in_place()) return data_ + first * channels_;
    float* to = scratch(buffer, count * channels_);
    copy(first, count, to);
    return to;
  }

 private:
  const FeatureMap& map_;
  const float* data_;
  std::int64_t channels_;
  const simd::Loops& loops_;
};

}  // namespace parsimony::network
