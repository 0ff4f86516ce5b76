// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/loop.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <thread>

#include "parsimony/core/files.h"
#include "parsimony/evaluate/fake.h"
#include "parsimony/report/report.h"
#include "parsimony/search/table.h"
#include "parsimony/space/cell.h"

namespace parsimony::run {
namespace {

using study::Trial;

struct Setting {
  search::SearchMethod method = search::SearchMethod::kPpo;
  evaluate::FakeEvaluator::Options fake;
  LoopOptions loop{.trials = 40, .workers = 1};
};

LoopEnd run_once(study::Store& store, const Setting& setting, const core::StopFlag& stop) {
  static const space::CellSpace space;
  core::Rng rng(5);
  core::Rng hidden = rng.split("optimum");
  search::SearchOptions options;
  options.method = setting.method;
  options.ppo.capacity = 8;  // fast
  const auto search = search::make_search(options, space, rng.split("search"));
  evaluate::FakeEvaluator evaluator(
      space, space::sample(space, hidden), rng.split("noise"), setting.fake);
  core::SilentLog log;
  core::SilentProgress progress;
  return run_loop(*search, evaluator, store, setting.loop, {log, progress, stop, 1});
}

// What must agree between an uninterrupted and a continued study: everything but times and claims.
std::vector<Trial> essence(const study::Store& store) {
  std::vector<Trial> trials = store.trials();
  for (Trial& trial : trials) {
    trial.attempt = 0;
    trial.worker.clear();
    trial.started = trial.seconds = trial.lease_until = 0;
  }
  return trials;
}

// The search's figures after each reward, without their times.
std::vector<std::string> diagnostics(const study::Store& store) {
  std::vector<std::string> texts;
  for (const study::Event& event : store.events(0)) {
    if (event.kind == "diagnostics") texts.push_back(event.text);
  }
  return texts;
}

TEST(Loop, RunsToTheEndAndRecordsEveryTrial) {
  const auto store = study::make_memory_store();
  const core::StopFlag stop;
  EXPECT_EQ(run_once(*store, {}, stop), LoopEnd::kFinished);
  ASSERT_EQ(store->trials().size(), 40u);
  for (const Trial& trial : store->trials()) EXPECT_EQ(trial.state, study::TrialState::kDone);
  EXPECT_TRUE(store->state("search").has_value());
}

TEST(Loop, FinishedStudiesStayAsTheyAreAndCanBeExtended) {
  const auto store = study::make_memory_store();
  const core::StopFlag stop;
  Setting setting;
  run_once(*store, setting, stop);
  const auto before = essence(*store);
  EXPECT_EQ(run_once(*store, setting, stop), LoopEnd::kFinished);
  EXPECT_TRUE(essence(*store) == before);
  setting.loop.trials = 55;
  EXPECT_EQ(run_once(*store, setting, stop), LoopEnd::kFinished);
  EXPECT_EQ(store->trials().size(), 55u);
}

TEST(Loop, FailuresAreOutcomesAndNeverRewards) {
  const auto store = study::make_memory_store();
  const core::StopFlag stop;
  Setting setting;
  setting.fake.fail_every = 5;
  run_once(*store, setting, stop);
  int failed = 0;
  for (const Trial& trial : store->trials()) {
    if (std::holds_alternative<study::Failed>(*trial.outcome)) ++failed;
  }
  EXPECT_EQ(failed, 8);
  EXPECT_EQ(diagnostics(*store).size(), 40u - 8u);  // nothing was learnt from the others
}

TEST(Loop, DiagnosticsOfTheSearchReachTheReport) {
  const auto store = study::make_memory_store();
  const core::StopFlag stop;
  run_once(*store, {}, stop);
  EXPECT_EQ(diagnostics(*store).size(), 40u);
  const report::ReportData data = report::load_report_data(*store, "nowhere");
  for (const char* figure : {"entropy", "baseline", "mean_reward"}) {
    ASSERT_TRUE(data.diagnostics.contains(figure)) << figure;
    const report::Curve& curve = data.diagnostics.at(figure);
    ASSERT_EQ(curve.size(), 40u);
    EXPECT_EQ(curve.front().first, 1);
    EXPECT_EQ(curve.back().first, 40);
  }
  const std::string page = report::render_report(data);
  EXPECT_NE(page.find("Entropy of the controller"), std::string::npos);
  EXPECT_NE(page.find("Search: mean reward"), std::string::npos);
}

TEST(Loop, ManyWorkersRunEveryTrialOnce) {
  const auto store = study::make_memory_store();
  const core::StopFlag stop;
  Setting setting;
  setting.method = search::SearchMethod::kRandom;
  setting.loop = {.trials = 300, .workers = 8};
  setting.fake.delay = std::chrono::microseconds(300);
  EXPECT_EQ(run_once(*store, setting, stop), LoopEnd::kFinished);
  std::set<study::TrialId> ids;
  for (const Trial& trial : store->trials()) ids.insert(trial.id);
  EXPECT_EQ(ids.size(), 300u);
}

// A space of four genotypes: nearly every trial repeats a network.
class TinySpace final : public space::SearchSpace {
 public:
  std::string_view name() const override { return "tiny"; }
  const std::vector<space::Decision>& decisions() const override { return decisions_; }
  int warm_up_steps() const override { return 0; }
  std::string text(const space::Tokens& tokens) const override {
    return fmt::format("{}", fmt::join(tokens, ","));
  }
  space::Tokens parse(std::string_view text) const override {
    return {text[0] - '0', text[2] - '0'};
  }

