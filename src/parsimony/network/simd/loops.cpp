// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/simd/loops.h"

namespace parsimony::network::simd {

extern const Loops kLoops_baseline;
#ifdef PARSIMONY_X86_LEVELS
extern const Loops kLoops_avx2;
extern const Loops kLoops_avx512;
#endif

const Loops& loops() {
#ifdef PARSIMONY_X86_LEVELS
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq")) {
    return kLoops_avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return kLoops_avx2;
#endif
  return kLoops_baseline;
}

}  // namespace parsimony::network::simd
