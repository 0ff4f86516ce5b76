// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/command.h"
#include "parsimony/cli/study_folder.h"
#include "parsimony/core/text.h"
#include "parsimony/study/summary_json.h"

namespace parsimony::cli {

Action declare_status(CLI::App& app) {
  struct Arguments {
    std::string study;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("STUDY", arguments->study, "folder of the study")->required();
  app.add_flag("--json", arguments->json, "for programs");
  return [arguments](Environment&) {
    const auto store = open_study(arguments->study);
    const study::StudySummary summary =
        study::summarize(store->trials(), store->models(), store->events(0));
    if (arguments->json) {
      fmt::print("{}\n", study::status_json(summary));
      return 0;
    }
    fmt::print(
        "{} trials: {} scored, {} pruned, {} failed, {} running; {} taken over from equal networks\n",
        summary.trials,
        summary.scored,
        summary.pruned,
        summary.failed,
        summary.running,
        summary.duplicates);
    for (const auto& [reason, count] : summary.failures)
      fmt::print("  failed, {}: {}\n", study::name_of(reason), count);
    if (summary.best) {
      const objective::Scores& scores = *study::scores_of(*summary.best->outcome);
      fmt::print("best: trial {} with reward {:.4f}, {} parameters\n      {}\n",
                 summary.best->id,
                 scores.at("reward"),
                 core::human_count(summary.best->costs.at("params")),
                 summary.best->genotype);
    }
    fmt::print("{} of search, {:.1f} candidates per hour; {} final models\n",
               core::human_duration(summary.search_seconds),
               summary.candidates_per_hour,
               summary.final_models);
    return 0;
  };
}

}  // namespace parsimony::cli
