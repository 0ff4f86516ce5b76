// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "parsimony/study/trial.h"

namespace parsimony::study {

// Trials for tests.

inline Trial running_trial(TrialId id, const std::string& worker = "w", int attempt = 1) {
  Trial trial;
  trial.id = id;
  trial.attempt = attempt;
  trial.worker = worker;
  return trial;
}

inline Trial done_trial(TrialId id,
                        Outcome outcome,
                        const std::string& worker = "w",
                        int attempt = 1) {
  Trial trial = running_trial(id, worker, attempt);
  trial.state = TrialState::kDone;
  trial.outcome = std::move(outcome);
  return trial;
}

}  // namespace parsimony::study
