// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <cfloat>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <thread>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/rng.h"
#include "parsimony/study/testing.h"

namespace parsimony::study {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Opens the file anew for every call, as a program that is started again and again does.
class ReopeningStore final : public Store {
 public:
  explicit ReopeningStore(std::filesystem::path file) : file_(std::move(file)) {}
  bool commit(const Update& update) override { return open_sqlite_store(file_)->commit(update); }
  std::vector<Trial> trials() const override { return open_sqlite_store(file_)->trials(); }
  std::vector<FinalModel> models() const override { return open_sqlite_store(file_)->models(); }
  std::vector<Event> events(std::int64_t after_index) const override {
    return open_sqlite_store(file_)->events(after_index);
  }
  std::optional<std::string> state(std::string_view name) const override {
    return open_sqlite_store(file_)->state(name);
  }

 private:
  std::filesystem::path file_;
};

struct Implementation {
  std::string name;
  std::function<std::unique_ptr<Store>(const std::filesystem::path& folder)> make;
};

// The contract of Store, kept by every implementation.
class StoreTest : public testing::TestWithParam<Implementation> {
 protected:
  core::TemporaryFolder folder_;
  std::unique_ptr<Store> store_ = GetParam().make(folder_.path());
};

INSTANTIATE_TEST_SUITE_P(
    Implementations,
    StoreTest,
    testing::Values(Implementation{"memory", [](const auto&) { return make_memory_store(); }},
                    Implementation{
                        "sqlite",
                        [](const auto& folder) { return open_sqlite_store(folder / "study.db"); }},
                    Implementation{"sqlite_reopened",
                                   [](const auto& folder) {
                                     return std::make_unique<ReopeningStore>(folder / "study.db");
                                   }}),
    [](const auto& suite) { return suite.param.name; });

Trial full_trial() {
  Trial trial = done_trial(3, Scored{{{"miou", 0.1 + 0.2}, {"reward", -1.5e-300}}}, "host:1:0", 2);
  trial.lease_until = 1.7e9 + 0.123456789;
  trial.genotype = "[[8,[0,0,5,2]],[[3,3]]]";
  trial.canonical_id = "c0ffee";
  trial.tokens = {8, 0, -1, std::numeric_limits<int>::max()};
  trial.costs = {{"params", 271000}, {"macs", 1.25e9}};
  trial.same_as = 1;
  trial.observations = {{0, 1, 0.25, 0.75, true}, {1, 0, 1.0 / 3, 0.1, false}};
  trial.started = 1.7e9;
  trial.seconds = 12.000000001;
  trial.setting = 3;
  return trial;
}

TEST_P(StoreTest, StartsEmpty) {
  EXPECT_THAT(store_->trials(), IsEmpty());
  EXPECT_THAT(store_->models(), IsEmpty());
  EXPECT_THAT(store_->events(0), IsEmpty());
  EXPECT_EQ(store_->state("search"), std::nullopt);
}

TEST_P(StoreTest, AnEmptyUpdateIsAccepted) {
  EXPECT_TRUE(store_->commit({}));
}

TEST_P(StoreTest, GivesBackEveryField) {
  const Trial trial = full_trial();
  const FinalModel model{2, "models/2", {{"miou", 0.7}, {"latency_ms", 3.25}}, 99.5};
  ASSERT_TRUE(store_->commit({.trials = {trial},
                              .models = {model},
                              .events = {{0, 17.5, "started", "by hand"}},
                              .states = {{"search", "state"}}}));
  EXPECT_THAT(store_->trials(), ElementsAre(trial));
  EXPECT_THAT(store_->models(), ElementsAre(model));
  EXPECT_THAT(store_->events(0), ElementsAre(Event{1, 17.5, "started", "by hand"}));
  EXPECT_EQ(store_->state("search"), "state");
}

TEST_P(StoreTest, GivesBackEveryKindOfOutcome) {
  std::vector<Trial> trials{running_trial(1),
                            done_trial(2, Scored{}),
                            done_trial(3, Pruned{"before training", "too large", {}}),
                            done_trial(4, Pruned{"stage 0", "", {{"reward", 0.25}}})};
  for (const FailureReason reason : {FailureReason::kDiverged,
                                     FailureReason::kOutOfMemory,
                                     FailureReason::kTimedOut,
                                     FailureReason::kInterrupted,
                                     FailureReason::kError}) {
    const auto id = static_cast<TrialId>(trials.size()) + 1;
    trials.push_back(done_trial(id, Failed{reason, "at step 12"}));
  }
  ASSERT_TRUE(store_->commit({.trials = trials}));
  EXPECT_EQ(store_->trials(), trials);
}

TEST_P(StoreTest, OrdersTrialsAndModelsById) {
  ASSERT_TRUE(store_->commit({.trials = {running_trial(12), running_trial(2)},
                              .models = {{12, "b", {}, 0}, {2, "a", {}, 0}}}));
  ASSERT_TRUE(store_->commit({.trials = {running_trial(7)}}));
  const std::vector<Trial> trials = store_->trials();
  EXPECT_THAT(trials, ElementsAre(running_trial(2), running_trial(7), running_trial(12)));
  EXPECT_EQ(store_->models().front().trial, 2);
}

TEST_P(StoreTest, ReplacesModelsAndStates) {
  ASSERT_TRUE(store_->commit({.models = {{1, "old", {}, 1}}, .states = {{"a", "1"}, {"b", "2"}}}));
  ASSERT_TRUE(store_->commit({.models = {{1, "new", {}, 2}}, .states = {{"a", "3"}}}));
  EXPECT_THAT(store_->models(), ElementsAre(FinalModel{1, "new", {}, 2}));
  EXPECT_EQ(store_->state("a"), "3");
  EXPECT_EQ(store_->state("b"), "2");
}

TEST_P(StoreTest, NumbersEventsItself) {
  ASSERT_TRUE(store_->commit({.events = {{77, 1, "started", ""}, {77, 2, "warning", "x"}}}));
  ASSERT_TRUE(store_->commit({.events = {{0, 3, "finished", ""}}}));
  EXPECT_THAT(
      store_->events(0),
      ElementsAre(
          Event{1, 1, "started", ""}, Event{2, 2, "warning", "x"}, Event{3, 3, "finished", ""}));
  EXPECT_THAT(store_->events(2), ElementsAre(Event{3, 3, "finished", ""}));
  EXPECT_THAT(store_->events(3), IsEmpty());
  EXPECT_THAT(store_->events(99), IsEmpty());
  EXPECT_EQ(store_->events(-5).size(), 3U);
}

// --- the attempt rule ---

TEST_P(StoreTest, TheHolderOfAClaimMayChangeTheTrialUntilItIsDone) {
  ASSERT_TRUE(store_->commit({.trials = {running_trial(1)}}));
  Trial renewed = running_trial(1);
  renewed.lease_until = 60;
  EXPECT_TRUE(store_->commit({.trials = {renewed}}));
  EXPECT_THAT(store_->trials(), ElementsAre(renewed));
  const Trial done = done_trial(1, Scored{{{"reward", 1}}});
  EXPECT_TRUE(store_->commit({.trials = {done}}));
  EXPECT_THAT(store_->trials(), ElementsAre(done));
}

TEST_P(StoreTest, ADoneTrialNeverChanges) {
  const Trial done = done_trial(1, Scored{{{"reward", 1}}});
  ASSERT_TRUE(store_->commit({.trials = {done}}));
  EXPECT_FALSE(store_->commit({.trials = {done}}));
  EXPECT_FALSE(store_->commit({.trials = {running_trial(1)}}));
  EXPECT_FALSE(store_->commit({.trials = {running_trial(1, "w", 2)}}));
  EXPECT_THAT(store_->trials(), ElementsAre(done));
}

TEST_P(StoreTest, AClaimIsTakenOverByTheNextAttempt) {
  ASSERT_TRUE(store_->commit({.trials = {running_trial(1, "dead")}}));
  EXPECT_FALSE(store_->commit({.trials = {running_trial(1, "heir", 3)}}));
  EXPECT_TRUE(store_->commit({.trials = {running_trial(1, "heir", 2)}}));
  // The one given up for dead comes back.
  EXPECT_FALSE(store_->commit({.trials = {done_trial(1, Scored{{{"reward", 9}}}, "dead", 1)}}));
  const Trial result = done_trial(1, Scored{{{"reward", 1}}}, "heir", 2);
  EXPECT_TRUE(store_->commit({.trials = {result}}));
  EXPECT_THAT(store_->trials(), ElementsAre(result));
}

TEST_P(StoreTest, OfTwoThatClaimTheSameTrialTheFirstWins) {
  EXPECT_TRUE(store_->commit({.trials = {running_trial(1, "a")}}));
  EXPECT_FALSE(store_->commit({.trials = {running_trial(1, "b")}}));
  EXPECT_TRUE(store_->commit({.trials = {running_trial(1, "b", 2)}}));
  EXPECT_FALSE(store_->commit({.trials = {running_trial(1, "c", 2)}}));
  EXPECT_THAT(store_->trials(), ElementsAre(running_trial(1, "b", 2)));
}

TEST_P(StoreTest, ARejectedUpdateLeavesNothing) {
  const Trial done = done_trial(2, Scored{});
  ASSERT_TRUE(store_->commit({.trials = {done}, .states = {{"search", "before"}}}));
  EXPECT_FALSE(store_->commit({.trials = {running_trial(1), running_trial(2), running_trial(3)},
                               .models = {{1, "models/1", {}, 0}},
                               .events = {{0, 1, "warning", ""}},
                               .states = {{"search", "after"}, {"other", "x"}}}));
  EXPECT_THAT(store_->trials(), ElementsAre(done));
  EXPECT_THAT(store_->models(), IsEmpty());
  EXPECT_THAT(store_->events(0), IsEmpty());
  EXPECT_EQ(store_->state("search"), "before");
  EXPECT_EQ(store_->state("other"), std::nullopt);
  // The number of an event that was never stored is free.
  ASSERT_TRUE(store_->commit({.events = {{0, 1, "started", ""}}}));
  EXPECT_EQ(store_->events(0).front().index, 1);
}

// --- values ---

TEST_P(StoreTest, KeepsDoublesToTheLastBit) {
  std::vector<double> values{0.0,
                             -0.0,
                             1.0,
                             0.1,
                             1.0 / 3,
                             5e-324,
                             -5e-324,
                             DBL_MIN,
                             DBL_MAX,
                             -DBL_MAX,
                             DBL_EPSILON,
                             std::nextafter(1.0, 2.0),
                             1e15,
                             1e16,
                             9007199254740993.0,
                             123456789012345680.0,
                             1e22,
                             1e23};
  core::Rng rng(5);
  while (values.size() < 2000) {
    const double value = std::bit_cast<double>(rng.next());
    if (std::isfinite(value)) values.push_back(value);
  }
  Trial trial = running_trial(1);
  std::vector<Event> events;
  for (std::size_t i = 0; i < values.size(); ++i) {
    trial.costs["v" + std::to_string(i)] = values[i];
    trial.observations.push_back({0, static_cast<int>(i), values[i], values[i], true});
    events.push_back({0, values[i], "time", ""});
  }
  ASSERT_TRUE(store_->commit({.trials = {trial}, .events = events}));

  const Trial read = store_->trials().front();
  const std::vector<Event> read_events = store_->events(0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto expected = std::bit_cast<std::uint64_t>(values[i]);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(read.costs.at("v" + std::to_string(i))), expected);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(read.observations[i].value), expected);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(read.observations[i].draw), expected);
    EXPECT_EQ(read_events[i].time, values[i]);  // a column of SQLite keeps no sign of zero
  }
}

