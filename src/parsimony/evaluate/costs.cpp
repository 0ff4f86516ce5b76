// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/costs.h"

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/graph/cost.h"
#include "parsimony/meter/meter.h"

namespace parsimony::evaluate {
namespace {

std::string cost_name(const latency::DeviceProfile& device) {
  return std::string(objective::kLatencyOn) + device.name;
}

}  // namespace

void CostOptions::visit(core::FieldVisitor& v) {
  v.field(
      "devices",
      devices,
      {"devices whose latency is estimated, as latency_ms.NAME: names (parsimony inspect lists them) or files of "
       "profiles"});
  v.field(
      "measured",
      measured,
      {"meters that measure every candidate before its training, as latency_ms.NAME: host-torch, "
       "host-onnx, runner:FILE (parsimony bench --help)"});
  v.field(
      "constraints",
      constraints,
      {"candidates that break one are rejected untrained: 'params <= 400000', 'latency_ms.gap8 <= 150'"});
}

std::string broken(const objective::Constraint& constraint, double value) {
  return fmt::format("breaks the constraint {}: {} is {:.6g}",
                     objective::to_text(constraint),
                     constraint.name,
                     value);
}

Costs::Costs(graph::Size picture, const CostOptions& options)
    : picture_(picture), names_{"params", "macs", "flops", "peak_activation_bytes"} {
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const std::string& name : options.devices) {
    const latency::DeviceProfile device = latency::device_profile(name);
    if (has(names_, cost_name(device))) {
      core::throw_user_error(
          "device '{}' is named twice in cost.devices; give the profiles different names",
          device.name);
    }
    names_.push_back(cost_name(device));
    devices_.push_back(device);
  }
  for (const std::string& text : options.measured) {
    meters_.push_back(meter::make_meter(text, {}));
    const std::string name = std::string(objective::kLatencyOn) + meters_.back()->name();
    if (has(names_, name) || has(measured_names_, name)) {
      core::throw_user_error(
          "'{}' of cost.measured is the second device that is called '{}'; give them different names",
          text,
          meters_.back()->name());
    }
    measured_names_.push_back(name);
  }
  for (const std::string& text : options.constraints) {
    const objective::Constraint constraint = objective::parse_constraint(text);
    if (has(names_, constraint.name)) {
      constraints_.push_back(constraint);
    } else if (has(measured_names_, constraint.name)) {
      measured_constraints_.push_back(constraint);
    } else {
      core::throw_user_error(
          "constraint '{}': '{}' is not known before training; expected one of {}, or the latency on "
          "another device that cost.devices or cost.measured names",
          text,
          constraint.name,
          core::join(names_, ", "));
    }
  }
}

objective::Scores Costs::of(const graph::Graph& whole) const {
  return assess(whole).costs;
}

Costs::Assessment Costs::assess(const graph::Graph& whole) const {
  Assessment result;
  result.costs = {{"params", static_cast<double>(graph::count_parameters(whole).total())},
                  {"macs", static_cast<double>(graph::count_macs(whole, picture_).total())},
                  {"flops", static_cast<double>(graph::count_thop_flops(whole, picture_).total())},
                  {"peak_activation_bytes",
                   static_cast<double>(graph::peak_activation_bytes(whole, picture_))}};
  if (!devices_.empty()) {
    const std::vector<latency::Work> works = latency::work_of(whole, picture_);
    for (const latency::DeviceProfile& device : devices_) {
      const latency::Estimate estimate = latency::estimate(device, works);
      result.costs[cost_name(device)] = estimate.milliseconds;
      if (estimate.does_not_fit.empty()) continue;
      result.obstacle = fmt::format("does not fit {}: {}", device.name, estimate.does_not_fit);
      result.violation += 1;
    }
  }
  for (const objective::Constraint& constraint : constraints_) {
    const double value = result.costs.at(constraint.name);
    if (constraint.met_by(value)) continue;
    result.obstacle = broken(constraint, value);
    result.violation += constraint.violation_by(value);
  }
  return result;
}

}  // namespace parsimony::evaluate
