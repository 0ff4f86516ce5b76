// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/study_folder.h"

#include <filesystem>

#include "parsimony/core/error.h"
#include "parsimony/run/study_options.h"

namespace parsimony::cli {

namespace {

run::StudyOptions options_of(const study::Store& store) {
  run::StudyOptions options;
  if (const auto yaml = store.state("study.yaml"))
    core::Config::from_text(*yaml, "study.yaml").read_into(options);
  return options;
}

}  // namespace

std::unique_ptr<study::Store> open_study(const std::string& folder) {
  const std::filesystem::path file = std::filesystem::path(folder) / "study.db";
  if (!std::filesystem::exists(file)) {
    core::throw_user_error(
        "{}: holds no study (no study.db); expected a folder that 'parsimony search' made", folder);
  }
  return study::open_sqlite_store(file);
}

std::vector<std::string> study_objectives(const study::Store& store) {
  return options_of(store).objectives;
}

std::vector<objective::Scalarization> study_rewards(const study::Store& store) {
  return run::parse_rewards(options_of(store));
}

}  // namespace parsimony::cli
