// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/study/store.h"

namespace parsimony::study {

// The rules of Store::commit, shared by every implementation.

// An internal error when the update holds what must never be stored.
void require_valid(const Update& update);

// What the attempt rule needs to know of a stored trial.
struct Claim {
  TrialState state = TrialState::kRunning;
  int attempt = 1;
  std::string worker;
};

// True when `trial` may replace the stored trial that holds `claim`.
bool may_replace(const Claim& claim, const Trial& trial);

}  // namespace parsimony::study
