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

}  // namespace parsimony::network
