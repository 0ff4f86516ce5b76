// SPDX-License-Identifier: Apache-2.0
// One study, several processes, and processes that die. Children are made by fork() before anything
// here opens a store, and leave by _exit().
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <thread>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/rng.h"
#include "parsimony/study/store.h"
#include "parsimony/study/testing.h"

namespace parsimony::study {
namespace {

// Runs `body` in a child; its exit status is 0 unless it throws.
pid_t start_process(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child != 0) return child;
  int status = 0;
  try {
    body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child: %s\n", error.what());
    status = 1;
  }
  _exit(status);
}

int wait_for(pid_t child) {
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

// Claims and finishes one trial after the other and says so, until it is killed.
void run_until_killed(const std::filesystem::path& file, int acknowledge) {
  const auto store = open_sqlite_store(file);
  auto next = static_cast<TrialId>(store->trials().size()) + 1;
  int attempt = 1;
  if (next > 1 && store->trials().back().state == TrialState::kRunning) {
    --next;
    attempt = store->trials().back().attempt + 1;
  }
  for (;; ++next, attempt = 1) {
    if (!store->commit({.trials = {running_trial(next, "w", attempt)}})) _exit(2);
    const bool stored = store->commit({.trials = {done_trial(next, Scored{}, "w", attempt)},
                                       .events = {{0, 1, "done", std::to_string(next)}},
                                       .states = {{"search", std::to_string(next)}}});
    if (!stored || write(acknowledge, &next, sizeof next) != sizeof next) _exit(3);
  }
}

TEST(SqliteProcessTest, AProcessKilledAtAnyMomentLosesNothingItWasPromised) {
  const core::TemporaryFolder folder;
  const auto file = folder.path() / "study.db";
  core::Rng rng(11);
  TrialId acknowledged = 0;
  for (int round = 0; round < 25; ++round) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t child = start_process([&] { run_until_killed(file, ends[1]); });
    close(ends[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(rng.below(40000)));
    kill(child, SIGKILL);
    const int status = wait_for(child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    TrialId id = 0;
    while (read(ends[0], &id, sizeof id) == sizeof id) acknowledged = id;
    close(ends[0]);

    const auto store = open_sqlite_store(file);
    TrialId done = 0;
    TrialId expected = 0;
    for (const Trial& trial : store->trials()) {
      ASSERT_EQ(trial.id, ++expected);
      if (trial.state != TrialState::kDone) continue;
      ASSERT_EQ(trial.id, ++done);
    }
    ASSERT_LE(expected, done + 1);
    ASSERT_GE(done, acknowledged);
    ASSERT_LE(done, acknowledged + 1);
    ASSERT_EQ(store->state("search").value_or("0"), std::to_string(done));
    ASSERT_EQ(store->events(0).size(), static_cast<std::size_t>(done));
    acknowledged = done;  // seen by now
  }
  EXPECT_GT(acknowledged, 0);
}

TEST(SqliteProcessTest, EveryTrialHasOneWinnerAmongProcesses) {
  constexpr int kProcesses = 4;
  constexpr TrialId kTrials = 40;
  const core::TemporaryFolder folder;
  const auto file = folder.path() / "study.db";
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    children.push_back(start_process([&] {
      const std::string worker = "process " + std::to_string(p);
      const auto store = open_sqlite_store(file);
      for (TrialId id = 1; id <= kTrials; ++id) {
        if (!store->commit({.trials = {running_trial(id, worker)}})) continue;
        const bool stored = store->commit({.trials = {done_trial(id, Scored{}, worker)},
                                           .events = {{0, 1, worker, std::to_string(id)}}});
        core::require(stored, "trial {}: result of the winner rejected", id);
      }
    }));
  }
  for (const pid_t child : children) EXPECT_EQ(wait_for(child), 0);

  const auto store = open_sqlite_store(file);
  std::map<std::string, std::string> winners;
  for (const Event& event : store->events(0)) {
    EXPECT_TRUE(winners.emplace(event.text, event.kind).second) << "two results of " << event.text;
  }
  EXPECT_EQ(winners.size(), static_cast<std::size_t>(kTrials));
  for (const Trial& trial : store->trials()) {
    EXPECT_EQ(trial.state, TrialState::kDone);
    EXPECT_EQ(winners[std::to_string(trial.id)], trial.worker);
  }
}

TEST(SqliteProcessTest, ProcessesMayCreateTheSameStudyAtOnce) {
  const core::TemporaryFolder folder;
  for (int round = 0; round < 10; ++round) {
    const auto file = folder.path() / (std::to_string(round) + ".db");
    std::vector<pid_t> children;
    for (int p = 0; p < 4; ++p) {
      children.push_back(start_process([&] {
        open_sqlite_store(file)->commit({.events = {{0, 1, "joined", std::to_string(p)}}});
      }));
    }
    for (const pid_t child : children) ASSERT_EQ(wait_for(child), 0);
    ASSERT_EQ(open_sqlite_store(file)->events(0).size(), 4U);
  }
}

// A user error that names the file, or the child fails.
void require_user_error(const std::filesystem::path& file, const std::function<void()>& action) {
  try {
    action();
  } catch (const core::Error& error) {
    core::require(error.kind() == core::ErrorKind::kUser, "{}", error.what());
    core::require(std::string(error.what()).starts_with(file.string()), "{}", error.what());
    return;
  }
  core::throw_internal_error("no error");
}

TEST(SqliteProcessTest, AFileThatCannotBeWrittenIsAUserError) {
  const core::TemporaryFolder folder;
  const auto file = folder.path() / "study.db";
  open_sqlite_store(file)->commit({.states = {{"search", "x"}}});
  const pid_t child = start_process([&] {
    chmod(file.c_str(), 0444);
    chmod(folder.path().c_str(), 0555);
    // Permissions do not bind the superuser.
    constexpr uid_t kNobody = 65534;
    if (getuid() == 0) core::require(setuid(kNobody) == 0, "setuid");
    require_user_error(file, [&] {
      open_sqlite_store(file)->commit({.states = {{"search", "y"}}});
    });
    const auto missing = folder.path() / "new.db";
    require_user_error(missing, [&] { open_sqlite_store(missing); });
  });
  EXPECT_EQ(wait_for(child), 0);
  chmod(folder.path().c_str(), 0755);
  EXPECT_EQ(open_sqlite_store(file)->state("search"), "x");
}

TEST(SqliteProcessTest, AFileThatCannotGrowIsAUserErrorAndKeepsWhatItHas) {
  const core::TemporaryFolder folder;
  const auto file = folder.path() / "study.db";
  open_sqlite_store(file)->commit({.states = {{"search", "x"}}});
  const pid_t child = start_process([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100000, 100000};
    core::require(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
    const auto store = open_sqlite_store(file);
    const Update large{.trials = {running_trial(1)},
                       .states = {{"search", std::string(500000, 'y')}}};
    require_user_error(file, [&] { store->commit(large); });
    // The store goes on when there is room again.
    core::require(store->trials().empty(), "half an update was stored");
    core::require(store->commit({.states = {{"search", "z"}}}), "small update rejected");
  });
  EXPECT_EQ(wait_for(child), 0);
  EXPECT_EQ(open_sqlite_store(file)->state("search"), "z");
}

}  // namespace
}  // namespace parsimony::study
