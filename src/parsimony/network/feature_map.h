// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <utility>
#include <vector>

#include "parsimony/network/narrow_maps.h"
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

// Reads pixels, in the order N, H, W, of a map that suits_own_loops() (layout.h) or is_narrow() and
// is channels-last, with its activation done.
class PixelReader {
 public:
  explicit PixelReader(const FeatureMap& map, const simd::Loops& loops = simd::loops())
      : map_(map), channels_(map.values.size(1)), loops_(loops) {
    if (is_narrow(map.values)) {
      narrow_ = narrow_data(map.values);
    } else {
      wide_ = map.values.data_ptr<float>();
    }
  }

  bool in_place() const { return wide_ != nullptr && !map_.activation.defined(); }

  // Writes `count` pixels from `first` on to `to`, [count, C].
  void copy(std::int64_t first, std::int64_t count, float* to) const {
    if (narrow_ != nullptr) {
      return simd::bf16_loops()->activate(
          count, channels_, narrow_ + first * channels_, activation(), to);
    }
    const float* from = wide_ + first * channels_;
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

  // The same of a narrow map as bf16, pixels of `to` `stride` values apart.
  void copy(std::int64_t first, std::int64_t count, simd::Bf16* to, std::int64_t stride) const {
    simd::bf16_loops()->activate_narrow(
        count, channels_, narrow_ + first * channels_, activation(), to, stride);
  }

  // Those pixels where they lie, or computed in the calling thread's `buffer`.
  const float* read(std::int64_t first, std::int64_t count, Scratch buffer) const {
    if (in_place()) return wide_ + first * channels_;
    float* to = scratch(buffer, count * channels_);
    copy(first, count, to);
    return to;
  }

 private:
  simd::Bf16Activation activation() const {
    const Activation& todo = map_.activation;
    if (!todo.defined()) return {};
    return {todo.scale.data_ptr<float>(), todo.shift.data_ptr<float>(), todo.floor, todo.ceiling};
  }

  const FeatureMap& map_;
  const float* wide_ = nullptr;
  const simd::Bf16* narrow_ = nullptr;
  std::int64_t channels_;
  const simd::Loops& loops_;
};

// Takes rows of pixels, as floats, into a map of either precision.
class PixelWriter {
 public:
  explicit PixelWriter(const Tensor& map) : channels_(map.size(1)) {
    if (is_narrow(map)) {
      narrow_ = narrow_data(map);
    } else {
      wide_ = map.data_ptr<float>();
    }
  }

  // Where `count` pixels from `first` on are to be written: where they belong, or the calling
  // thread's `buffer`.
  float* begin(std::int64_t first, std::int64_t count, Scratch buffer) const {
    return wide_ != nullptr ? wide_ + first * channels_ : scratch(buffer, count * channels_);
  }
  // They have been, at `from`.
  void end(std::int64_t first, std::int64_t count, const float* from) const {
    if (narrow_ != nullptr)
      simd::bf16_loops()->narrow(count * channels_, from, narrow_ + first * channels_);
  }

 private:
  std::int64_t channels_;
  float* wide_ = nullptr;
  simd::Bf16* narrow_ = nullptr;
};

}  // namespace parsimony::network
