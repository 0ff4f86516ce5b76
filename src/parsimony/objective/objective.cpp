// SPDX-License-Identifier: Apache-2.0
#include "parsimony/objective/objective.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::objective {

std::string_view name_of(Direction direction) {
  switch (direction) {
    case Direction::kMaximize:
      return "maximize";
    case Direction::kMinimize:
      return "minimize";
  }
  core::throw_internal_error("no direction has the number {}", static_cast<int>(direction));
}

const std::vector<Objective>& known_objectives() {
  static const std::vector<Objective> known{
      {"reward", Direction::kMaximize, ""},
      {"miou", Direction::kMaximize, ""},
      {"foreground_iou", Direction::kMaximize, ""},
      {"pixel_accuracy", Direction::kMaximize, ""},
      {"mean_accuracy", Direction::kMaximize, ""},
      {"fwiou", Direction::kMaximize, ""},
      {"f1", Direction::kMaximize, ""},
      {"pck", Direction::kMaximize, ""},
      {"pckh", Direction::kMaximize, ""},
      {"oks_ap", Direction::kMaximize, ""},
      {"delta1", Direction::kMaximize, ""},
      {"delta2", Direction::kMaximize, ""},
      {"delta3", Direction::kMaximize, ""},
      {"rmse", Direction::kMinimize, "m"},
      {"rmse_log", Direction::kMinimize, ""},
      {"log10", Direction::kMinimize, ""},
      {"abs_rel", Direction::kMinimize, ""},
      {"sq_rel", Direction::kMinimize, ""},
      {"params", Direction::kMinimize, "parameters"},
      {"macs", Direction::kMinimize, "MACs"},
      {"flops", Direction::kMinimize, "FLOPs"},
      {"peak_activation_bytes", Direction::kMinimize, "bytes"},
      {"latency_ms", Direction::kMinimize, "ms"},
  };
  return known;
}

Objective objective_by_name(std::string_view name) {
  if (name.starts_with(kLatencyOn) && name.size() > kLatencyOn.size())
    return {std::string(name), Direction::kMinimize, "ms"};
  if (name.starts_with(kF1Of) && name.size() > kF1Of.size())
    return {std::string(name), Direction::kMaximize, ""};
  std::vector<std::string> names;
  for (const Objective& objective : known_objectives()) {
    if (objective.name == name) return objective;
    names.push_back(objective.name);
  }
  core::throw_user_error("unknown objective '{}', expected one of {}{}",
                         name,
                         core::join(names, ", "),
                         core::did_you_mean(name, names));
}

std::vector<Objective> objectives_by_name(const std::vector<std::string>& names) {
  std::vector<Objective> objectives;
  for (const std::string& name : names) objectives.push_back(objective_by_name(name));
  return objectives;
}

bool is_cost(std::string_view score) {
  constexpr std::string_view kCosts[] = {
      "params", "macs", "flops", "peak_activation_bytes", "latency_ms"};
  return score.starts_with(kLatencyOn) || std::ranges::find(kCosts, score) != std::end(kCosts);
}

std::string headline(const Scores& scores) {
  std::vector<std::string> parts;
  const auto add = [&](const char* score, std::string_view format, double factor) {
    const auto found = scores.find(score);
    if (found != scores.end())
      parts.push_back(fmt::format(fmt::runtime(format), factor * found->second));
  };
  add("rmse", "RMSE {:.3f} m", 1);
  add("delta1", "delta1 {:.1f} %", 100);
  add("pck", "PCK {:.1f} %", 100);
  add("miou", "{:.1f} % mIoU", 100);
  return core::join(parts, ", ");
}

bool is_measured_latency(std::string_view score) {
  if (!score.starts_with(kLatencyOn)) return false;
  const std::string_view device = score.substr(kLatencyOn.size());
  return device == kHostTorch || device == kHostOnnx || device.starts_with(kRunner);
}

std::optional<Point> to_point(const Scores& scores, const std::vector<Objective>& objectives) {
  Point point;
  point.reserve(objectives.size());
  for (const Objective& objective : objectives) {
    const auto score = scores.find(objective.name);
    if (score == scores.end() || !std::isfinite(score->second)) return std::nullopt;
    const bool turn = objective.direction == Direction::kMaximize;
    point.push_back(turn ? -score->second : score->second);
  }
  return point;
}

}  // namespace parsimony::objective
