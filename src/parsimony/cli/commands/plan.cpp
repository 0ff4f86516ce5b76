// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/plan.h"

#include <algorithm>

#include "parsimony/cli/command.h"
#include "parsimony/core/text.h"
#include "parsimony/run/finalise.h"

namespace parsimony::cli {
namespace {

void print_final(std::int64_t networks,
                 const run::StudyOptions& options,
                 const run::Plan& plan,
                 const core::Context& context) {
  if (plan.final_seconds == 0) return;
  fmt::print("                {} behind it to train {} final network{}, {} at once\n",
             core::human_duration(plan.final_seconds),
             networks,
             networks == 1 ? "" : "s",
             run::trainings_at_once(options.final, networks, context));
}

void print_two_stage(const run::StudyOptions& options,
                     const run::Plan& plan,
                     const core::Context& context) {
  const differentiable::DifferentiableOptions& search = options.differentiable;
  fmt::print(
      "search          {} seed{}: a cell in {} epochs, then paths for {} budget{} in {} epochs\n",
      search.seeds,
      search.seeds == 1 ? "" : "s",
      search.cell.epochs,
      search.budgets.size(),
      search.budgets.size() == 1 ? "" : "s",
      search.paths.epochs);
  fmt::print("memory          {} of tensors in a step at batch {}\n",
             core::human_bytes(plan.memory_bytes),
             std::max(search.cell.batch, search.paths.batch));
  fmt::print("work            {} MACs for a network of median size\n",
             core::human_count(plan.candidate_macs));
  fmt::print(
      "time            {} for the cell and {} for the paths of a seed, {} for the search: "
      "from a measured step of each\n",
      core::human_duration(plan.two_stage->cell_seconds),
      core::human_duration(plan.two_stage->path_seconds),
      core::human_duration(plan.search_seconds));
  print_final(plan.two_stage->networks, options, plan, context);
}

void print_trials(const run::StudyOptions& options,
                  const run::Plan& plan,
                  const core::Context& context) {
  fmt::print("candidates      {} by {}, {} at once\n",
             options.budget.trials,
             search::kSearchMethodNames[static_cast<std::size_t>(options.search.method)],
             plan.workers);
  fmt::print("{:<16}{}{}\n",
             options.searches_supernet() ? "shared values" : "feature cache",
             core::human_bytes(plan.cache_bytes),
             plan.cache_in_file ? fmt::format(", in a file: more than cache.memory_gib = {}",
                                              options.cache.memory_gib)
                                : " in memory");
  fmt::print("memory          {} of tensors in the search, {} candidates of median size at once\n",
             core::human_bytes(plan.memory_bytes),
             plan.workers);
  fmt::print("work            {} MACs for a candidate of median size\n",
             core::human_count(plan.candidate_macs));
  fmt::print("time            {} per candidate, {} for the search: {}\n",
             core::human_duration(plan.candidate_seconds),
             core::human_duration(plan.search_seconds),
             options.searches_supernet()
                 ? "from a measured forward pass; what candidates share makes it less"
                 : fmt::format("from {} measured training steps of a candidate of that size",
                               plan.measured_steps));
  if (options.random_baseline)
    fmt::print("                and as much again for the random baseline\n");
  if (plan.preparation_seconds > 0) {
    fmt::print("                {} before it to train the {}\n",
               core::human_duration(plan.preparation_seconds),
               options.searches_supernet() ? "supernet" : "start network");
  }
  print_final(options.final.count, options, plan, context);
}

}  // namespace

Action declare_plan(CLI::App& app) {
  struct Arguments {
    std::string study;
    std::vector<std::string> settings;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("STUDY", arguments->study, "study file (YAML)")->required();
  app.add_option("--set", arguments->settings, "NAME=VALUE overrides the study file")
      ->allow_extra_args(false);
  return [arguments](Environment& environment) {
    const run::StudyOptions options = run::read_study(arguments->study, arguments->settings);
    const run::Plan plan = run::plan_study(options, environment.context);
    fmt::print("data            {}: {} training, {} validation, {} test pictures, {} classes\n",
               plan.dataset,
               plan.train,
               plan.val,
               plan.test,
               plan.classes);
    fmt::print("space           {} decisions, {:.3g} genotypes\n", plan.decisions, plan.space_size);
    fmt::print("costs           of {} random candidates, smallest to largest\n", plan.sampled);
    for (const auto& [name, range] : plan.costs) {
      fmt::print("                  {:<24}{:>10} .. {}\n",
                 name,
                 core::human_count(range.first),
                 core::human_count(range.second));
    }
    if (!options.cost.constraints.empty()) {
      fmt::print("constraints     {:.0f} % of them keep {}{}\n",
                 100 * plan.allowed_share,
                 core::join(options.cost.constraints, ", "),
                 plan.allowed_share == 0 ? ": hardly any candidate would be trained" : "");
    }
    plan.two_stage ? print_two_stage(options, plan, environment.context)
                   : print_trials(options, plan, environment.context);
    return 0;
  };
}

}  // namespace parsimony::cli