 private:
  std::vector<space::Decision> decisions_ = {{"a", "a", 2}, {"b", "b", 2}};
};

TEST(Loop, EqualNetworksAreEvaluatedOnce) {
  const TinySpace space;
  for (const int workers : {1, 4}) {
    search::SearchOptions options;
    options.method = search::SearchMethod::kRandom;
    const auto search = search::make_search(options, space, core::Rng(1));
    evaluate::FakeEvaluator evaluator(
        space, {1, 1}, core::Rng(2), {.delay = std::chrono::microseconds(500)});
    const auto store = study::make_memory_store();
    core::SilentLog log;
    core::SilentProgress progress;
    const core::StopFlag stop;
    run_loop(
        *search, evaluator, *store, {.trials = 60, .workers = workers}, {log, progress, stop, 1});
    std::map<std::string, int> evaluated;
    for (const Trial& trial : store->trials()) {
      if (!trial.same_as) ++evaluated[trial.canonical_id];
    }
    EXPECT_EQ(evaluated.size(), 4u);
    for (const auto& [id, times] : evaluated)
      EXPECT_EQ(times, 1) << id << " with " << workers << " workers";
  }
}

TEST(Loop, AStopKeepsTheStateAndTheNextRunContinues) {
  const auto whole = study::make_memory_store();
  const core::StopFlag never;
  Setting setting;
  setting.fake.delay = std::chrono::milliseconds(3);
  run_once(*whole, setting, never);

  const auto broken = study::make_memory_store();
  int session = 0;
  for (bool finished = false; !finished; ++session) {
    ASSERT_LT(session, 2000);
    core::StopFlag stop;
    std::jthread ctrl_c([&stop, session] {
      std::this_thread::sleep_for(std::chrono::milliseconds(10 + session));
      stop.request();
    });
    finished = run_once(*broken, setting, stop) == LoopEnd::kFinished;
  }
  EXPECT_GT(session, 1);
  EXPECT_TRUE(essence(*broken) == essence(*whole));
  EXPECT_EQ(diagnostics(*broken), diagnostics(*whole));
}

// kill -9 at random moments: the continued study equals the uninterrupted one.
TEST(Loop, SurvivesKillsAtRandomPoints) {
  const core::TemporaryFolder folder;
  const std::string file = (folder.path() / "study.db").string();
  const core::StopFlag never;
  Setting setting;
  setting.loop.trials = 30;
  setting.fake.delay = std::chrono::milliseconds(2);
  const auto whole = study::make_memory_store();
  run_once(*whole, setting, never);

  core::Rng moments(17);
  int kills = 0;
  for (bool finished = false; !finished;) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto store = study::open_sqlite_store(file);
      ::_exit(run_once(*store, setting, never) == LoopEnd::kFinished ? 0 : 1);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(20'000 + moments.below(120'000)));
    // The last children are left alone, so that a slow machine finishes too.
    if (kills < 12) ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
      ++kills;
    } else {
      ASSERT_TRUE(WIFEXITED(status));
      ASSERT_EQ(WEXITSTATUS(status), 0);
      finished = true;
    }
  }
  EXPECT_GT(kills, 0);
  const auto continued = study::open_sqlite_store(file);
  EXPECT_TRUE(essence(*continued) == essence(*whole));
  EXPECT_EQ(diagnostics(*continued), diagnostics(*whole));
}

}  // namespace
}  // namespace parsimony::run
