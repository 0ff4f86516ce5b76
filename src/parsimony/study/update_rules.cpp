// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/update_rules.h"

#include <cmath>
#include <set>

#include "parsimony/core/error.h"

namespace parsimony::study {
namespace {

void require_finite(double value, TrialId trial, std::string_view what) {
  core::require(
      std::isfinite(value), "trial {}: '{}' is {}, expected a finite number", trial, what, value);
}

void require_finite(const objective::Scores& scores, TrialId trial) {
  for (const auto& [name, value] : scores) require_finite(value, trial, name);
}

void require_finite(const Outcome& outcome, TrialId trial) {
  if (const objective::Scores* scores = scores_of(outcome)) require_finite(*scores, trial);
}

void require_valid(const Trial& trial) {
  core::require(trial.id >= 1, "trial {}: ids start at 1", trial.id);
  core::require(
      trial.attempt >= 1, "trial {}: attempt {}, they start at 1", trial.id, trial.attempt);
  const bool done = trial.state == TrialState::kDone;
  core::require(done == trial.outcome.has_value(),
                "trial {}: {} outcome",
                trial.id,
                done ? "done without an" : "running with an");
  core::require(!std::isnan(trial.lease_until), "trial {}: 'lease_until' is NaN", trial.id);
  require_finite(trial.started, trial.id, "started");
  require_finite(trial.seconds, trial.id, "seconds");
  require_finite(trial.costs, trial.id);
  if (trial.outcome) require_finite(*trial.outcome, trial.id);
  for (const Observation& observation : trial.observations) {
    require_finite(observation.value, trial.id, "observations.value");
    require_finite(observation.draw, trial.id, "observations.draw");
  }
}

}  // namespace

void require_valid(const Update& update) {
  std::set<TrialId> ids;
  for (const Trial& trial : update.trials) {
    require_valid(trial);
    core::require(ids.insert(trial.id).second, "trial {} stands twice in one update", trial.id);
  }
  for (const FinalModel& model : update.models) {
    require_finite(model.seconds, model.trial, "final model: seconds");
    require_finite(model.scores, model.trial);
  }
  for (const Event& event : update.events) {
    core::require(std::isfinite(event.time), "event '{}': time is {}", event.kind, event.time);
  }
}

bool may_replace(const Claim& claim, const Trial& trial) {
  if (claim.state == TrialState::kDone) return false;
  if (trial.attempt == claim.attempt) return trial.worker == claim.worker;
  return trial.attempt == claim.attempt + 1;
}

}  // namespace parsimony::study