TEST_P(StoreTest, ALeaseMayLastForEver) {
  Trial trial = running_trial(1);
  trial.lease_until = std::numeric_limits<double>::infinity();
  ASSERT_TRUE(store_->commit({.trials = {trial}}));
  EXPECT_THAT(store_->trials(), ElementsAre(trial));
}

TEST_P(StoreTest, KeepsUnicodeAndZeroBytes) {
  using std::string_literals::operator""s;
  const std::string text = "Käse 网络 🦉 \"quoted\" \\ \n \0 after"s;
  Trial trial = done_trial(1, Failed{FailureReason::kError, text + "\xff\xfe"}, text);
  trial.genotype = text;
  trial.costs = {{text, 1}};
  std::string bytes;
  for (int i = 0; i < 1024; ++i) bytes += static_cast<char>(i % 256);
  ASSERT_TRUE(store_->commit({.trials = {trial},
                              .events = {{0, 1, text, text}},
                              .states = {{text, bytes}, {"empty", ""}}}));
  EXPECT_THAT(store_->trials(), ElementsAre(trial));
  EXPECT_THAT(store_->events(0), ElementsAre(Event{1, 1, text, text}));
  EXPECT_EQ(store_->state(text), bytes);
  EXPECT_EQ(store_->state("empty"), "");
}

