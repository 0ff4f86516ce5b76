// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace parsimony::network {

// How many threads LibTorch and its BLAS use for one operation in this process: OpenBLAS keeps a count of
// its own. Candidates that run side by side want 1.
void set_threads(int threads);

// Tells the C library to keep freed memory instead of giving it back to the kernel: training allocates and
// frees the same large buffers in every step, and touching fresh pages costs more than computing. Call once,
// before the first tensor.
void keep_freed_memory();

}  // namespace parsimony::network
