// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one place where LibTorch's headers enter; also the precompiled header of every module that
// computes with tensors. Only ATen and autograd are used, never torch::nn or torch::optim: networks
// are built from graphs (network/network.h), and the light headers compile four times faster. Works
// with LibTorch 1.13 (Debian 12) to 2.x.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/version.h>

#include <optional>

namespace parsimony::network {

using at::Tensor;

// A tensor that may be missing, as LibTorch's functions take it: since 2.4 that is std's optional.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
using OptionalTensor = std::optional<Tensor>;
#else
using OptionalTensor = c10::optional<Tensor>;
#endif
inline OptionalTensor if_defined(const Tensor& tensor) {
  return tensor.defined() ? OptionalTensor(tensor) : OptionalTensor();
}

}  // namespace parsimony::network
