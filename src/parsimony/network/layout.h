// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/network/tensor.h"

namespace parsimony::network {

// What Parsimony's own loops work on: fp32 pictures [N, C, H, W] in a CPU's memory, channels last.
inline bool suits_own_loops(const Tensor& x) {
  return x.device().is_cpu() && x.scalar_type() == at::kFloat && x.dim() == 4;
}
inline Tensor channels_last(const Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

// Pixels of a multiple of `lanes` values, zeros behind the channels; `x`, which is channels-last,
// itself where it has such pixels.
inline Tensor padded_channels(const Tensor& x, std::int64_t lanes) {
  const std::int64_t channels = x.size(1);
  const std::int64_t padded = (channels + lanes - 1) / lanes * lanes;
  if (padded == channels) return x;
  Tensor wide = at::empty({x.size(0), padded, x.size(2), x.size(3)},
                          x.options().memory_format(at::MemoryFormat::ChannelsLast));
  wide.narrow(1, 0, channels).copy_(x);
  wide.narrow(1, channels, padded - channels).zero_();
  return wide;
}

}  // namespace parsimony::network
