// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/threads.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <malloc.h>

namespace parsimony::network {

void set_threads(int threads) {
  at::set_num_threads(threads);
  // Not linked against OpenBLAS: LibTorch may have been built with another BLAS.
  using SetThreads = void (*)(int);
  if (auto* set = reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) set(threads);
}

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kNeverMapBelow = 1 << 30;  // larger single buffers do not occur in training steps
  mallopt(M_MMAP_THRESHOLD, kNeverMapBelow);
  mallopt(M_TRIM_THRESHOLD, 2'000'000'000);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace parsimony::network
