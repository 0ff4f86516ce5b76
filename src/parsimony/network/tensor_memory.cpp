// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/tensor_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <malloc.h>
#include <sys/mman.h>
#include <torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "parsimony/core/error.h"

namespace parsimony::network {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kStep = 16 * kHugePage;  // least that is asked of the system
constexpr std::size_t kGrain = 4096;           // block sizes are multiples of it

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

MemoryPool::~MemoryPool() {
  if (begin_ != nullptr) ::munmap(begin_, static_cast<std::size_t>(limit_ - begin_));
}

void* MemoryPool::take(std::size_t bytes) {
  bytes = rounded_up(bytes, kGrain);
  const std::lock_guard lock(mutex_);
  auto found = by_size_.lower_bound({bytes, nullptr});
  if (found == by_size_.end()) {
    grow(bytes);
    found = by_size_.lower_bound({bytes, nullptr});
  }
  const auto [size, block] = *found;
  erase(block, size);
  if (size > bytes) insert(block + bytes, size - bytes);
  use_.live_bytes += static_cast<std::int64_t>(bytes);
  use_.peak_bytes = std::max(use_.peak_bytes, use_.live_bytes);
  return block;
}

void MemoryPool::give_back(void* memory, std::size_t bytes) {
  bytes = rounded_up(bytes, kGrain);
  const std::lock_guard lock(mutex_);
  use_.live_bytes -= static_cast<std::int64_t>(bytes);
  insert_merged(static_cast<char*>(memory), bytes);
}

void MemoryPool::insert_merged(char* block, std::size_t bytes) {
  const auto after = by_address_.lower_bound(block);
  if (after != by_address_.end() && block + bytes == after->first) {
    const std::size_t size = after->second;
    erase(after->first, size);
    bytes += size;
  }
  const auto next = by_address_.lower_bound(block);
  if (next != by_address_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == block) {
      block = before->first;
      bytes += before->second;
      erase(block, before->second);
    }
  }
  insert(block, bytes);
}

void MemoryPool::release_unused() {
  const std::lock_guard lock(mutex_);
  for (const auto& [block, bytes] : by_address_) ::madvise(block, bytes, MADV_DONTNEED);
  if (by_address_.empty()) return;
  const auto [last, bytes] = *std::prev(by_address_.end());
  if (last + bytes != end_) return;
  erase(last, bytes);
  ::mprotect(last, bytes, PROT_NONE);
  end_ = last;
  use_.held_bytes = end_ - begin_;
}

MemoryPool::Use MemoryPool::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

void MemoryPool::reserve() {
  // Nobody can hold more than the machine has. Addresses without access cost nothing.
  std::size_t size = rounded_up(static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
                                    static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)),
                                kHugePage);
  void* range = MAP_FAILED;
  for (; range == MAP_FAILED && size >= kStep; size /= 2) {  // a limit on addresses may be set
    range = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range != MAP_FAILED) limit_ = static_cast<char*>(range) + size;
  }
  if (range == MAP_FAILED) throw std::bad_alloc();
  begin_ = end_ = static_cast<char*>(range);
}

