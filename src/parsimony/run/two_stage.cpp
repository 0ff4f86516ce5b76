// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/two_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "parsimony/bilevel/cell_search.h"
#include "parsimony/bilevel/path_search.h"
#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/differentiable/history.h"
#include "parsimony/evaluate/costs.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/network/device.h"
#include "parsimony/run/candidates.h"
#include "parsimony/run/grid_costs.h"
#include "parsimony/run/preparation.h"
#include "parsimony/run/study_task.h"
#include "parsimony/train/images.h"

namespace parsimony::run {
namespace {

namespace fs = std::filesystem;
using differentiable::NetworkNote;
using differentiable::NetworkOrigin;
using differentiable::SeedHistory;
using differentiable::StudyHistory;
using space::GridGenotype;

constexpr std::string_view kState = "differentiable";

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

class TwoStage {
 public:
  TwoStage(const StudyOptions& options,
           const data::Dataset& dataset,
           const fs::path& folder,
           study::Store& store,
           const core::Context& context)
      : options_(options),
        dataset_(dataset),
        folder_(folder / "search"),
        store_(store),
        context_(context),
        task_(study_task(options, dataset.info())),
        description_(candidate_description(options, task_->channels())),
        design_{options.space.grids, options.grid, options.differentiable},
        costs_(picture_size(dataset), options.cost) {
    if (const std::optional<std::string> state = store.state(kState))
      history_ = differentiable::study_history(*state);
    history_.cost = options.differentiable.cost;
  }

  bool run() {
    for (int k = 0; k < design_.options.seeds; ++k) {
      const std::int64_t seed = options_.seed + k;
      if (!has_all_of(seed) && !search(seed)) return false;
    }
    return true;
  }

 private:
  bool has(std::int64_t seed, double budget) const {
    return std::ranges::any_of(history_.networks, [&](const NetworkNote& note) {
      return note.origin == NetworkOrigin::kSearched && note.seed == seed && note.budget == budget;
    });
  }

  bool has_all_of(std::int64_t seed) const {
    return std::ranges::all_of(design_.options.budgets,
                               [&](double budget) { return has(seed, budget); });
  }

  // Pictures are read where there is something to search: a study that only trains to the end wants
  // the memory for that.
  bilevel::Pictures pictures(std::int64_t seed) const {
    const differentiable::DifferentiableOptions& options = design_.options;
    return bilevel::halved(
        train::load_samples(dataset_, data::Split::kTrain, context_),
        validation_views(train::load_samples(dataset_, data::Split::kVal, context_), options_.data),
        task_,
        options.architecture_share,
        std::max<std::int64_t>(options.cell.batch, options.paths.batch),
        rng(seed).split("halves"));
  }

  static core::Rng rng(std::int64_t seed) { return core::Rng(static_cast<std::uint64_t>(seed)); }

  bool search(std::int64_t seed) {
    const bilevel::Pictures pictures = this->pictures(seed);
    const fs::path folder = folder_ / fmt::format("seed{}", seed);
    fs::create_directories(folder);
    const auto search_of =
        [&](const std::string& name, const fs::path& file, const std::string& task) {
          return bilevel::Search{.design = design_,
                                 .pictures = pictures,
                                 .rng = rng(seed).split(name),
                                 .checkpoint = folder / file,
                                 .context = context_,
                                 .task = fmt::format("seed {}, {}", seed, task),
                                 .network = {.device = network::device_of(context_.device)}};
        };
    SeedHistory& history = history_of(seed);
    const auto cell = bilevel::search_cell(search_of("cell", "cell.safetensors", "cell"));
    if (!cell) return false;
    history.cell = *cell;
    core::write_file_atomic(folder / "cell.json", to_json(*cell));
    store_.commit({.states = {{std::string(kState), to_json(history_)}}});

    const differentiable::GridCosts costs = grid_costs(cell->cell,
                                                       design_.space,
                                                       design_.network,
                                                       description_.classes,
                                                       costs_.picture(),
                                                       design_.options.cost,
                                                       options_.cost.devices);
    for (const double budget : design_.options.budgets) {
      if (has(seed, budget)) continue;
      const double begun = now();
      const std::string name = fmt::format("paths-{}", budget);
      bilevel::PathSearch paths(
          search_of("paths", name + ".safetensors", fmt::format("paths at {}", budget)),
          cell->cell,
          budget,
          costs,
          folder / "paths-warm.safetensors");
      const auto found = paths.run();
      if (!found) return false;
      core::write_file_atomic(folder / (name + ".json"), to_json(*found));
      std::erase_if(history.paths, [&](const auto& old) { return old.budget == budget; });
      history.paths.push_back(*found);
      if (!record(seed, budget, {cell->cell, found->paths}, paths, now() - begun)) return false;
    }
    return true;
  }

  SeedHistory& history_of(std::int64_t seed) {
    for (SeedHistory& history : history_.seeds) {
      if (history.seed == seed) return history;
    }
    history_.seeds.push_back({.seed = seed, .cell = {}, .paths = {}});
    return history_.seeds.back();
  }

