// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/threads.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

namespace parsimony::network {
namespace {

std::size_t threads_of_a_loop() {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  at::parallel_for(0, 64, 1, [&](std::int64_t, std::int64_t) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  return threads.size();
}

// Without OpenMP in the build, at::parallel_for is a loop on one thread and says nothing.
TEST(Threads, LoopsUseAsManyAsAllowed) {
#ifdef _OPENMP
  set_threads(3);
  EXPECT_EQ(threads_of_a_loop(), 3u);
#endif
  set_threads(1);
  EXPECT_EQ(threads_of_a_loop(), 1u);
}

}  // namespace
}  // namespace parsimony::network
