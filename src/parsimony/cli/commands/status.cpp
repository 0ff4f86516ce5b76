// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/command.h"
#include "parsimony/cli/study_folder.h"
#include "parsimony/core/text.h"
#include "parsimony/study/remarks.h"
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
    const std::vector<study::Trial> trials = store->trials();
    const study::StudySummary summary = study::summarize(trials, store->models(), store->events(0));
    const auto settings = study::summarize_settings(trials, study_rewards(*store));
    const auto remarks =
        study::remarks_on(trials, objective::objectives_by_name(study_objectives(*store)));
    if (arguments->json) {
      fmt::print("{}\n", study::status_json(summary, settings, remarks));
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
    if (settings.size() > 1) {
      for (const study::SettingSummary& setting : settings) {
        fmt::print("reward {}: {} trials, {} scored{}\n",
                   setting.reward,
                   setting.trials,
                   setting.scored,
                   setting.best
                       ? fmt::format(
                             ", best {:.4f} of trial {}", setting.best->reward, setting.best->trial)
                       : "");
      }
    }
    fmt::print("{} of search, {:.1f} candidates per hour; {} final models\n",
               core::human_duration(summary.search_seconds),
               summary.candidates_per_hour,
               summary.final_models);
    for (const std::string& remark : remarks) fmt::print("note: {}\n", remark);
    return 0;
  };
}

}  // namespace parsimony::cli