TEST_P(StoreTest, KeepsLargeStates) {
  std::string large(8 << 20, '\0');
  core::Rng rng(9);
  for (char& byte : large) byte = static_cast<char>(rng.next());
  ASSERT_TRUE(store_->commit({.states = {{"search", large}}}));
  EXPECT_EQ(store_->state("search"), large);
}

TEST_P(StoreTest, WhatMustNotBeStoredIsABug) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<Update> bad;
  for (const double value : {nan, infinity, -infinity}) {
    bad.push_back({.trials = {done_trial(1, Scored{{{"reward", value}}})}});
    bad.push_back({.trials = {done_trial(1, Pruned{"", "", {{"reward", value}}})}});
    bad.push_back({.models = {{1, "", {{"miou", value}}, 0}}});
    bad.push_back({.models = {{1, "", {}, value}}});
    bad.push_back({.events = {{0, value, "started", ""}}});
    for (int field = 0; field < 5; ++field) {
      Trial trial = running_trial(1);
      if (field == 0) trial.costs["params"] = value;
      if (field == 1) trial.observations.push_back({0, 0, value, 0, true});
      if (field == 2) trial.observations.push_back({0, 0, 0, value, true});
      if (field == 3) trial.started = value;
      if (field == 4) trial.seconds = value;
      bad.push_back({.trials = {trial}});
    }
  }
  Trial leased = running_trial(1);
  leased.lease_until = nan;
  bad.push_back({.trials = {leased}});
  Trial outcome_less = running_trial(1);
  outcome_less.state = TrialState::kDone;
  bad.push_back({.trials = {outcome_less}});
  Trial early = done_trial(1, Scored{});
  early.state = TrialState::kRunning;
  bad.push_back({.trials = {early}});
  bad.push_back({.trials = {running_trial(0)}});
  bad.push_back({.trials = {running_trial(1, "w", 0)}});
  bad.push_back({.trials = {running_trial(1), running_trial(1)}});

  for (Update& update : bad) {
    update.states["search"] = "written";
    try {
      store_->commit(update);
      ADD_FAILURE() << "accepted";
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kInternal) << error.what();
    }
  }
  EXPECT_THAT(store_->trials(), IsEmpty());
  EXPECT_EQ(store_->state("search"), std::nullopt);
}

