// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/study/trial.h"

namespace parsimony::run {

// Which candidates deserve to be trained to the end.
enum class FinalistRule {
  // The best by reward first, then the rest of the front spread evenly from its good to its cheap
  // end.
  kSpread,
  // The knee of the front, its best in each objective, then always the one that adds most to the
  // hypervolume of those chosen: the rule of FMAS (spec fmas 1.4.8).
  kHypervolume,
};
inline constexpr std::array<std::string_view, 2> kFinalistRuleNames = {"spread", "hypervolume"};

// At most `count` trials, the most deserving first; the front is that of the objectives named.
std::vector<study::Trial> choose_finalists(const std::vector<study::Trial>& trials,
                                           const std::vector<std::string>& objectives,
                                           int count,
                                           FinalistRule rule = FinalistRule::kSpread);

}  // namespace parsimony::run
