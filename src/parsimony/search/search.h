// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "parsimony/objective/objective.h"
#include "parsimony/space/space.h"

namespace parsimony::search {

// What a search is told about a candidate it proposed: one number to learn from, and the objectives
// behind it for searches that look for a whole front.
struct Feedback {
  std::int64_t trial = 0;
  space::Tokens tokens;
  // nullopt: the candidate failed or was invalid; never a made-up score.
  std::optional<double> reward = std::nullopt;
  // Smaller is better, in the order of the study's objectives; nullopt as for `reward`, or where
  // an objective is not known.
  std::optional<objective::Point> point = std::nullopt;
  // By how much hard constraints are broken in all (objective::Constraint::violation_by, summed);
  // 0: feasible. May be known of a candidate that was rejected untrained.
  double violation = 0;
};

// Proposes candidates and learns from their rewards. Knows nothing of training: every method runs
// with every evaluator. Not thread-safe; the study's loop is the only caller.
//
// Between an `ask` and its `tell` any number of other asks and tells may happen (candidates run
// concurrently). `save` captures everything a search knows, proposals in flight included: a search
// that was loaded proposes and learns exactly as the one that was saved.
class Search {
 public:
  virtual ~Search() = default;
  virtual std::string_view name() const = 0;
  virtual space::Tokens ask(std::int64_t trial) = 0;
  virtual void tell(const Feedback& feedback) = 0;
  virtual std::string save() const = 0;
  // Throws a user error when the state was saved by another method or for another space.
  virtual void load(std::string_view state) = 0;
  // Figures after the last update, worth plotting over a study: "entropy" of the policy in nats per
  // decision, "baseline" and "mean_reward" of the candidates learnt from, ...; may be empty.
  virtual std::map<std::string, double> diagnostics() const { return {}; }
};

}  // namespace parsimony::search
