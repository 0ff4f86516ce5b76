// SPDX-License-Identifier: Apache-2.0
// How many candidates of a supernet an hour are measured when each is on its own, and when
// candidates that begin alike share what their stages compute: the same NSGA-II over DeepLabV3+ on
// MobileNet-v2 with random weights and synthetic portraits, once for each amount of memory, in one
// run on one thread. Scores are the same in every bit, and so are the candidates.
//
//   prefix_sharing [--candidates 300] [--population 20] [--memory-gib 0 4]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/data/synth.h"
#include "parsimony/evaluate/subsample_and_measure.h"
#include "parsimony/graph/deeplab.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/network/threads.h"
#include "parsimony/search/table.h"
#include "parsimony/train/images.h"

namespace {

using namespace parsimony;

struct Setting {
  int candidates = 300;
  int population = 20;
  std::int64_t validation = 16;
  std::int64_t calibration = 8;
  std::int64_t side = 96;
  std::int64_t batch = 8;
  std::vector<double> memory_gib = {0, 4};
  int siblings = 5;
};

std::vector<data::Sample> portraits(const Setting& setting, std::int64_t count, core::Rng rng) {
  data::SynthOptions synth;
  synth.width = synth.height = setting.side;
  std::vector<data::Sample> samples(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i)
    samples[static_cast<std::size_t>(i)] =
        data::synth_portrait(synth, rng.split(static_cast<std::uint64_t>(i)));
  return samples;
}

evaluate::SubsampleData make_data(const Setting& setting, const graph::Supernet& supernet) {
  evaluate::SubsampleData data;
  data.classes = data::kPartCount;
  data.costs = evaluate::Costs({setting.side, setting.side});
  data.pictures.calibration =
      evaluate::batches_of(portraits(setting, setting.calibration, core::Rng(1)), setting.batch);
  data.pictures.validation =
      evaluate::batches_of(portraits(setting, setting.validation, core::Rng(2)), setting.batch);
  network::Network network(supernet.graph, core::Rng(3), {});
  train::recalibrate(network, {{train::to_batch(data.pictures.calibration[0]).pictures}});
  data.weights = network.save();
  return data;
}

struct Run {
  double seconds = 0;
  evaluate::StagedNetworks::Usage usage;
  std::vector<double> mious;
};

Run run_search(const Setting& setting,
               const supernet::SupernetSpace& space,
               const evaluate::SubsampleData& data,
               double memory_gib) {
  evaluate::SubsampleAndMeasure evaluator(
      space, data, {.abandon = 0, .memory_gib = memory_gib}, {}, {"macs"});
  search::SearchOptions method;
  method.method = search::SearchMethod::kNsga2;
  method.nsga2.population = setting.population;
  method.nsga2.siblings = setting.siblings;
  const auto nsga2 = search::make_search(method, space, core::Rng(4));
  const core::StopFlag stop;
  std::map<std::string, objective::Point> measured;
  Run run;
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t trial = 1; std::ssize(measured) < setting.candidates; ++trial) {
    const space::Tokens tokens = nsga2->ask(trial);
    const evaluate::Prepared prepared = evaluator.prepare(tokens);
    objective::Point& point = measured[prepared.canonical_id];
    if (point.empty()) {
      const evaluate::Evaluation evaluation = evaluator.evaluate(trial, tokens, stop);
      const objective::Scores* scores = study::scores_of(evaluation.outcome);
      core::require(scores != nullptr, "a candidate failed");
      run.mious.push_back(scores->at("miou"));
      point = {-run.mious.back(), prepared.costs.at("macs")};
    }
    nsga2->tell({.trial = trial, .tokens = tokens, .point = point});
  }
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  run.usage = evaluator.usage();
  return run;
}

}  // namespace

int main(int argc, char** argv) {
  Setting setting;
  CLI::App app("Candidates of a supernet per hour, alone and sharing how they begin.");
  app.add_option("--candidates", setting.candidates, "different ones")->capture_default_str();
  app.add_option("--population", setting.population, "of NSGA-II")->capture_default_str();
  app.add_option("--validation", setting.validation, "validation pictures")->capture_default_str();
  app.add_option("--calibration", setting.calibration, "training pictures for batch norms")
      ->capture_default_str();
  app.add_option("--side", setting.side, "of a picture, pixels")->capture_default_str();
  app.add_option("--batch", setting.batch, "pictures at once")->capture_default_str();
  app.add_option("--memory-gib", setting.memory_gib, "for what is shared, one run each")
      ->capture_default_str();
  app.add_option("--siblings", setting.siblings, "of NSGA-II")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  network::keep_tensor_memory();
  network::set_threads(1);
  const supernet::SupernetSpace space(graph::deeplab_supernet({}, data::kPartCount));
  const evaluate::SubsampleData data = make_data(setting, space.supernet());
  fmt::print("{:>8}{:>14}{:>8}{:>14}{:>8}{:>10}{:>12}\n",
             "GiB",
             "candidates/h",
             "times",
             "GMAC/cand.",
             "saved",
             "kept GiB",
             "equal");
  std::vector<Run> runs;
  for (const double memory_gib : setting.memory_gib) {
    runs.push_back(run_search(setting, space, data, memory_gib));
    const Run& run = runs.back();
    fmt::print("{:>8}{:>14.0f}{:>8.2f}{:>14.2f}{:>8.2f}{:>10.2f}{:>12}\n",
               memory_gib,
               3600 * setting.candidates / run.seconds,
               runs[0].seconds / run.seconds,
               run.usage.computed_macs / 1e9 / setting.candidates,
               run.usage.macs / run.usage.computed_macs,
               run.usage.kept_bytes / (1024.0 * 1024 * 1024),
               run.mious == runs[0].mious ? "yes" : "NO");
  }
  return 0;
}
