// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/threads.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace parsimony::network {

void set_threads(int threads, int blas_threads) {
  at::set_num_threads(threads);
#ifdef _OPENMP
  omp_set_num_threads(threads);  // LibTorch may have brought an OpenMP library of its own
#endif
  // Not linked against OpenBLAS: LibTorch may have been built with another BLAS.
  using SetThreads = void (*)(int);
  if (auto* set = reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "openblas_set_num_threads")))
    set(blas_threads);
}

void limit_spinning(char** argv) {
  // About as long as putting a thread to sleep and waking it takes: waiting then never costs more
  // than twice the best.
  constexpr const char* kSpins = "5000";
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  char program[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", program, sizeof program - 1);
  if (length <= 0) return;
  program[length] = '\0';
  ::setenv("GOMP_SPINCOUNT", kSpins, /*overwrite=*/1);
  ::execv(program, argv);
  // Where that fails, the program runs as it would have without.
}

}  // namespace parsimony::network
