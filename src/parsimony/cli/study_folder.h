// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "parsimony/objective/scalarization.h"
#include "parsimony/study/store.h"

namespace parsimony::cli {

// The store of an existing study folder; a user error says what is missing.
std::unique_ptr<study::Store> open_study(const std::string& folder);

// What the study was run with.
std::vector<std::string> study_objectives(const study::Store& store);
std::vector<objective::Scalarization> study_rewards(const study::Store& store);

}  // namespace parsimony::cli
