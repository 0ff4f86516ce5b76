// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/timing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "parsimony/core/rng.h"
#include "parsimony/meter/turn_queue.h"

namespace parsimony::meter {
namespace {

const auto kNothing = [] {};

TEST(Summarise, TakesTheQuieterHalfOfTheBlocks) {
  const Timing timing = summarise({{90, 80, 70}, {3, 1, 2}, {50, 60, 70}, {5, 4, 6}});
  EXPECT_EQ(timing.runs, 12);
  EXPECT_EQ(timing.repetitions, 6);
  EXPECT_DOUBLE_EQ(timing.min, 1);
  EXPECT_DOUBLE_EQ(timing.first_quartile, 2.25);
  EXPECT_DOUBLE_EQ(timing.median, 3.5);
  EXPECT_DOUBLE_EQ(timing.third_quartile, 4.75);
  EXPECT_DOUBLE_EQ(summarise({{7}}).median, 7);
}

TEST(TimeRuns, IsNotMisledByColdCachesAndBusyPhases) {
  core::Rng rng(3);
  int runs = 0;
  core::StopFlag stop;
  const auto run = [&] {
    const double cold = runs < 5 ? 100.0 / (runs + 1) : 0;
    const bool busy = runs / 40 % 3 == 1;
    ++runs;
    return 10 * rng.uniform(0.98, 1.02) * (busy ? 1.8 : 1) + cold;
  };
  const auto timing = time_runs({.seconds = 3}, run, kNothing, stop);
  ASSERT_TRUE(timing.has_value());
  EXPECT_NEAR(timing->median, 10, 0.2);
  EXPECT_LE(timing->min, timing->first_quartile);
  EXPECT_LE(timing->first_quartile, timing->median);
  EXPECT_LE(timing->median, timing->third_quartile);
  EXPECT_NEAR(timing->third_quartile, 10, 0.3);
  EXPECT_GE(timing->warm_up, 5);
  EXPECT_EQ(timing->warm_up + timing->runs, runs);
  EXPECT_NEAR(timing->runs, 3000 / 12.0, 60);
}

TEST(TimeRuns, RepeatsSlowNetworksOftenEnoughAndLooksForACorePerBlock) {
  core::StopFlag stop;
  int blocks = 0;
  const auto timing = time_runs(
      {.seconds = 1, .warm_up = 2, .repetitions = 12},
      [] { return 5000.0; },
      [&] { ++blocks; },
      stop);
  ASSERT_TRUE(timing.has_value());
  EXPECT_EQ(timing->runs, 12);
  EXPECT_EQ(timing->warm_up, 2);
  EXPECT_EQ(blocks, 1 + 4);
}

TEST(TimeRuns, StopsBetweenRuns) {
  for (const int stop_at : {0, 1, 7, 30}) {
    core::StopFlag stop;
    int runs = 0;
    if (stop_at == 0) stop.request();
    const auto run = [&] {
      if (++runs == stop_at) stop.request();
      return 50.0;
    };
    EXPECT_EQ(time_runs({.seconds = 100}, run, kNothing, stop), std::nullopt);
    EXPECT_EQ(runs, stop_at);
  }
}

TEST(TurnQueue, ServesOneAtATimeInOrder) {
  TurnQueue queue;
  core::StopFlag stop;
  std::atomic<int> inside{0};
  std::vector<int> order;
  std::vector<std::thread> threads;
  {
    const TurnQueue::Turn first(queue, stop);
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const TurnQueue::Turn turn(queue, stop);
        EXPECT_TRUE(turn.granted());
        EXPECT_EQ(++inside, 1);
        order.push_back(i);
        --inside;
      });
      // Until it stands in the queue.
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(order, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(TurnQueue, LetsThoseGoWhoAreStopped) {
  TurnQueue queue;
  core::StopFlag stop;
  core::StopFlag never;
  bool granted = true;
  {
    const TurnQueue::Turn first(queue, never);
    std::thread waiting([&] { granted = TurnQueue::Turn(queue, stop).granted(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop.request();
    waiting.join();
    EXPECT_FALSE(granted);
  }
  EXPECT_TRUE(TurnQueue::Turn(queue, never).granted());
}

}  // namespace
}  // namespace parsimony::meter
