// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/simd/bf16_loops.h"

#ifdef PARSIMONY_BF16_AVX512
#include <cpuid.h>
#endif
#if defined(PARSIMONY_BF16_AMX) && !defined(PARSIMONY_EMULATED_TILES)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace parsimony::network::simd {

#ifdef PARSIMONY_BF16_AVX512
extern const Bf16Loops kBf16Loops_avx512;

namespace {

// Bits of CPUID, leaf 7 (Intel SDM, volume 2, CPUID); compilers' __builtin_cpu_supports learned of
// some of them late.
bool processor_has_vectors() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kAvx512Bf16 = 1U << 5U;
  return (a & kAvx512Bf16) != 0 && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
}

}  // namespace
#endif

#ifdef PARSIMONY_BF16_AMX
extern const Bf16Loops kBf16Loops_amx;

namespace {

#ifdef PARSIMONY_EMULATED_TILES
bool usable_tiles() {
  return true;
}
#else
bool processor_has_tiles() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kAmxBf16 = 1U << 22U;
  constexpr unsigned kAmxTile = 1U << 24U;
  return (d & kAmxBf16) != 0 && (d & kAmxTile) != 0;
}

// Linux saves tiles only for processes that have asked (Documentation/arch/x86/xstate.rst); asking
// fails where the system or its virtual machine does not save them. Once for all threads.
bool system_grants_tiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool usable_tiles() {
  return processor_has_tiles() && system_grants_tiles();
}
#endif

}  // namespace
#endif

std::vector<const Bf16Loops*> supported_bf16_loops() {
  std::vector<const Bf16Loops*> found;
#ifdef PARSIMONY_BF16_AVX512
  if (processor_has_vectors()) found.push_back(&kBf16Loops_avx512);
#endif
#ifdef PARSIMONY_BF16_AMX
  if (processor_has_vectors() && usable_tiles()) found.push_back(&kBf16Loops_amx);
#endif
  return found;
}

const Bf16Loops* bf16_loops() {
  static const Bf16Loops* const fastest =
      supported_bf16_loops().empty() ? nullptr : supported_bf16_loops().back();
  return fastest;
}

}  // namespace parsimony::network::simd
