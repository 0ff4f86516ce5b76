// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "parsimony/network/tensor.h"

namespace parsimony::network {

// What a network's maps and the factors of its products are while it is computed. Weights, their
// gradients, sums and batch norms' statistics are fp32 or more in both. kBf16 is for kFast networks
// on CPUs that multiply bf16 (simd/bf16_loops.h); see narrow_convolution.h.
enum class Arithmetic { kFp32, kBf16 };

// What one asks for.
enum class ArithmeticChoice { kAuto, kFp32, kBf16 };
inline constexpr std::array<std::string_view, 3> kArithmeticChoiceNames = {"auto", "fp32", "bf16"};

// Auto: bf16 where this processor has such products and the network is computed on it, else fp32.
// To ask for bf16 elsewhere is a user error.
Arithmetic arithmetic_of(ArithmeticChoice choice, at::Device device);
std::string_view name_of(Arithmetic arithmetic);

}  // namespace parsimony::network
