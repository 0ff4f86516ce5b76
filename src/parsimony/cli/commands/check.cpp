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
    bool strict = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("DATASET", arguments->dataset, "folder of the data set")->required();
  app.add_flag("--json", arguments->json, "for programs");
  app.add_flag("--strict",
               arguments->strict,
               "fail on every warning, also on pictures that are in the set twice");
  return [arguments](Environment& environment) {
    data::CheckReport report = data::check_dataset(arguments->dataset, environment.context);
    report.strict = arguments->strict;
    fmt::print("{}\n", arguments->json ? data::to_json(report).dump() : data::to_text(report));
    if (report.interrupted) return kInterrupted;
    return report.ok() ? kDone : kFindings;
  };
}

}  // namespace parsimony::cli
