// SPDX-License-Identifier: Apache-2.0
#include "parsimony/report/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace parsimony::report {
namespace {

// A page with a drawing for each of thousands of trials would take seconds to open.
constexpr std::size_t kMaxDrawn = 160;
// Nor can a browser handle tens of thousands of points well.
constexpr std::size_t kMaxShown = 3000;

std::vector<objective::Objective> objectives_of(const ReportData& data) {
  if (!data.objectives.empty()) return data.objectives;
  return {objective::objective_by_name("reward"), objective::objective_by_name("params")};
}

std::vector<study::FinalModel> final_models(const ReportData& data) {
  std::vector<study::FinalModel> models;
  for (const ReportedModel& reported : data.models) models.push_back(reported.model);
  return models;
}

std::map<study::TrialId, const differentiable::NetworkNote*> notes_of(const ReportData& data) {
  std::map<study::TrialId, const differentiable::NetworkNote*> notes;
  if (!data.two_stage) return notes;
  for (const differentiable::NetworkNote& note : data.two_stage->networks)
    notes[note.trial] = &note;
  return notes;
}

Progress progress_of(const ReportData& data) {
  if (data.trials.empty()) return Progress::kEmpty;
  Progress progress = Progress::kUnfinished;
  for (const study::Event& event : data.events) {
    if (event.kind == "finished") progress = Progress::kFinished;
    if (event.kind == "interrupted") progress = Progress::kInterrupted;
    if (event.kind == "started" || event.kind == "resumed") progress = Progress::kUnfinished;
  }
  return progress;
}

std::optional<double> find(const objective::Scores& scores, std::string_view name) {
  const auto found = scores.find(std::string(name));
  if (found == scores.end() || !std::isfinite(found->second)) return std::nullopt;
  return found->second;
}

}  // namespace

View::View(const ReportData& report_data)
    : data(report_data),
      objectives(objectives_of(report_data)),
      notes(notes_of(data)),
      summary(study::summarize(data.trials, final_models(data), data.events)),
      progress(progress_of(data)) {
  std::ranges::copy_if(data.trials,
                       std::back_inserter(candidates),
                       [this](const study::Trial& trial) { return !is_random(trial.id); });
  front = study::front_of(candidates, final_models(data), objectives);
  quality = "reward";
  for (auto objective = objectives.rbegin(); objective != objectives.rend(); ++objective) {
    if (objective->direction == objective::Direction::kMaximize) quality = objective->name;
  }
  std::vector<std::string> known_costs = {"params", "macs"};
  for (const auto& objective : objectives) {
    const bool listed =
        std::find(known_costs.begin(), known_costs.end(), objective.name) != known_costs.end();
    if (objective::is_cost(objective.name) && !listed) known_costs.push_back(objective.name);
  }
  for (const std::string& cost : known_costs) {
    const bool stated =
        std::any_of(data.trials.begin(), data.trials.end(), [&cost](const study::Trial& trial) {
          return value_of(trial, cost).has_value();
        });
    if (stated) costs.push_back(cost);
  }
  for (const auto& member : front.trials) on_front.insert(member.id);
  for (const ReportedModel& reported : data.models) {
    models[reported.model.trial] = &reported;
    for (const auto& [name, value] : reported.model.scores) {
      const bool listed = std::find(costs.begin(), costs.end(), name) != costs.end() ||
                          std::find(latencies.begin(), latencies.end(), name) != latencies.end();
      if (name.starts_with(objective::kLatencyOn) && !listed) latencies.push_back(name);
    }
  }

  for (const char* score : {"miou", "pck", "delta1", "rmse"}) {
    const bool known = std::ranges::any_of(data.models, [&](const ReportedModel& reported) {
      return value_of(reported, score).has_value();
    });
    if (known) test_scores.emplace_back(score);
  }
  if (test_scores.empty()) test_scores.emplace_back("miou");
  // Those that the study asks for come first, in its order.
  std::ranges::stable_sort(test_scores, {}, [&](const std::string& score) {
    return std::ranges::find(objectives, score, &objective::Objective::name) - objectives.begin();
  });

  stride = 1 + static_cast<study::TrialId>(data.trials.size() / (kMaxShown + 1));
  std::vector<std::pair<double, study::TrialId>> by_quality;
  for (const study::Trial& trial : data.trials) {
    trials[trial.id] = &trial;
    if (on_front.contains(trial.id) || models.contains(trial.id)) drawn.insert(trial.id);
    by_quality.emplace_back(-value_of(trial, quality).value_or(-HUGE_VAL), trial.id);
    if (trial.started <= 0) continue;
    started = started == 0 ? trial.started : std::min(started, trial.started);
    ended = std::max(ended, trial.started + trial.seconds);
  }
  for (const study::Event& event : data.events) {
    started = started == 0 ? event.time : std::min(started, event.time);
    ended = std::max(ended, event.time);
  }
  std::sort(by_quality.begin(), by_quality.end());
  for (const auto& entry : by_quality) {
    if (drawn.size() >= kMaxDrawn) break;
    drawn.insert(entry.second);
  }
}

