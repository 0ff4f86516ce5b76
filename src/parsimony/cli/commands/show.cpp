// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "parsimony/cli/command.h"
#include "parsimony/cli/study_folder.h"
#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::cli {
namespace {

void print_scores(const char* title, const objective::Scores& scores) {
  fmt::print("{}\n", title);
  for (const auto& [name, value] : scores) fmt::print("  {:<24}{}\n", name, value);
}

}  // namespace

Action declare_show(CLI::App& app) {
  struct Arguments {
    std::string study;
    std::int64_t trial = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("STUDY", arguments->study, "folder of the study")->required();
  app.add_option("TRIAL", arguments->trial, "number of the trial")->required();
  return [arguments](Environment&) {
    const auto store = open_study(arguments->study);
    const auto trials = store->trials();
    const auto found = std::find_if(
        trials.begin(), trials.end(), [&](const auto& t) { return t.id == arguments->trial; });
    if (found == trials.end()) {
      core::throw_user_error("{}: has no trial {}; it has {} trials",
                             arguments->study,
                             arguments->trial,
                             trials.size());
    }
    fmt::print("trial {}: {}\n{}\nnetwork {}",
               found->id,
               found->outcome ? study::kind_of(*found->outcome) : "running",
               found->genotype,
               found->canonical_id);
    fmt::print("{}\n",
               found->same_as ? fmt::format(", equal to that of trial {}", *found->same_as)
                              : std::string());
    if (found->outcome) {
      if (const auto* pruned = std::get_if<study::Pruned>(&*found->outcome)) {
        fmt::print("pruned {}: {}\n", pruned->where, pruned->why);
      } else if (const auto* failed = std::get_if<study::Failed>(&*found->outcome)) {
        fmt::print("failed, {}: {}\n", study::name_of(failed->reason), failed->message);
      }
      if (const objective::Scores* scores = study::scores_of(*found->outcome))
        print_scores("scores", *scores);
    }
    print_scores("costs", found->costs);
    fmt::print("{} of training\n", core::human_duration(found->seconds));
    for (const study::FinalModel& model : store->models()) {
      if (model.trial == found->id)
        print_scores(("final model in " + model.folder).c_str(), model.scores);
    }
    return 0;
  };
}

}  // namespace parsimony::cli