// --- threads ---

TEST_P(StoreTest, EveryTrialHasOneWinnerAmongThreads) {
  constexpr int kThreads = 4;
  constexpr TrialId kTrials = 30;
  std::atomic<int> wins = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, worker = "thread " + std::to_string(t)] {
      for (TrialId id = 1; id <= kTrials; ++id) {
        if (!store_->commit({.trials = {running_trial(id, worker)}})) continue;
        ++wins;
        EXPECT_TRUE(store_->commit({.trials = {done_trial(id, Scored{}, worker)},
                                    .events = {{0, 1, "done", worker}},
                                    .states = {{"last", worker}}}));
        for (const Trial& trial : store_->trials()) {
          EXPECT_EQ(trial.state == TrialState::kDone, trial.outcome.has_value());
        }
        store_->events(0);
        store_->models();
        EXPECT_NE(store_->state("last"), std::nullopt);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(wins, kTrials);
  EXPECT_EQ(store_->trials().size(), static_cast<std::size_t>(kTrials));
  std::set<std::int64_t> indices;
  for (const Event& event : store_->events(0)) indices.insert(event.index);
  EXPECT_EQ(indices.size(), static_cast<std::size_t>(kTrials));
  EXPECT_EQ(*indices.rbegin(), kTrials);
}

}  // namespace
}  // namespace parsimony::study
