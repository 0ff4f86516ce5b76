// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "parsimony/cli/command.h"
#include "parsimony/cli/study_folder.h"
#include "parsimony/core/text.h"
#include "parsimony/study/summary_json.h"

namespace parsimony::cli {

Action declare_front(CLI::App& app) {
  struct Arguments {
    std::string study;
    std::vector<std::string> objectives;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("STUDY", arguments->study, "folder of the study")->required();
  app.add_option("--objectives",
                 arguments->objectives,
                 "other objectives than the study's, for example miou,macs")
      ->delimiter(',');
  app.add_flag("--json", arguments->json, "for programs");
  return [arguments](Environment&) {
    const auto store = open_study(arguments->study);
    const auto names =
        arguments->objectives.empty() ? study_objectives(*store) : arguments->objectives;
    const study::Front front =
        study::front_of(store->trials(), store->models(), objective::objectives_by_name(names));
    if (arguments->json) {
      fmt::print("{}\n", study::front_json(front));
      return 0;
    }
    // What networks that were trained to the end, often wider, reach and cost.
    const auto of_final = [](const study::FrontTrial& trial, const char* name) {
      if (!trial.final_model) return std::optional<double>();
      const auto found = trial.final_model->scores.find(name);
      return found == trial.final_model->scores.end() ? std::optional<double>()
                                                      : std::optional(found->second);
    };
    const auto width = [](const std::string& name) {
      return std::max<std::size_t>(14, name.size() + 2);
    };
    fmt::print("{:>6}", "trial");
    for (const std::string& name : names) fmt::print("{:>{}}", name, width(name));
    fmt::print("  {:>38}  {:>12}  genotype\n", "trained to the end", "final params");
    for (const study::FrontTrial& trial : front.trials) {
      fmt::print("{:>6}", trial.id);
      for (const std::string& name : names) {
        const auto score = trial.scores.find(name);
        const double value = score != trial.scores.end() ? score->second : trial.costs.at(name);
        fmt::print("{:>{}}", core::human_count(value), width(name));
      }
      const auto params = of_final(trial, "params");
      fmt::print("  {:>38}  {:>12}  {}\n",
                 trial.final_model ? objective::headline(trial.final_model->scores) : "-",
                 params ? core::human_count(*params) : "-",
                 trial.genotype);
    }
    fmt::print(
        "hypervolume {:.4f} of the box between the best and the worst value of each objective\n",
        front.hypervolume);
    return 0;
  };
}

}  // namespace parsimony::cli
