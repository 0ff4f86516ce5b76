// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/objective/objective.h"
#include "parsimony/objective/scalarization.h"
#include "parsimony/study/trial.h"

namespace parsimony::study {

// What readers of a study (command line, report, dashboard) say about it. Pure functions of what a
// store holds, so that all of them say the same.

// A study in a few numbers.
struct StudySummary {
  std::size_t trials = 0;
  std::size_t running = 0;
  std::size_t scored = 0;
  std::size_t pruned = 0;
  std::size_t failed = 0;
  std::map<FailureReason, std::size_t> failures;  // those that occurred
  std::size_t duplicates = 0;  // done by taking over the outcome of an equal network
  std::size_t measured =
      0;  // scored or pruned with scores of their own: not taken over, not rejected
  std::size_t final_models = 0;

  // The scored trial with the highest "reward"; of equal ones the first.
  std::optional<Trial> best;

  // Time in which sessions were at work. A session lasts from its event "started" or "resumed" to
  // its last event or trial end; pauses between sessions do not count, and time in which several
  // ran counts once.
  double elapsed_seconds = 0;
  // The same up to the end of the last trial: without the final training.
  double search_seconds = 0;
  // Measured candidates per hour of search; 0 while there is nothing to divide by.
  double candidates_per_hour = 0;
  // Over trials and final models, whichever ran side by side.
  double compute_seconds = 0;
};

StudySummary summarize(const std::vector<Trial>& trials,
                       const std::vector<FinalModel>& models,
                       const std::vector<Event>& events);

// What the search of one reward setting has reached.
struct SettingSummary {
  std::string reward;  // objective::to_text()
  std::size_t trials = 0;
  std::size_t scored = 0;
  // The scored trial of this setting that its reward likes best, of equal ones the first.
  struct Best {
    TrialId trial = 0;
    double reward = 0;
  };
  std::optional<Best> best;
};
std::vector<SettingSummary> summarize_settings(
    const std::vector<Trial>& trials, const std::vector<objective::Scalarization>& rewards);

// What hypervolumes are measured against, one value per objective, smaller is better: each
// objective is scaled so that `ideal` becomes 0 and `reference` 1. To compare studies, take it from
// the trials of all of them.
struct Scale {
  objective::Point ideal;
  objective::Point reference;
};

// The best and the worst value of each objective over all scored trials; empty points when none is.
Scale scale_of(const std::vector<Trial>& trials,
               const std::vector<objective::Objective>& objectives);

// A trial on the front.
struct FrontTrial {
  TrialId id = 0;
  std::string genotype;
  objective::Scores scores;
  objective::Scores costs;
  std::optional<FinalModel> final_model;
};

// The trials that no other beats, by id; of trials with equal values the first.
struct Front {
  std::vector<objective::Objective> objectives;
  Scale scale{};
  // In [0, 1]: the part of the box from `scale.ideal` to `scale.reference` that the front
  // dominates. Objectives in which ideal and reference agree are left out; 0 when none is left.
  double hypervolume = 0;
  std::vector<FrontTrial> trials{};
};

// Only scored trials take part: what a pruned one had reached is not what it is worth. Objectives
// read scores and costs alike; a trial that lacks one takes no part. With a `scale` of several
// studies hypervolumes can be compared; without, it is this study's own.
Front front_of(const std::vector<Trial>& trials,
               const std::vector<FinalModel>& models,
               const std::vector<objective::Objective>& objectives,
               const std::optional<Scale>& scale = std::nullopt);

// Hypervolume, as above, after each done trial in the order of ids: element i is that of the first
// i + 1 done trials. All kinds of outcome count, so that equal indices mean equal numbers of
// candidates.
std::vector<double> hypervolume_over_time(const std::vector<Trial>& trials,
                                          const std::vector<objective::Objective>& objectives,
                                          const std::optional<Scale>& scale = std::nullopt);

}  // namespace parsimony::study
