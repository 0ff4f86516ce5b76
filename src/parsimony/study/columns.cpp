// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/columns.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "parsimony/core/error.h"

namespace parsimony::study {
namespace {

using nlohmann::json;

std::string write(const json& value) {
  try {
    return value.dump();
  } catch (const json::exception& error) {
    core::throw_internal_error("a value that JSON cannot hold: {}", error.what());
  }
}

template <typename Value, typename Convert>
Value read(const std::string& text, const Convert& convert) {
  try {
    return convert(json::parse(text));
  } catch (const json::exception& error) {
    throw std::invalid_argument(error.what());
  }
}

}  // namespace

std::string scores_to_text(const objective::Scores& scores) {
  return write(json(scores));
}

objective::Scores scores_from_text(const std::string& text) {
  return read<objective::Scores>(text,
                                 [](const json& value) { return value.get<objective::Scores>(); });
}

std::string tokens_to_text(const std::vector<int>& tokens) {
  return write(json(tokens));
}

std::vector<int> tokens_from_text(const std::string& text) {
  return read<std::vector<int>>(text,
                                [](const json& value) { return value.get<std::vector<int>>(); });
}

std::string observations_to_text(const std::vector<Observation>& observations) {
  json list = json::array();
  for (const Observation& observation : observations) {
    list.push_back({{"stage", observation.stage},
                    {"validation", observation.validation},
                    {"value", observation.value},
                    {"draw", observation.draw},
                    {"continued", observation.continued}});
  }
  return write(list);
}

std::vector<Observation> observations_from_text(const std::string& text) {
  return read<std::vector<Observation>>(text, [](const json& list) {
    std::vector<Observation> observations;
    for (const json& item : list) {
      observations.push_back({.stage = item.at("stage").get<int>(),
                              .validation = item.at("validation").get<int>(),
                              .value = item.at("value").get<double>(),
                              .draw = item.at("draw").get<double>(),
                              .continued = item.at("continued").get<bool>()});
    }
    return observations;
  });
}

}  // namespace parsimony::study
