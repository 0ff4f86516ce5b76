// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/application.h"
#include "parsimony/cli/command.h"
#include "parsimony/run/study_run.h"

namespace parsimony::cli {

Action declare_search(CLI::App& app) {
  struct Arguments {
    std::string study, folder;
    std::vector<std::string> settings;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("STUDY", arguments->study, "study file (YAML); see configs/")->required();
  app.add_option("--set",
                 arguments->settings,
                 "NAME=VALUE overrides the study file, for example budget.trials=200")
      ->allow_extra_args(false);
  app.add_option("--out", arguments->folder, "folder of the study (default: runs/NAME)");
  return [arguments](Environment& environment) {
    const run::StudyOptions options = run::read_study(arguments->study, arguments->settings);
    const std::string folder =
        arguments->folder.empty() ? "runs/" + options.name : arguments->folder;
    const run::StudyEnd end =
        run::run_study(options, folder, environment.command_line, environment.context);
    if (end == run::StudyEnd::kFinished) {
      fmt::print("finished: {0}\nreport:   {0}/report.html\n", folder);
      if (options.final.count > 0) fmt::print("models:   {}/models\n", folder);
      return kDone;
    }
    fmt::print("{}: everything is saved in {}; the same command continues\n",
               end == run::StudyEnd::kInterrupted ? "interrupted" : "out of time",
               folder);
    return kSaved;
  };
}

}  // namespace parsimony::cli
