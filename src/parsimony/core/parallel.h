// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

namespace parsimony::core {

// Calls body(i) for every i in [0, count) on up to `threads` threads and waits. Which thread runs
// which i is not defined, so a body may only write what belongs to its i. The first exception ends
// the remaining work and is rethrown here.
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body);

// Number of cores this process may use (respects affinity masks).
int available_cores();

}  // namespace parsimony::core
