// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/value_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace parsimony::evaluate {
namespace {

constexpr double kLarge = 1e9;

ValueCache::Kept value_of(std::int64_t floats) {
  auto value = std::make_shared<Value>();
  value->maps[0] = at::zeros({floats});
  return value;
}

TEST(ValueCache, ComputesWhatItDoesNotKeep) {
  ValueCache cache(kLarge);
  int computed = 0;
  const auto compute = [&] {
    ++computed;
    return value_of(100);
  };
  EXPECT_EQ(cache.find("a"), nullptr);
  const ValueCache::Kept first = cache.get("a", compute);
  EXPECT_EQ(cache.get("a", compute), first);
  EXPECT_EQ(cache.find("a"), first);
  EXPECT_NE(cache.get("b", compute), first);
  EXPECT_EQ(computed, 2);
  EXPECT_EQ(cache.bytes(), 2 * first->bytes());
}

TEST(ValueCache, StaysWithinItsLimit) {
  const double bytes = value_of(1000)->bytes();
  ValueCache cache(3.5 * bytes);
  for (int i = 0; i < 20; ++i) {
    cache.get(std::to_string(i), [] { return value_of(1000); });
    EXPECT_LE(cache.bytes(), 3.5 * bytes);
  }
  EXPECT_EQ(cache.bytes(), 3 * bytes);
  EXPECT_NE(cache.find("19"), nullptr);  // of equals, those used last stay
  EXPECT_EQ(cache.find("0"), nullptr);
  cache.keep("huge", value_of(1'000'000));
  EXPECT_EQ(cache.find("huge"), nullptr);
  EXPECT_EQ(cache.bytes(), 3 * bytes) << "what has no place drives out nothing";
  ValueCache none(0);
  none.get("a", [] { return value_of(1); });
  EXPECT_EQ(none.bytes(), 0);
}

TEST(ValueCache, WhatIsUsedStays) {
  ValueCache cache(3.5 * value_of(1000)->bytes());
  const auto get = [&](const std::string& key) { cache.get(key, [] { return value_of(1000); }); };
  get("common");
  for (int i = 0; i < 5; ++i) {
    get("rare " + std::to_string(i));
    EXPECT_NE(cache.find("common"), nullptr);
  }
  EXPECT_EQ(cache.find("rare 0"), nullptr);
  get("new 0");
  get("new 1");
  get("new 2");
  EXPECT_EQ(cache.find("common"), nullptr);
}

TEST(ValueCache, WhatFailsIsComputedByTheNext) {
  ValueCache cache(kLarge);
  const auto fail = []() -> ValueCache::Kept { throw std::runtime_error("no"); };
  EXPECT_THROW(cache.get("a", fail), std::runtime_error);
  EXPECT_EQ(cache.get("a", [] { return nullptr; }), nullptr);
  EXPECT_NE(cache.get("a", [] { return value_of(1); }), nullptr);
}

TEST(ValueCache, ThreadsWaitForWhoComputes) {
  ValueCache cache(kLarge);
  std::atomic<int> computed = 0;
  std::atomic<int> asking = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      ++asking;
      cache.get("a", [&] {
        ++computed;
        while (asking < 4) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return value_of(1);
      });
    });
  }
  threads.clear();
  EXPECT_EQ(computed, 1);
}

// The others do not wait for ever, and one of them takes over.
TEST(ValueCache, AFailureWakesThoseWhoWait) {
  ValueCache cache(kLarge);
  std::atomic<int> failed = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      try {
        const auto value = cache.get("a", [&]() -> ValueCache::Kept {
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
          if (failed.fetch_add(1) < 2) throw std::runtime_error("no");
          return value_of(1);
        });
        EXPECT_NE(value, nullptr);
      } catch (const std::runtime_error&) {
      }
    });
  }
  threads.clear();
  EXPECT_NE(cache.find("a"), nullptr);
}

}  // namespace
}  // namespace parsimony::evaluate
