// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/network/network.h"
#include "parsimony/train/images.h"

namespace parsimony::train {

// How cached features are stored. Half precision halves the memory and changes features by less
// than one part in a thousand, far below what training's noise tells apart.
enum class CachePrecision { kFloat16, kFloat32 };
inline constexpr std::array<std::string_view, 2> kCachePrecisionNames = {"float16", "float32"};

// A frozen encoder's results for some pictures of one size, with labels; what decoders train on in
// stage 0 and are measured on. Read-only once built and shared by all candidates, whatever streams
// of the device they run in.
struct FeatureBatch {
  std::vector<Tensor> taps;  // per encoder tap [N, C_i, H_i, W_i], channels-last, stored precision
  task::Labels labels;       // joints in pixels of the pictures, maps as CacheRequest wants them
  Tensor teacher;  // [N, K, H_0, W_0] outputs at the finest tap's resolution, or undefined
  std::int64_t size() const { return taps.empty() ? 0 : taps[0].size(0); }
};

// Bytes that one picture of this size takes in a cache; `label_bytes` are those of its labels.
std::int64_t cache_bytes_per_picture(const graph::Graph& encoder,
                                     graph::Size picture,
                                     std::int64_t label_bytes,
                                     std::int64_t teacher_channels,
                                     CachePrecision precision);

// Makes pictures for a cache: sample i of n, all of one size.
using SampleMaker = std::function<data::Sample(std::int64_t)>;

struct CacheRequest {
  std::int64_t count = 0;
  SampleMaker make;
  bool labels_at_tap =
      true;  // label maps on the finest tap's grid (Labels::on_grid); else in picture size
  CachePrecision precision = CachePrecision::kFloat16;
  // Features lie in a file on its disk and are brought to the device batch by batch; empty: in the
  // memory of the encoder's device.
  std::filesystem::path spill_folder;
  std::string task;  // for progress
};

// Runs the encoder (evaluation mode, no gradients) over `count` pictures. `encoder` has the taps as
// outputs; `teacher` (optional) maps pictures to outputs of the same task.
FeatureBatch build_cache(network::Network& encoder,
                         network::Network* teacher,
                         const CacheRequest& request,
                         const core::Context& context);

}  // namespace parsimony::train
