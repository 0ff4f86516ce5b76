// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "parsimony/core/context.h"
#include "parsimony/run/study_options.h"

namespace parsimony::run {

// Of a two-stage search.
struct TwoStagePlan {
  double cell_seconds = 0, path_seconds = 0;  // of one seed; of all budgets
  std::int64_t networks = 0;                  // found and random ones, which are trained to the end
};

// What a study would do, without doing it. Times come from a few training steps on this machine, or
// a few forward passes where candidates are not trained, as many at once as in the study: of
// candidates and final networks of median cost. They leave early termination, duplicates, what
// candidates share and trainings that may be taken over out.
struct Plan {
  std::string dataset;
  std::int64_t train = 0, val = 0, test = 0, classes = 0;
  std::size_t decisions = 0;
  double space_size = 0;
  // Of so many random candidates: the share that keeps cost.constraints, and the smallest and the
  // largest value of each cost.
  int sampled = 0;
  double allowed_share = 1;
  std::map<std::string, std::pair<double, double>> costs;
  int workers = 1;
  double cache_bytes = 0;      // of a supernet's study: the most that it may keep
  bool cache_in_file = false;  // it does not count towards the memory
  double memory_bytes = 0;     // peak in the search: cache and measured tensors of the candidates
  double candidate_macs = 0;   // forward MACs of one picture through the median candidate
  int measured_steps = 0;
  double candidate_seconds = 0;
  double search_seconds = 0;
  double preparation_seconds = 0;  // the training of a start network or of the supernet; 0: none
  double final_seconds = 0;        // the trainings of the final networks
  std::optional<TwoStagePlan> two_stage = std::nullopt;
};
Plan plan_study(const StudyOptions& options, const core::Context& context);

}  // namespace parsimony::run
