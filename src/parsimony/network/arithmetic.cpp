// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/arithmetic.h"

#include "parsimony/core/error.h"
#include "parsimony/network/simd/bf16_loops.h"

namespace parsimony::network {

Arithmetic arithmetic_of(ArithmeticChoice choice, at::Device device) {
  const bool able = device.is_cpu() && simd::bf16_loops() != nullptr;
  if (choice == ArithmeticChoice::kBf16 && !able) {
    core::throw_user_error(
        "bf16 arithmetic needs a CPU with AVX-512 BF16 or AMX bf16 tiles, and a system that lets "
        "programs use them, which {} has not; use auto or fp32",
        device.is_cpu() ? "this machine" : "device " + device.str());
  }
  return able && choice != ArithmeticChoice::kFp32 ? Arithmetic::kBf16 : Arithmetic::kFp32;
}

std::string_view name_of(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::kBf16 ? "bf16" : "fp32";
}

}  // namespace parsimony::network