  // What was found and what it is compared with, in one transaction: a search that is continued
  // has either all of them or none.
  bool record(std::int64_t seed,
              double budget,
              const GridGenotype& found,
              bilevel::PathSearch& paths,
              double seconds) {
    const differentiable::ComparisonOptions& comparison = design_.options.comparison;
    study::Update update;
    const auto add = [&](NetworkOrigin origin, const GridGenotype& genotype, bool inherits) {
      objective::Scores scores;
      if (inherits) {
        std::optional<objective::Scores> inherited = paths.inherited(genotype.layers);
        if (!inherited) return false;
        scores = std::move(*inherited);
      }
      const study::TrialId id = std::ssize(store_.trials()) + std::ssize(update.trials) + 1;
      study::Trial trial = judged(id, genotype, std::move(scores));
      if (origin == NetworkOrigin::kSearched) trial.seconds = seconds;
      log(trial, origin, seed, budget);
      history_.networks.push_back({id, origin, seed, budget});
      update.trials.push_back(std::move(trial));
      return true;
    };
    core::Rng draws =
        rng(seed).split("random").split(static_cast<std::uint64_t>(std::llround(budget * 1e6)));
    bool complete = add(NetworkOrigin::kSearched, found, true);
    for (int i = 0; complete && i < comparison.random_paths; ++i) {
      complete =
          add(NetworkOrigin::kRandomPaths,
              closest(found,
                      [&] {
                        return GridGenotype{
                            found.cell,
                            space::random_paths(design_.space.layers, design_.space.rules, draws)};
                      }),
              true);
    }
    for (int i = 0; complete && i < comparison.random_cells; ++i) {
      complete =
          add(NetworkOrigin::kRandomCell,
              closest(found,
                      [&] {
                        return GridGenotype{
                            space::random_cell(design_.space.nodes, design_.space.inputs, draws),
                            found.layers};
                      }),
              false);
    }
    if (!complete) {
      std::erase_if(history_.networks, [&](const NetworkNote& note) {
        return note.trial > std::ssize(store_.trials());
      });
      return false;
    }
    update.states[std::string(kState)] = to_json(history_);
    store_.commit(update);
    return true;
  }

  // Of some random networks the one that costs about as much as what was found, and is another.
  GridGenotype closest(const GridGenotype& found, const std::function<GridGenotype()>& draw) const {
    const double wanted = macs(found);
    GridGenotype best = found;
    double distance = std::numeric_limits<double>::infinity();
    for (int i = 0; i < design_.options.comparison.draws; ++i) {
      GridGenotype other = draw();
      if (other == found) continue;
      const double away = std::abs(std::log(macs(other) / wanted));
      if (away < distance) {
        distance = away;
        best = std::move(other);
      }
    }
    return best;
  }

  double macs(const GridGenotype& genotype) const {
    return costs_.of(graph::simplified_network(genotype, description_)).at("macs");
  }

  study::Trial judged(study::TrialId id,
                      const GridGenotype& genotype,
                      objective::Scores scores) const {
    const graph::Graph network = graph::simplified_network(genotype, description_);
    const evaluate::Costs::Assessment assessment = costs_.assess(network);
    study::Trial trial;
    trial.id = id;
    trial.state = study::TrialState::kDone;
    trial.genotype = space::to_text(space::Genotype(genotype));
    trial.canonical_id = graph::canonical_id(network);
    trial.costs = assessment.costs;
    trial.started = now();
    if (assessment.obstacle) {
      trial.outcome = study::Pruned{"after the search", *assessment.obstacle, std::move(scores)};
    } else {
      trial.outcome = study::Scored{std::move(scores)};
    }
    return trial;
  }

  void log(const study::Trial& trial,
           NetworkOrigin origin,
           std::int64_t seed,
           double budget) const {
    const auto quality = study::value_of(trial, std::string(task_->deciding()));
    context_.log.line(
        core::LogLevel::kInfo,
        fmt::format(
            "network {}: {}, seed {}, budget {}: {}{} parameters, {} MACs: {}",
            trial.id,
            differentiable::kNetworkOriginNames[static_cast<std::size_t>(origin)],
            seed,
            budget,
            quality ? task::quality_text(*task_, *quality) + " with the supernet's weights, " : "",
            core::human_count(trial.costs.at("params")),
            core::human_count(trial.costs.at("macs")),
            trial.genotype));
  }

  const StudyOptions& options_;
  const data::Dataset& dataset_;
  const fs::path folder_;
  study::Store& store_;
  const core::Context& context_;
  const std::shared_ptr<const task::Task> task_;
  const graph::NetworkDescription description_;
  const bilevel::Design design_;
  const evaluate::Costs costs_;
  StudyHistory history_;
};

}  // namespace

bool search_grid(const StudyOptions& options,
                 const data::Dataset& dataset,
                 const fs::path& folder,
                 study::Store& store,
                 const core::Context& context) {
  return TwoStage(options, dataset, folder, store, context).run();
}

}  // namespace parsimony::run
