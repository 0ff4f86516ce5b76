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
#include "parsimony/objective/constraint.h"
#include "parsimony/report/report.h"
#include "parsimony/search/table.h"
#include "parsimony/space/cell.h"
#include "parsimony/study/summary.h"

namespace parsimony::run {
namespace {

using study::Trial;

struct Scenario {
  search::SearchMethod method = search::SearchMethod::kPpo;
  evaluate::FakeEvaluator::Options fake = {};
  LoopOptions loop{.trials = 40, .workers = 1};
  std::vector<std::string> rewards = {"reward"};
  std::uint64_t seed = 5;
};

LoopEnd run_once(study::Store& store, const Scenario& scenario, const core::StopFlag& stop) {
  static const space::CellSpace space;
  core::Rng rng(scenario.seed);
  core::Rng hidden = rng.split("optimum");
  search::SearchOptions options;
  options.method = scenario.method;
  options.ppo.capacity = 8;  // fast
  std::vector<Setting> settings;
  for (const std::string& reward : scenario.rewards) {
    settings.push_back(
        {objective::parse_scalarization(reward),
         search::make_search(options, space, rng.split("search").split(settings.size())),
         objective::objectives_by_name({"reward", "params"})});
  }
  evaluate::FakeEvaluator evaluator(
      space, space::sample(space, hidden), rng.split("noise"), scenario.fake);
  core::SilentLog log;
  core::SilentProgress progress;
  return run_loop(settings, evaluator, store, scenario.loop, {log, progress, stop, 1});
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
  Scenario scenario;
  run_once(*store, scenario, stop);
  const auto before = essence(*store);
  EXPECT_EQ(run_once(*store, scenario, stop), LoopEnd::kFinished);
  EXPECT_TRUE(essence(*store) == before);
  scenario.loop.trials = 55;
  EXPECT_EQ(run_once(*store, scenario, stop), LoopEnd::kFinished);
  EXPECT_EQ(store->trials().size(), 55u);
}

TEST(Loop, FailuresAreOutcomesAndNeverRewards) {
  const auto store = study::make_memory_store();
  const core::StopFlag stop;
  Scenario scenario;
  scenario.fake.fail_every = 5;
  run_once(*store, scenario, stop);
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
    const report::Curve& curve = data.diagnostics.at(figure).at(0);
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
  Scenario scenario;
  scenario.method = search::SearchMethod::kRandom;
  scenario.loop = {.trials = 300, .workers = 8};
  scenario.fake.delay = std::chrono::microseconds(300);
  EXPECT_EQ(run_once(*store, scenario, stop), LoopEnd::kFinished);
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
    std::vector<Setting> settings(1);
    settings[0].search = search::make_search(options, space, core::Rng(1));
    evaluate::FakeEvaluator evaluator(
        space, {1, 1}, core::Rng(2), {.delay = std::chrono::microseconds(500)});
    const auto store = study::make_memory_store();
    core::SilentLog log;
    core::SilentProgress progress;
    const core::StopFlag stop;
    run_loop(
        settings, evaluator, *store, {.trials = 60, .workers = workers}, {log, progress, stop, 1});
    std::map<std::string, int> evaluated;
    for (const Trial& trial : store->trials()) {
      if (!trial.same_as) ++evaluated[trial.canonical_id];
    }
    EXPECT_EQ(evaluated.size(), 4u);
    for (const auto& [id, times] : evaluated)
      EXPECT_EQ(times, 1) << id << " with " << workers << " workers";
  }
}

TEST(Loop, MeasuredCostsCountInTheRewardAndAreTakenOver) {
  const TinySpace space;
  std::vector<Setting> settings(1);
  settings[0].reward = objective::parse_scalarization("reward * (latency_ms.fake / 4)^-1");
  settings[0].search =
      search::make_search({.method = search::SearchMethod::kRandom}, space, core::Rng(1));
  evaluate::FakeEvaluator evaluator(space, {1, 1}, core::Rng(2), {.measured = 2});
  const auto store = study::make_memory_store();
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  run_loop(settings, evaluator, *store, {.trials = 30, .workers = 2}, {log, progress, stop, 1});
  for (const Trial& trial : store->trials()) EXPECT_EQ(trial.costs.at("latency_ms.fake"), 2);
  const auto summary = study::summarize_settings(store->trials(), {settings[0].reward});
  EXPECT_EQ(summary[0].scored, 30U);
  ASSERT_TRUE(summary[0].best);
  EXPECT_NEAR(summary[0].best->reward, 2, 0.2);  // twice a reward of about 1
}

TEST(Loop, AStopKeepsTheStateAndTheNextRunContinues) {
  const auto whole = study::make_memory_store();
  const core::StopFlag never;
  Scenario scenario;
  scenario.fake.delay = std::chrono::milliseconds(3);
  run_once(*whole, scenario, never);

  const auto broken = study::make_memory_store();
  int session = 0;
  for (bool finished = false; !finished; ++session) {
    ASSERT_LT(session, 2000);
    core::StopFlag stop;
    std::jthread ctrl_c([&stop, session] {
      std::this_thread::sleep_for(std::chrono::milliseconds(10 + session));
      stop.request();
    });
    finished = run_once(*broken, scenario, stop) == LoopEnd::kFinished;
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
  Scenario scenario;
  scenario.loop.trials = 30;
  scenario.fake.delay = std::chrono::milliseconds(2);
  const auto whole = study::make_memory_store();
  run_once(*whole, scenario, never);

  core::Rng moments(17);
  int kills = 0;
  for (bool finished = false; !finished;) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto store = study::open_sqlite_store(file);
      ::_exit(run_once(*store, scenario, never) == LoopEnd::kFinished ? 0 : 1);
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

const std::vector<std::string> kThreeRewards = {
    "reward", "reward * (params / 130000)^-0.6", "reward * (macs / 1.3e7)^-1"};

TEST(Loop, EachRewardHasItsShareOfTheTrialsAndASearchOfItsOwn) {
  for (const TurnOrder order : {TurnOrder::kInTurns, TurnOrder::kOneAfterAnother}) {
    const auto store = study::make_memory_store();
    const core::StopFlag stop;
    Scenario scenario{.rewards = kThreeRewards};
    scenario.loop.trials = 32;
    scenario.loop.order = order;
    run_once(*store, scenario, stop);
    std::map<int, int> trials;
    std::vector<int> sequence;
    for (const Trial& trial : store->trials()) {
      ++trials[trial.setting];
      sequence.push_back(trial.setting);
    }
    EXPECT_EQ(trials[0], 11);
    EXPECT_EQ(trials[1], 11);
    EXPECT_EQ(trials[2], 10);
    const std::vector<int> first_four(sequence.begin(), sequence.begin() + 4);
    EXPECT_EQ(first_four,
              order == TurnOrder::kInTurns ? std::vector({0, 1, 2, 0}) : std::vector({0, 0, 0, 0}));
    EXPECT_EQ(std::ranges::is_sorted(sequence), order == TurnOrder::kOneAfterAnother);
    std::set<std::string> states;
    for (const char* name : {"search", "search.1", "search.2"}) {
      ASSERT_TRUE(store->state(name).has_value()) << name;
      states.insert(*store->state(name));
    }
    EXPECT_EQ(states.size(), 3U);
    const report::ReportData data = report::load_report_data(*store, "nowhere");
    EXPECT_EQ(data.diagnostics.at("mean_reward").size(), 3U);
  }
}

// The mean of what its search was told about the last trials of a setting.
double last_params(const study::Store& store, int setting) {
  std::vector<double> params;
  for (const Trial& trial : store.trials()) {
    if (trial.setting == setting) params.push_back(trial.costs.at("params"));
  }
  double sum = 0;
  for (std::size_t i = params.size() - 50; i < params.size(); ++i) sum += params[i];
  return sum / 50;
}

TEST(Loop, ARewardForSmallNetworksFindsSmallerOnes) {
  const auto store = study::make_memory_store();
  const core::StopFlag stop;
  Scenario scenario{.rewards = {"reward", "reward * (params / 130000)^-6"}};
  scenario.loop.trials = 260;
  run_once(*store, scenario, stop);
  EXPECT_LT(last_params(*store, 1), last_params(*store, 0) - 5000);
}

TEST(Loop, SeveralSearchesContinueWhereTheyStopped) {
  const core::StopFlag never;
  Scenario scenario{.rewards = kThreeRewards};
  scenario.loop.trials = 30;
  const auto whole = study::make_memory_store();
  run_once(*whole, scenario, never);
  const auto parts = study::make_memory_store();
  for (const std::int64_t trials : {1, 2, 17, 30}) {
    scenario.loop.trials = trials;
    run_once(*parts, scenario, never);
  }
  EXPECT_TRUE(essence(*parts) == essence(*whole));
  EXPECT_EQ(diagnostics(*parts), diagnostics(*whole));
}

TEST(Loop, ARewardThatCannotBeComputedIsNoReward) {
  const auto store = study::make_memory_store();
  const core::StopFlag stop;
  run_once(*store, {.rewards = {"reward * (latency_ms.absent / 5)^-1"}}, stop);
  EXPECT_EQ(store->trials().size(), 40U);
  EXPECT_TRUE(diagnostics(*store).empty());
}

// Of five seeds, how many find the larger hypervolume of reward against parameters than random
// search does with as many trials.
int wins_against_chance(Scenario scenario) {
  int wins = 0;
  scenario.loop.trials = 320;
  const search::SearchMethod judged = scenario.method;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::vector<std::vector<Trial>> both;
    for (const search::SearchMethod method : {judged, search::SearchMethod::kRandom}) {
      const auto store = study::make_memory_store();
      const core::StopFlag stop;
      scenario.method = method;
      scenario.seed = seed;
      run_once(*store, scenario, stop);
      both.push_back(store->trials());
    }
    const auto objectives = objective::objectives_by_name({"reward", "params"});
    std::vector<Trial> all = both[0];
    all.insert(all.end(), both[1].begin(), both[1].end());
    const study::Scale scale = study::scale_of(all, objectives);
    const double found = study::front_of(both[0], {}, objectives, scale).hypervolume;
    const double chance = study::front_of(both[1], {}, objectives, scale).hypervolume;
    wins += found > chance ? 1 : 0;
  }
  return wins;
}

TEST(Loop, SearchesWithSeveralRewardsBeatRandomSearch) {
  EXPECT_GE(wins_against_chance({.rewards = {"reward",
                                             "reward * (params / 140000)^-1",
                                             "reward * (params / 140000)^-3"}}),
            4);
}

TEST(Loop, ASearchForTheWholeFrontBeatsRandomSearch) {
  EXPECT_GE(wins_against_chance({.method = search::SearchMethod::kNsga2}), 4);
}

// Rejects what is too large, as a hard constraint does.
class BoundedEvaluator final : public evaluate::Evaluator {
 public:
  BoundedEvaluator(evaluate::Evaluator& inner, double most_params)
      : inner_(inner), constraint_{"params", true, most_params} {}
  evaluate::Prepared prepare(const space::Tokens& tokens) const override {
    evaluate::Prepared prepared = inner_.prepare(tokens);
    prepared.violation = constraint_.violation_by(prepared.costs.at("params"));
    if (prepared.violation > 0) prepared.rejection = study::Pruned{"before training", "large", {}};
    return prepared;
  }
  evaluate::Evaluation evaluate(study::TrialId trial,
                                const space::Tokens& tokens,
                                const core::StopFlag& stop) override {
    return inner_.evaluate(trial, tokens, stop);
  }
  void replay(const Trial& trial) override { inner_.replay(trial); }

 private:
  evaluate::Evaluator& inner_;
  objective::Constraint constraint_;
};

// A bound that hardly any random genotype meets: evolution is led there by how far it is broken.
TEST(Loop, BrokenConstraintsLeadTheSearchToWhatIsAllowed) {
  const space::CellSpace space;
  core::Rng rng(3);
  evaluate::FakeEvaluator fake(space, space::sample(space, rng), core::Rng(2), {});
  BoundedEvaluator evaluator(fake, 125e3);
  search::SearchOptions options{.method = search::SearchMethod::kNsga2};
  options.nsga2.population = 20;
  std::vector<Setting> settings;
  settings.push_back({{},
                      search::make_search(options, space, core::Rng(4)),
                      objective::objectives_by_name({"reward", "params"})});
  const auto store = study::make_memory_store();
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  run_loop(settings, evaluator, *store, {.trials = 400, .workers = 1}, {log, progress, stop, 1});
  const auto allowed = [&](std::size_t first, std::size_t last) {
    int count = 0;
    for (const Trial& trial : store->trials()) {
      const auto id = static_cast<std::size_t>(trial.id);
      if (id > first && id <= last) count += std::holds_alternative<study::Scored>(*trial.outcome);
    }
    return count;
  };
  EXPECT_LE(allowed(0, 20), 1);
  EXPECT_GE(allowed(300, 400), 40);
}

}  // namespace
}  // namespace parsimony::run
