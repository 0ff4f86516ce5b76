// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/tensor_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "parsimony/core/rng.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {
namespace {

struct Block {
  char* memory;
  std::size_t bytes;
  char mark;
};

bool holds_its_mark(const Block& block) {
  return block.memory[0] == block.mark &&
         std::memcmp(block.memory, block.memory + 1, block.bytes - 1) == 0;
}

// Blocks in use never overlap: each keeps what was written into it, whatever the order.
TEST(MemoryPool, BlocksAreTheirOwnersAlone) {
  MemoryPool pool;
  core::Rng rng(3);
  std::vector<Block> blocks;
  for (int i = 0; i < 3000; ++i) {
    if (blocks.empty() || rng.uniform() < 0.55) {
      const auto bytes = static_cast<std::size_t>(1 + rng.below(100'000));
      Block block{static_cast<char*>(pool.take(bytes)), bytes, static_cast<char>(i)};
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block.memory) % 64, 0U);
      std::memset(block.memory, block.mark, bytes);
      blocks.push_back(block);
    } else {
      std::swap(
          blocks[static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(blocks.size())))],
          blocks.back());
      ASSERT_TRUE(holds_its_mark(blocks.back()));
      pool.give_back(blocks.back().memory, blocks.back().bytes);
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) {
    ASSERT_TRUE(holds_its_mark(block));
    pool.give_back(block.memory, block.bytes);
  }
  EXPECT_EQ(pool.use().live_bytes, 0);
  EXPECT_GT(pool.use().peak_bytes, 0);
}

TEST(MemoryPool, FreeNeighboursServeALargeRequest) {
  MemoryPool pool;
  constexpr std::size_t kPiece = 1 << 20;
  std::vector<void*> pieces;
  for (int i = 0; i < 32; ++i) pieces.push_back(pool.take(kPiece));
  const MemoryPool::Use full = pool.use();
  for (const int i : {1, 3, 2, 0}) pool.give_back(pieces[static_cast<std::size_t>(i)], kPiece);
  for (std::size_t i = 4; i < pieces.size(); ++i) pool.give_back(pieces[i], kPiece);
  void* all = pool.take(static_cast<std::size_t>(full.held_bytes));
  EXPECT_EQ(pool.use().growths, full.growths);
  pool.give_back(all, static_cast<std::size_t>(full.held_bytes));
}

TEST(MemoryPool, ReleasedBlocksStayUsable) {
  MemoryPool pool;
  constexpr std::size_t kPiece = 40 << 20;
  void* first = pool.take(kPiece);
  char* kept = static_cast<char*>(pool.take(kPiece));
  void* last = pool.take(kPiece);
  std::memset(kept, 7, kPiece);
  const std::int64_t held = pool.use().held_bytes;
  pool.give_back(first, kPiece);
  pool.give_back(last, kPiece);
  pool.release_unused();
  EXPECT_LE(pool.use().held_bytes, held - static_cast<std::int64_t>(kPiece));
  for (int i = 0; i < 2; ++i) std::memset(pool.take(kPiece), 1, kPiece);
  EXPECT_TRUE(holds_its_mark({kept, kPiece, 7}));
}

// A request that is larger than what one growth asked for, and then smaller ones.
TEST(MemoryPool, GrowthsAreOneRange) {
  MemoryPool pool;
  constexpr std::size_t kPiece = 25 << 20;  // no whole number of them fills a growth
  std::vector<void*> pieces;
  for (int i = 0; i < 40; ++i) pieces.push_back(pool.take(kPiece));
  const MemoryPool::Use use = pool.use();
  EXPECT_LT(static_cast<double>(use.held_bytes), 1.05 * static_cast<double>(use.live_bytes));
  for (void* piece : pieces) pool.give_back(piece, kPiece);
}

TEST(MemoryPool, WhatTheSystemDoesNotHaveIsAnError) {
  MemoryPool pool;
  EXPECT_THROW(pool.take(std::size_t{1} << 60), std::bad_alloc);
  pool.give_back(pool.take(100), 100);  // and the pool goes on
}

TEST(TensorMemory, ThreadsThatEndLeaveTheirPoolToOthers) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "not installed under address sanitizers";
#endif
  keep_tensor_memory();
  Tensor kept;
  const auto work = [&] {
    const Tensor x = at::ones({1 << 20});
    kept = x + 1;  // outlives its thread
  };
  std::thread(work).join();
  const MemoryPool::Use after_first = tensor_memory();
  for (int i = 0; i < 5; ++i) std::thread(work).join();
  EXPECT_EQ(tensor_memory().growths, after_first.growths);
  EXPECT_EQ(kept.sum().item<float>(), 2 << 20);
}

}  // namespace
}  // namespace parsimony::network
