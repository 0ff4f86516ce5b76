// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "parsimony/study/summary.h"

namespace parsimony::study {

// The answers of `front --json` and `status --json`, on one line. Other programs read them: names
// may be added, never changed. Whole numbers are written without a fraction.

// {"objectives":[{"name","direction","unit"}],"hypervolume":..,
//  "trials":[{"id","genotype","scores":{NAME:VALUE},"costs":{NAME:VALUE},
//             "final":{"folder","scores":{NAME:VALUE},"seconds"}|null}]}
std::string front_json(const Front& front);

// {"trials":..,"running":..,"outcomes":{"scored","pruned","failed"},"failures":{REASON:COUNT},
//  "duplicates":..,"measured":..,
//  "best":{"id","genotype","reward","scores":{NAME:VALUE},"costs":{NAME:VALUE}}|null,
//  "final_models":..,"elapsed_seconds":..,"search_seconds":..,"compute_seconds":..,
//  "candidates_per_hour":..,
//  "settings":[{"reward","trials","scored","best":{"id","reward"}|null}],"remarks":[..]}
std::string status_json(const StudySummary& summary,
                        const std::vector<SettingSummary>& settings,
                        const std::vector<std::string>& remarks);

}  // namespace parsimony::study
