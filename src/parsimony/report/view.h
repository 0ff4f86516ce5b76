// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/report/report.h"
#include "parsimony/study/summary.h"

namespace parsimony::report {

// How far a study is, from its last event.
enum class Progress { kEmpty, kUnfinished, kInterrupted, kFinished };

// What the sections of the page derive from the same data, computed once. Refers to the data.
struct View {
  explicit View(const ReportData& report_data);

  const ReportData& data;
  std::vector<objective::Objective> objectives;
  // Of a two-stage search: what its networks are.
  std::map<study::TrialId, const differentiable::NetworkNote*> notes;
  // The trials without those that were drawn at random to compare a two-stage search with: they are
  // no achievement of the search.
  std::vector<study::Trial> candidates;
  study::StudySummary summary;
  study::Front front;
  std::string quality;  // the first score to be maximised
  std::vector<std::string>
      costs;  // what to plot it against: parameters, MACs, minimised objectives
  std::vector<std::string> latencies;  // of trained networks, beside `costs`
  // What trained networks are known by on the test split, the scores of the study's task; networks
  // are compared by the first.
  std::vector<std::string> test_scores;
  std::set<study::TrialId> on_front;
  std::map<study::TrialId, const study::Trial*> trials;
  std::map<study::TrialId, const ReportedModel*> models;
  std::set<study::TrialId> drawn;  // trials whose cards show drawings
  // Of very many trials only every `stride`-th is shown, beside those that are drawn.
  study::TrialId stride = 1;
  bool shows(study::TrialId id) const { return id % stride == 0 || drawn.contains(id); }
  bool is_random(study::TrialId id) const;
  Progress progress = Progress::kEmpty;
  double started = 0, ended = 0;  // seconds since the epoch; 0 when nothing has happened

  // The trained network that is best on the test split; nullptr when none was measured there.
  const ReportedModel* best_model() const;
  // What a trained network costs: it is often wider than the candidate it was searched as, so its
  // own figure counts, and the candidate's only where it has none.
  std::optional<double> cost_of(const ReportedModel& model, std::string_view name) const;
  // The candidate that is best in quality.
  const study::Trial* best_trial() const;
};

// "searched, seed 1, budget 50 %"
std::string describe(const differentiable::NetworkNote& note);
// A share of the whole grid's cost, "50 %".
std::string budget_text(double budget);

// Of a final model: from its test metrics, else its scores.
std::optional<double> value_of(const ReportedModel& model, std::string_view name);

// What the search that proposed the trial was told it is worth; nothing where that is the quality
// alone, or unknown.
std::optional<double> scalarized_value(const ReportData& data, const study::Trial& trial);

bool is_scored(const study::Trial& trial);

// "scored", "pruned", "rejected", "failed" or "running": an outcome in one word, also its CSS
// class.
std::string_view word_of(const study::Trial& trial);

// Colour of a class as "#rrggbb": from the data's palette, else from the PASCAL VOC map.
std::string class_colour(const ReportData& data, std::size_t index);
// Name of a class as text, "class 7" when it has none.
std::string class_name(const ReportData& data, std::size_t index);

}  // namespace parsimony::report
