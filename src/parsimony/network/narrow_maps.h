// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/network/simd/bf16_loops.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

// Maps of bf16 values, [N, C, H, W] channels-last in a CPU's memory. They are made only where
// simd::bf16_loops() are there to read them.
inline bool is_narrow(const Tensor& x) {
  return x.device().is_cpu() && x.scalar_type() == at::kBFloat16 && x.dim() == 4;
}

inline simd::Bf16* narrow_data(const Tensor& x) {
  static_assert(sizeof(at::BFloat16) == sizeof(simd::Bf16));
  return reinterpret_cast<simd::Bf16*>(x.data_ptr<at::BFloat16>());
}

inline Tensor empty_narrow(at::IntArrayRef shape) {
  return at::empty(shape,
                   at::TensorOptions(at::kBFloat16).memory_format(at::MemoryFormat::ChannelsLast));
}

}  // namespace parsimony::network
