// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "parsimony/study/sqlite.h"
#include "parsimony/study/update_rules.h"

namespace parsimony::study {

// Trials as rows of the table "trials". Reading throws std::invalid_argument for a row that writing
// cannot have left.

std::string save_trial_sql();
void save_trial(Statement& statement, const Trial& trial);

std::string all_trials_sql();  // by id
Trial trial_of(const Query& row);

inline constexpr std::string_view kClaimSql =
    "SELECT state, attempt, worker FROM trials WHERE id = ?1";
Claim claim_of(const Query& row);

}  // namespace parsimony::study