// Adds memory behind the last block, which grows if it is free.
void MemoryPool::grow(std::size_t bytes) {
  if (begin_ == nullptr) reserve();
  std::size_t free_at_end = 0;
  if (!by_address_.empty()) {
    const auto [last, size] = *std::prev(by_address_.end());
    if (last + size == end_) free_at_end = size;
  }
  const auto left = static_cast<std::size_t>(limit_ - end_);
  if (bytes - free_at_end > left) throw std::bad_alloc();
  const std::size_t size =
      std::min(left, rounded_up(std::max(bytes - free_at_end, kStep), kHugePage));
  if (::mprotect(end_, size, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  ::madvise(end_, size, MADV_HUGEPAGE);  // a wish: without huge pages it works as well
#endif
  char* block = end_;
  end_ += size;
  insert_merged(block, size);
  ++use_.growths;
  use_.held_bytes = end_ - begin_;
}

void MemoryPool::insert(char* block, std::size_t bytes) {
  by_address_.emplace(block, bytes);
  by_size_.emplace(bytes, block);
}

void MemoryPool::erase(char* block, std::size_t bytes) {
  by_address_.erase(block);
  by_size_.erase({bytes, block});
}

// ---- as LibTorch's allocator ----

namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kFromPool = std::size_t{64} << 10;  // smaller tensors stay with malloc

// Pools outlive their threads, since tensors do.
class Pools {
 public:
  std::shared_ptr<MemoryPool> borrow() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) {
      all_.push_back(std::make_shared<MemoryPool>());
      return all_.back();
    }
    std::shared_ptr<MemoryPool> pool = idle_.back();
    idle_.pop_back();
    return pool;
  }
  void give_back(std::shared_ptr<MemoryPool> pool) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(pool));
  }
  void release_unused() const {
    const std::lock_guard lock(mutex_);
    for (const auto& pool : all_) pool->release_unused();
  }
  MemoryPool::Use use() const {
    const std::lock_guard lock(mutex_);
    MemoryPool::Use sum;
    for (const auto& pool : all_) {
      const MemoryPool::Use use = pool->use();
      sum.growths += use.growths;
      sum.held_bytes += use.held_bytes;
      sum.live_bytes += use.live_bytes;
      sum.peak_bytes += use.peak_bytes;
    }
    return sum;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<MemoryPool>> all_;
  std::vector<std::shared_ptr<MemoryPool>> idle_;
};

// Never destroyed: tensors in static storage may be freed after it would be.
Pools& pools() {
  static auto* all = new Pools;
  return *all;
}

struct BorrowedPool {
  std::shared_ptr<MemoryPool> pool = pools().borrow();
  ~BorrowedPool() { pools().give_back(std::move(pool)); }
};

// Stands before every block, in a cache line of its own.
struct alignas(kAlignment) Header {
  MemoryPool* pool;   // null: from the C library
  std::size_t bytes;  // header included
};
static_assert(sizeof(Header) == kAlignment);

void* allocate_block(std::size_t bytes) {
  bytes += sizeof(Header);
  MemoryPool* pool = nullptr;
  void* memory = nullptr;
  if (bytes >= kFromPool) {
    thread_local BorrowedPool borrowed;
    pool = borrowed.pool.get();
    memory = pool->take(bytes);
  } else if (::posix_memalign(&memory, kAlignment, bytes) != 0) {
    throw std::bad_alloc();
  }
  auto* header = new (memory) Header{pool, bytes};
  return header + 1;
}

void free_block(void* block) {
  if (block == nullptr) return;
  Header* header = static_cast<Header*>(block) - 1;
  if (header->pool != nullptr) {
    header->pool->give_back(header, header->bytes);
  } else {
    std::free(header);
  }
}

class TensorAllocator final : public c10::Allocator {
 public:
// LibTorch dropped the const in 2.3 and asks for copy_data since 2.2.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 3)
  c10::DataPtr allocate(std::size_t bytes) override {
    return make(bytes);
  }
#else
  c10::DataPtr allocate(std::size_t bytes) const override {
    return make(bytes);
  }
#endif
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2)
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
#endif
  c10::DeleterFnPtr raw_deleter() const override {
    return &free_block;
  }

 private:
  static c10::DataPtr make(std::size_t bytes) {
    if (bytes == 0) return {nullptr, nullptr, &free_block, c10::Device(c10::DeviceType::CPU)};
    void* block = allocate_block(bytes);
    return {block, block, &free_block, c10::Device(c10::DeviceType::CPU)};
  }
};

}  // namespace

void keep_tensor_memory() {
#ifdef __GLIBC__
  // What stays with malloc: kept as well.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 2'000'000'000);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
#ifndef __SANITIZE_ADDRESS__
  static auto* allocator = new TensorAllocator;
  // Above the priority 0 of LibTorch's own.
  c10::SetCPUAllocator(allocator, /*priority=*/1);
#endif
}

void release_unused_tensor_memory() {
  pools().release_unused();
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

MemoryPool::Use tensor_memory() {
  return pools().use();
}

}  // namespace parsimony::network
