// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parsimony/study/trial.h"

namespace parsimony::study {

// Lists and maps as the text of one column. Reading back gives equal values, every double to the
// last bit. Reading throws std::invalid_argument for text that is not what writing gives.
std::string scores_to_text(const objective::Scores& scores);
objective::Scores scores_from_text(const std::string& text);

std::string tokens_to_text(const std::vector<int>& tokens);
std::vector<int> tokens_from_text(const std::string& text);

std::string observations_to_text(const std::vector<Observation>& observations);
std::vector<Observation> observations_from_text(const std::string& text);

}  // namespace parsimony::study
