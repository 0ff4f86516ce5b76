// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/trial_rows.h"

#include <fmt/format.h>

#include <stdexcept>

#include "parsimony/study/columns.h"

namespace parsimony::study {
namespace {

constexpr std::string_view kColumns =
    "id, attempt, state, worker, lease_until, genotype, canonical_id, tokens_json, costs_json, "
    "outcome, scores_json, pruned_where, pruned_why, failure_reason, failure_message, "
    "same_as, observations_json, started, seconds, setting";

std::string_view name_of(TrialState state) {
  return state == TrialState::kDone ? "done" : "running";
}

TrialState state_from(const std::string& name) {
  for (const TrialState state : {TrialState::kRunning, TrialState::kDone}) {
    if (name_of(state) == name) return state;
  }
  throw std::invalid_argument("trial state '" + name + "'");
}

FailureReason failure_reason_from(const std::string& name) {
  for (const FailureReason reason : {FailureReason::kDiverged,
                                     FailureReason::kOutOfMemory,
                                     FailureReason::kTimedOut,
                                     FailureReason::kInterrupted,
                                     FailureReason::kError}) {
    if (study::name_of(reason) == name) return reason;
  }
  throw std::invalid_argument("failure reason '" + name + "'");
}

// An outcome as the values of its columns; nullopt where its kind has none.
struct OutcomeColumns {
  std::optional<std::string_view> kind;
  std::optional<std::string> scores;
  std::optional<std::string_view> pruned_where, pruned_why;
  std::optional<std::string_view> failure_reason, failure_message;

  explicit OutcomeColumns(const std::optional<Outcome>& outcome) {
    if (!outcome) return;
    kind = kind_of(*outcome);
    std::visit(*this, *outcome);
  }
  void operator()(const Scored& scored) { scores = scores_to_text(scored.scores); }
  void operator()(const Pruned& pruned) {
    scores = scores_to_text(pruned.scores);
    pruned_where = pruned.where;
    pruned_why = pruned.why;
  }
  void operator()(const Failed& failed) {
    failure_reason = study::name_of(failed.reason);
    failure_message = failed.message;
  }
};

std::optional<Outcome> outcome_of(const Query& row) {
  if (row.is_null(9)) return std::nullopt;
  const std::string kind = row.text(9);
  if (kind == "scored") return Scored{scores_from_text(row.text(10))};
  if (kind == "pruned") return Pruned{row.text(11), row.text(12), scores_from_text(row.text(10))};
  if (kind == "failed") return Failed{failure_reason_from(row.text(13)), row.text(14)};
  throw std::invalid_argument("outcome '" + kind + "'");
}

}  // namespace

std::string save_trial_sql() {
  return fmt::format(
      "REPLACE INTO trials ({}) VALUES "
      "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
      kColumns);
}

void save_trial(Statement& statement, const Trial& trial) {
  const OutcomeColumns outcome(trial.outcome);
  Query(statement,
        trial.id,
        trial.attempt,
        name_of(trial.state),
        trial.worker,
        trial.lease_until,
        trial.genotype,
        trial.canonical_id,
        tokens_to_text(trial.tokens),
        scores_to_text(trial.costs),
        outcome.kind,
        outcome.scores,
        outcome.pruned_where,
        outcome.pruned_why,
        outcome.failure_reason,
        outcome.failure_message,
        trial.same_as,
        observations_to_text(trial.observations),
        trial.started,
        trial.seconds,
        trial.setting)
      .run();
}

std::string all_trials_sql() {
  return fmt::format("SELECT {} FROM trials ORDER BY id", kColumns);
}

Trial trial_of(const Query& row) {
  Trial trial;
  trial.id = row.integer(0);
  trial.attempt = static_cast<int>(row.integer(1));
  trial.state = state_from(row.text(2));
  trial.worker = row.text(3);
  trial.lease_until = row.real(4);
  trial.genotype = row.text(5);
  trial.canonical_id = row.text(6);
  trial.tokens = tokens_from_text(row.text(7));
  trial.costs = scores_from_text(row.text(8));
  trial.outcome = outcome_of(row);
  if (!row.is_null(15)) trial.same_as = row.integer(15);
  trial.observations = observations_from_text(row.text(16));
  trial.started = row.real(17);
  trial.seconds = row.real(18);
  trial.setting = static_cast<int>(row.integer(19));
  return trial;
}

Claim claim_of(const Query& row) {
  return {.state = state_from(row.text(0)),
          .attempt = static_cast<int>(row.integer(1)),
          .worker = row.text(2)};
}

}  // namespace parsimony::study
