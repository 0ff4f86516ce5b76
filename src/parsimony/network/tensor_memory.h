// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

namespace parsimony::network {

// Memory of large tensors, taken from the system once and kept: training allocates and frees the
// same buffers in every step, and the first touch of a fresh page costs more than most operations.
// A request takes the smallest free block that holds it; free neighbours merge. All blocks lie in
// one range of addresses, which is reserved at once and gets memory as it fills, so that no block
// is too small merely because the next one belongs to another request. It asks for huge pages,
// which saves page faults and misses of the address cache.
//
// Thread-safe, but meant for one thread's requests; blocks may be returned by any thread.
class MemoryPool {
 public:
  MemoryPool() = default;
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  // `bytes` bytes at a multiple of 64. Throws std::bad_alloc when the system has no more.
  void* take(std::size_t bytes);
  // `bytes` as in take().
  void give_back(void* block, std::size_t bytes);

  // Returns the memory of free blocks to the system; they stay usable.
  void release_unused();

  struct Use {
    std::int64_t growths = 0;     // requests to the system
    std::int64_t held_bytes = 0;  // asked for, less what was released at the end of the range
    std::int64_t live_bytes = 0;
    std::int64_t peak_bytes = 0;  // most live at any time
  };
  Use use() const;

 private:
  void reserve();
  void grow(std::size_t bytes);
  void insert_merged(char* block, std::size_t bytes);
  void insert(char* block, std::size_t bytes);
  void erase(char* block, std::size_t bytes);

  mutable std::mutex mutex_;
  std::map<char*, std::size_t> by_address_;  // the free blocks, twice
  std::set<std::pair<std::size_t, char*>> by_size_;
  char* begin_ = nullptr;  // of the range of addresses
  char* end_ = nullptr;    // of what has memory
  char* limit_ = nullptr;  // of the range
  Use use_;
};

// Makes LibTorch take the memory of large CPU tensors from one pool per thread, and tells the C
// library to keep what it frees too. Call once, before the first tensor. Pools of threads that
// ended serve later threads. Without effect under address sanitizers, which want to see every
// allocation.
void keep_tensor_memory();

// Gives back what no tensor uses, of all pools and of the C library: for the end of a part of a run
// whose memory the next part will not use in the same threads.
void release_unused_tensor_memory();

// Sums over all threads' pools; peak_bytes is an upper bound, the sum of the pools' own peaks.
MemoryPool::Use tensor_memory();

}  // namespace parsimony::network
