// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/simd/loops.h"

namespace parsimony::network::simd {

extern const Loops kLoops_baseline;
#ifdef PARSIMONY_X86_LEVELS
extern const Loops kLoops_avx2;
extern const Loops kLoops_avx512;
#endif

std::vector<const Loops*> supported_loops() {
  std::vector<const Loops*> found = {&kLoops_baseline};
#ifdef PARSIMONY_X86_LEVELS
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    found.push_back(&kLoops_avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    found.push_back(&kLoops_avx512);
  }
#endif
  return found;
}

const Loops& loops() {
  static const Loops& fastest = *supported_loops().back();
  return fastest;
}

}  // namespace parsimony::network::simd
