// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/summary.h"

#include <algorithm>
#include <limits>

namespace parsimony::study {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();

struct Span {
  double begin = 0;
  double end = 0;
};

double end_of(const Trial& trial) {
  return trial.started + trial.seconds;
}

// Sessions of a study, and trials, which may outlive the session that started them.
std::vector<Span> working_spans(const std::vector<Trial>& trials, std::vector<Event> events) {
  std::stable_sort(
      events.begin(), events.end(), [](const Event& a, const Event& b) { return a.time < b.time; });
  std::vector<Span> sessions;
  for (const Event& event : events) {
    if (event.kind == "started" || event.kind == "resumed") {
      sessions.push_back({event.time, event.time});
    } else if (!sessions.empty()) {
      sessions.back().end = event.time;
    }
  }

  std::vector<Span> spans;
  for (const Trial& trial : trials) {
    if (trial.started <= 0) continue;  // never begun
    spans.push_back({trial.started, end_of(trial)});
    const auto next = std::upper_bound(
        sessions.begin(), sessions.end(), trial.started, [](double time, const Span& session) {
          return time < session.begin;
        });
    if (next == sessions.begin()) continue;
    Span& session = *std::prev(next);
    session.end = std::max(session.end, end_of(trial));
  }
  spans.insert(spans.end(), sessions.begin(), sessions.end());
  std::sort(
      spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  return spans;
}

// Length of the union of spans, sorted by their begin, up to `limit`.
double covered_seconds(const std::vector<Span>& spans, double limit) {
  double seconds = 0;
  double reached = -kForever;
  for (const Span& span : spans) {
    const double begin = std::max(span.begin, reached);
    const double end = std::min(span.end, limit);
    if (end <= begin) continue;
    seconds += end - begin;
    reached = end;
  }
  return seconds;
}

void count_outcome(const Trial& trial, StudySummary& summary) {
  if (!trial.outcome) {
    ++summary.running;
    return;
  }
  if (trial.same_as) ++summary.duplicates;
  if (!trial.same_as && scores_of(*trial.outcome) != nullptr) ++summary.measured;
  if (const auto* failed = std::get_if<Failed>(&*trial.outcome)) {
    ++summary.failed;
    ++summary.failures[failed->reason];
  } else if (std::holds_alternative<Pruned>(*trial.outcome)) {
    ++summary.pruned;
  } else {
    ++summary.scored;
  }
}

std::optional<double> reward_of(const Trial& trial) {
  const auto* scored = trial.outcome ? std::get_if<Scored>(&*trial.outcome) : nullptr;
  if (scored == nullptr) return std::nullopt;
  const auto reward = scored->scores.find("reward");
  if (reward == scored->scores.end()) return std::nullopt;
  return reward->second;
}

}  // namespace

StudySummary summarize(const std::vector<Trial>& trials,
                       const std::vector<FinalModel>& models,
                       const std::vector<Event>& events) {
  StudySummary summary;
  summary.trials = trials.size();
  summary.final_models = models.size();
  double search_end = -kForever;
  std::optional<double> best_reward;
  for (const Trial& trial : trials) {
    count_outcome(trial, summary);
    summary.compute_seconds += trial.seconds;
    search_end = std::max(search_end, end_of(trial));
    const std::optional<double> reward = reward_of(trial);
    if (reward && (!best_reward || *reward > *best_reward)) {
      best_reward = reward;
      summary.best = trial;
    }
  }
  for (const FinalModel& model : models) summary.compute_seconds += model.seconds;

  const std::vector<Span> spans = working_spans(trials, events);
  summary.elapsed_seconds = covered_seconds(spans, kForever);
  summary.search_seconds = covered_seconds(spans, search_end);
  if (summary.search_seconds > 0) {
    summary.candidates_per_hour =
        static_cast<double>(summary.measured) * 3600 / summary.search_seconds;
  }
  return summary;
}

std::vector<SettingSummary> summarize_settings(
    const std::vector<Trial>& trials, const std::vector<objective::Scalarization>& rewards) {
  std::vector<SettingSummary> settings;
  for (const objective::Scalarization& reward : rewards)
    settings.push_back({objective::to_text(reward), 0, 0, std::nullopt});
  for (const Trial& trial : trials) {
    const auto index = static_cast<std::size_t>(trial.setting);
    if (index >= settings.size()) continue;
    SettingSummary& setting = settings[index];
    ++setting.trials;
    const auto* scored = trial.outcome ? std::get_if<Scored>(&*trial.outcome) : nullptr;
    if (scored == nullptr) continue;
    ++setting.scored;
    const auto value = objective::evaluate(rewards[index], scored->scores, trial.costs);
    if (value && (!setting.best || *value > setting.best->reward))
      setting.best = SettingSummary::Best{trial.id, *value};
  }
  return settings;
}

}  // namespace parsimony::study
