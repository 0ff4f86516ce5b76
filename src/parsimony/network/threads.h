// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace parsimony::network {

// How many threads one operation in this process uses; candidates that run side by side want 1.
// OpenBLAS keeps a count of its own. With Parsimony's loops only small products reach it, and its
// idle threads would spend more time yielding to the others than those products take.
void set_threads(int threads, int blas_threads = 1);

// Lets idle OpenMP threads sleep soon. GNU's library has them spin for milliseconds at every
// barrier, which makes a training many times slower as soon as another process wants a core too.
// The library reads its limit before main(), so the program is started again with the limit set; a
// user's own OMP_WAIT_POLICY or GOMP_SPINCOUNT is respected. Call before the program has done
// anything. Library users who have their own main() set GOMP_SPINCOUNT themselves.
void limit_spinning(char** argv);

}  // namespace parsimony::network
