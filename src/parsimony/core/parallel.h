// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

namespace parsimony::core {

// Calls body(i) for every i in [0, count) on up to `threads` threads and waits. Which thread runs
// which i is not defined, so a body may only write what belongs to its i. The first exception ends
// the remaining work and is rethrown here.
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body);

// Number of cores the calling thread may use (respects affinity masks).
int available_cores();

// Keeps the calling thread on the index-th of its cores (counted from 0, around the end), so that
// it finds its data in that core's caches. For threads that fill the machine: of two programs that
// pin to a part of it, both may choose the same part. Without effect where the system has no such
// thing.
void pin_to_core(int index);

}  // namespace parsimony::core
