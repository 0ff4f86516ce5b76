// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/summary_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace parsimony::study {
namespace {

using Json = nlohmann::ordered_json;

// Parameters and MACs are doubles here but counts to whoever reads them.
Json number(double value) {
  constexpr double kExact = 9007199254740992;  // 2^53
  if (std::trunc(value) == value && std::abs(value) < kExact) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

Json numbers(const objective::Scores& scores) {
  Json object = Json::object();
  for (const auto& [name, value] : scores) object[name] = number(value);
  return object;
}

// Genotypes and names are ours, but a broken byte must not keep the rest from being read.
std::string write(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json final_json(const std::optional<FinalModel>& model) {
  if (!model) return nullptr;
  return {{"folder", model->folder},
          {"scores", numbers(model->scores)},
          {"seconds", number(model->seconds)}};
}

Json best_json(const std::optional<Trial>& best) {
  if (!best) return nullptr;
  const objective::Scores& scores = *scores_of(*best->outcome);
  return {{"id", best->id},
          {"genotype", best->genotype},
          {"reward", number(scores.at("reward"))},
          {"scores", numbers(scores)},
          {"costs", numbers(best->costs)}};
}

}  // namespace

std::string front_json(const Front& front) {
  Json objectives = Json::array();
  for (const objective::Objective& objective : front.objectives) {
    objectives.push_back({{"name", objective.name},
                          {"direction", objective::name_of(objective.direction)},
                          {"unit", objective.unit}});
  }
  Json trials = Json::array();
  for (const FrontTrial& trial : front.trials) {
    trials.push_back({{"id", trial.id},
                      {"genotype", trial.genotype},
                      {"scores", numbers(trial.scores)},
                      {"costs", numbers(trial.costs)},
                      {"final", final_json(trial.final_model)}});
  }
  return write(
      {{"objectives", objectives}, {"hypervolume", number(front.hypervolume)}, {"trials", trials}});
}

std::string status_json(const StudySummary& summary,
                        const std::vector<SettingSummary>& settings,
                        const std::vector<std::string>& remarks) {
  Json failures = Json::object();
  for (const auto& [reason, count] : summary.failures)
    failures[std::string(name_of(reason))] = count;
  const Json outcomes{
      {"scored", summary.scored}, {"pruned", summary.pruned}, {"failed", summary.failed}};
  Json searches = Json::array();
  for (const SettingSummary& setting : settings) {
    Json best = nullptr;
    if (setting.best)
      best = {{"id", setting.best->trial}, {"reward", number(setting.best->reward)}};
    searches.push_back({{"reward", setting.reward},
                        {"trials", setting.trials},
                        {"scored", setting.scored},
                        {"best", best}});
  }
  return write({{"trials", summary.trials},
                {"running", summary.running},
                {"outcomes", outcomes},
                {"failures", failures},
                {"duplicates", summary.duplicates},
                {"measured", summary.measured},
                {"best", best_json(summary.best)},
                {"final_models", summary.final_models},
                {"elapsed_seconds", number(summary.elapsed_seconds)},
                {"search_seconds", number(summary.search_seconds)},
                {"compute_seconds", number(summary.compute_seconds)},
                {"candidates_per_hour", number(summary.candidates_per_hour)},
                {"settings", searches},
                {"remarks", remarks}});
}

}  // namespace parsimony::study
