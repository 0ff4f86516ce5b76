// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parsimony/objective/objective.h"
#include "parsimony/study/trial.h"

namespace parsimony::study {

// What somebody who looks at a study should be told and would not see in its counts, a sentence
// each: constraints that (nearly) nothing meets, objectives that tell nothing apart, candidates
// that keep failing. Empty when there is nothing to say.
std::vector<std::string> remarks_on(const std::vector<Trial>& trials,
                                    const std::vector<objective::Objective>& objectives);

}  // namespace parsimony::study
