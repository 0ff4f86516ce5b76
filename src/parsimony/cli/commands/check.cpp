// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/check.h"

#include <nlohmann/json.hpp>

#include "parsimony/cli/application.h"
#include "parsimony/cli/command.h"

namespace parsimony::cli {

Action declare_check(CLI::App& app) {
  struct Arguments {
    std::string dataset;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("DATASET", arguments->dataset, "folder of the data set")->required();
  app.add_flag("--json", arguments->json, "for programs");
  return [arguments](Environment& environment) {
    const data::CheckReport report = data::check_dataset(arguments->dataset, environment.context);
    fmt::print("{}\n", arguments->json ? data::to_json(report).dump() : data::to_text(report));
    if (report.interrupted) return kInterrupted;
    return report.ok() ? kDone : kFindings;
  };
}

}  // namespace parsimony::cli
