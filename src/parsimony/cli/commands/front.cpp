// SPDX-License-Identifier: Apache-2.0
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
    std::vector<objective::Objective> objectives;
    for (const std::string& name : names) objectives.push_back(objective::objective_by_name(name));
    const study::Front front = study::front_of(store->trials(), store->models(), objectives);
    if (arguments->json) {
      fmt::print("{}\n", study::front_json(front));
      return 0;
    }
    fmt::print("{:>6}", "trial");
    for (const std::string& name : names) fmt::print("{:>14}", name);
    fmt::print("  {:>10}  genotype\n", "final mIoU");
    for (const study::FrontTrial& trial : front.trials) {
      fmt::print("{:>6}", trial.id);
      for (const std::string& name : names) {
        const auto score = trial.scores.find(name);
        const double value = score != trial.scores.end() ? score->second : trial.costs.at(name);
        fmt::print("{:>14}", core::human_count(value));
      }
      const bool done = trial.final_model && trial.final_model->scores.contains("miou");
      fmt::print("  {:>10}  {}\n",
                 done ? fmt::format("{:.2f} %", 100 * trial.final_model->scores.at("miou")) : "-",
                 trial.genotype);
    }
    fmt::print(
        "hypervolume {:.4f} of the box between the best and the worst value of each objective\n",
        front.hypervolume);
    return 0;
  };
}

}  // namespace parsimony::cli
