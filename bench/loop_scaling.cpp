// SPDX-License-Identifier: Apache-2.0
// How well the one loop keeps many workers busy with candidates that differ 20 times in cost: the
// share of the workers' time that is spent inside evaluations, with the LSTM controller asking and
// SQLite recording. Evaluations sleep, so that a small machine can stand for a large one.
//
//   loop_scaling [--candidate 0.2] [--most 64]
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "parsimony/core/files.h"
#include "parsimony/evaluate/fake.h"
#include "parsimony/run/loop.h"
#include "parsimony/search/table.h"
#include "parsimony/space/cell.h"

int main(int argc, char** argv) {
  using namespace parsimony;
  double shortest = 0.2;
  int most = 64;
  CLI::App app("The share of time that the workers of a search spend on candidates.");
  app.add_option("--candidate", shortest, "seconds of the cheapest candidate")
      ->capture_default_str();
  app.add_option("--most", most, "largest number of workers")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const space::CellSpace space;
  core::SilentLog log;
  core::SilentProgress progress;
  const core::StopFlag stop;
  fmt::print("{:>8}{:>12}{:>12}{:>14}{:>10}\n",
             "workers",
             "candidates",
             "seconds",
             "candidates/h",
             "busy");
  for (int workers = 1; workers <= most; workers *= 4) {
    core::Rng rng(1);
    const space::Tokens optimum = space::sample(space, rng);
    evaluate::FakeEvaluator evaluator(
        space,
        optimum,
        rng,
        {.delay = std::chrono::microseconds(static_cast<std::int64_t>(1e6 * shortest)),
         .delay_spread = 20});
    search::SearchOptions method;
    method.method = search::SearchMethod::kPpo;
    std::vector<run::Setting> settings(1);
    settings[0].search = search::make_search(method, space, rng.split("search"));
    const core::TemporaryFolder folder;
    const auto store = study::open_sqlite_store(folder.path() / "study.db");
    run::LoopOptions options;
    options.trials = 12 * workers;
    options.workers = workers;
    const auto start = std::chrono::steady_clock::now();
    run::run_loop(settings, evaluator, *store, options, {log, progress, stop, 1});
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    double busy = 0;
    for (const study::Trial& trial : store->trials()) busy += trial.seconds;
    fmt::print("{:>8}{:>12}{:>12.1f}{:>14.0f}{:>9.0f}%\n",
               workers,
               options.trials,
               seconds,
               3600.0 * static_cast<double>(options.trials) / seconds,
               100 * busy / seconds / workers);
  }
  return 0;
}
