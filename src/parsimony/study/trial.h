// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "parsimony/objective/objective.h"

namespace parsimony::study {

using TrialId = std::int64_t;  // 1, 2, 3, ... in the order in which the search asked

// The candidate was trained and measured as planned.
struct Scored {
  objective::Scores scores;
  bool operator==(const Scored&) const = default;
};

// The candidate was ended on purpose. With scores, they are what it had reached and the search
// learns from them; without, it was rejected before any training and the search learns only that it
// is invalid.
struct Pruned {
  std::string where;  // "before training", "stage 0"
  std::string why;
  objective::Scores scores;
  bool operator==(const Pruned&) const = default;
};

enum class FailureReason { kDiverged, kOutOfMemory, kTimedOut, kInterrupted, kError };
std::string_view name_of(FailureReason reason);  // "diverged", "out of memory", ...

// The candidate could not be measured. Never a score.
struct Failed {
  FailureReason reason = FailureReason::kError;
  std::string message;
  bool operator==(const Failed&) const = default;
};

using Outcome = std::variant<Scored, Pruned, Failed>;

// "scored", "pruned" or "failed".
std::string_view kind_of(const Outcome& outcome);
// The scores that a search may learn from; nullptr for failures and rejections.
const objective::Scores* scores_of(const Outcome& outcome);

// A validation within a candidate's training and what early termination made of it.
struct Observation {
  int stage = 0;
  int validation = 0;  // index within the stage
  double value = 0;    // reward
  double draw = 0;     // uniform random number the rule was given
  bool continued = true;
  bool operator==(const Observation&) const = default;
};

// Beside a measured cost "latency_ms.METER": 1 where a model of the device stood in for a
// measurement.
inline constexpr std::string_view kEstimatedOn = "latency_estimated.";

enum class TrialState { kRunning, kDone };

// One candidate of a study, from the moment it is claimed. A result is accepted only for the
// attempt that holds the claim, so a worker that was given up for dead cannot overwrite its
// successor's result.
struct Trial {
  TrialId id = 0;
  int attempt = 1;
  int setting = 0;  // which of the study's reward settings its search maximises
  TrialState state = TrialState::kRunning;
  std::string worker;        // who holds the claim
  double lease_until = 0;    // seconds since the epoch; after that the claim may be taken over
  std::string genotype;      // text form
  std::string canonical_id;  // equal for genotypes that compute the same network
  std::vector<int> tokens;   // as the search proposed it
  objective::Scores costs;   // "params", "macs", ...: known before training
  std::optional<Outcome> outcome;  // set when done
  // The trial with the same canonical network whose outcome was taken over.
  std::optional<TrialId> same_as;
  std::vector<Observation> observations;
  double started = 0;  // seconds since the epoch
  double seconds = 0;  // wall time spent on it
  bool operator==(const Trial&) const = default;
};

// A score the trial was given, else a cost; nothing when it has none or it is not finite. Scores of
// pruned trials count: callers that must not use them ask for the kind of outcome.
std::optional<double> value_of(const Trial& trial, std::string_view name);

// A scored trial as a point; nothing for others, or where an objective is not known. What was
// measured in its evaluation is believed over what was computed before.
std::optional<objective::Point> point_of(const Trial& trial,
                                         const std::vector<objective::Objective>& objectives);

// Something worth remembering that is not a trial: "started", "resumed", "finished", "warning".
struct Event {
  std::int64_t index = 0;  // given by the store: 1, 2, 3, ...
  double time = 0;         // seconds since the epoch
  std::string kind;
  std::string text;
  bool operator==(const Event&) const = default;
};

// A network that was trained to the end, exported and measured after the search.
struct FinalModel {
  TrialId trial = 0;
  std::string folder;        // relative to the study: "models/17"
  objective::Scores scores;  // on the test split, and of the export
  double seconds = 0;
  bool operator==(const FinalModel&) const = default;
};

}  // namespace parsimony::study
