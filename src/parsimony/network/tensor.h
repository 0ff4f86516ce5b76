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

namespace parsimony::network {

using at::Tensor;

}  // namespace parsimony::network
