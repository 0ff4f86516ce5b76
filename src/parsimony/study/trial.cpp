// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/trial.h"

#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::study {

std::string_view name_of(FailureReason reason) {
  switch (reason) {
    case FailureReason::kDiverged:
      return "diverged";
    case FailureReason::kOutOfMemory:
      return "out of memory";
    case FailureReason::kTimedOut:
      return "timed out";
    case FailureReason::kInterrupted:
      return "interrupted";
    case FailureReason::kError:
      return "error";
  }
  core::throw_internal_error("no failure reason has the number {}", static_cast<int>(reason));
}

std::string_view kind_of(const Outcome& outcome) {
  struct Kind {
    std::string_view operator()(const Scored&) const { return "scored"; }
    std::string_view operator()(const Pruned&) const { return "pruned"; }
    std::string_view operator()(const Failed&) const { return "failed"; }
  };
  return std::visit(Kind{}, outcome);
}

const objective::Scores* scores_of(const Outcome& outcome) {
  struct Learnable {
    const objective::Scores* operator()(const Scored& scored) const { return &scored.scores; }
    const objective::Scores* operator()(const Pruned& pruned) const {
      return pruned.scores.empty() ? nullptr : &pruned.scores;
    }
    const objective::Scores* operator()(const Failed&) const { return nullptr; }
  };
  return std::visit(Learnable{}, outcome);
}

std::optional<objective::Point> point_of(const Trial& trial,
                                         const std::vector<objective::Objective>& objectives) {
  const auto* scored = trial.outcome ? std::get_if<Scored>(&*trial.outcome) : nullptr;
  if (scored == nullptr) return std::nullopt;
  objective::Scores all = scored->scores;
  all.insert(trial.costs.begin(), trial.costs.end());
  return objective::to_point(all, objectives);
}

std::optional<double> value_of(const Trial& trial, std::string_view name) {
  const objective::Scores* scores = trial.outcome ? scores_of(*trial.outcome) : nullptr;
  for (const objective::Scores* values : {scores, &trial.costs}) {
    if (values == nullptr) continue;
    const auto found = values->find(std::string(name));
    if (found != values->end() && std::isfinite(found->second)) return found->second;
  }
  return std::nullopt;
}

}  // namespace parsimony::study
