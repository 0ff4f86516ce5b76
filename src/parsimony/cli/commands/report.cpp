// SPDX-License-Identifier: Apache-2.0
#include "parsimony/report/report.h"

#include "parsimony/cli/command.h"

namespace parsimony::cli {

Action declare_report(CLI::App& app) {
  auto folder = std::make_shared<std::string>();
  app.add_option("STUDY", *folder, "folder of the study")->required();
  return [folder](Environment&) {
    fmt::print("{}\n", report::write_report(*folder).string());
    return 0;
  };
}

}  // namespace parsimony::cli