bool View::is_random(study::TrialId id) const {
  const auto note = notes.find(id);
  return note != notes.end() && note->second->origin != differentiable::NetworkOrigin::kSearched;
}

const ReportedModel* View::best_model() const {
  const std::string& score = test_scores.front();
  const bool maximised =
      objective::objective_by_name(score).direction == objective::Direction::kMaximize;
  const ReportedModel* best = nullptr;
  for (const ReportedModel& reported : data.models) {
    const auto value = value_of(reported, score);
    if (!value) continue;
    const bool better = best == nullptr || (maximised ? *value > *value_of(*best, score)
                                                      : *value < *value_of(*best, score));
    if (better) best = &reported;
  }
  return best;
}

std::optional<double> View::cost_of(const ReportedModel& model, std::string_view name) const {
  if (const auto own = value_of(model, name)) return own;
  const auto trial = trials.find(model.model.trial);
  return trial == trials.end() ? std::nullopt : value_of(*trial->second, name);
}

const study::Trial* View::best_trial() const {
  const study::Trial* best = nullptr;
  for (const study::Trial& trial : data.trials) {
    if (is_random(trial.id)) continue;
    const auto value = is_scored(trial) ? value_of(trial, quality) : std::nullopt;
    if (value && (best == nullptr || *value > *value_of(*best, quality))) best = &trial;
  }
  return best;
}

std::string describe(const differentiable::NetworkNote& note) {
  return fmt::format("{}, seed {}, budget {}",
                     differentiable::kNetworkOriginNames[static_cast<std::size_t>(note.origin)],
                     note.seed,
                     budget_text(note.budget));
}

std::string budget_text(double budget) {
  return fmt::format("{:.3g} %", 100 * budget);
}

std::optional<double> value_of(const ReportedModel& model, std::string_view name) {
  objective::Scores scores = model.model.scores;
  if (model.metrics && !model.metrics->iou.empty()) {
    scores["miou"] = model.metrics->miou;
    scores["pixel_accuracy"] = model.metrics->pixel_accuracy;
    scores["mean_accuracy"] = model.metrics->mean_accuracy;
  }
  return find(scores, name);
}

std::optional<double> scalarized_value(const ReportData& data, const study::Trial& trial) {
  const auto setting = static_cast<std::size_t>(trial.setting);
  if (setting >= data.rewards.size() || data.rewards[setting].factors.empty() || !trial.outcome)
    return std::nullopt;
  const objective::Scores* scores = study::scores_of(*trial.outcome);
  if (scores == nullptr) return std::nullopt;
  return objective::evaluate(data.rewards[setting], *scores, trial.costs);
}

bool is_scored(const study::Trial& trial) {
  return trial.outcome && std::holds_alternative<study::Scored>(*trial.outcome);
}

std::string_view word_of(const study::Trial& trial) {
  if (!trial.outcome) return "running";
  const bool pruned = std::holds_alternative<study::Pruned>(*trial.outcome);
  if (pruned && study::scores_of(*trial.outcome) == nullptr) return "rejected";
  return study::kind_of(*trial.outcome);
}

std::string class_colour(const ReportData& data, std::size_t index) {
  Colour colour = {0, 0, 0};
  if (index < data.palette.size()) {
    colour = data.palette[index];
  } else {
    // Bits of the class number, dealt in turn to red, green and blue from the highest bit down.
    std::size_t bits = index;
    for (int bit = 7; bit >= 0; --bit, bits >>= 3) {
      for (std::size_t c = 0; c < 3; ++c) {
        colour[c] = static_cast<std::uint8_t>(colour[c] | (bits >> c & 1) << bit);
      }
    }
  }
  return fmt::format("#{:02x}{:02x}{:02x}", colour[0], colour[1], colour[2]);
}

std::string class_name(const ReportData& data, std::size_t index) {
  return index < data.classes.size() ? data.classes[index] : fmt::format("class {}", index);
}

}  // namespace parsimony::report
