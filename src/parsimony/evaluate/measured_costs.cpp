// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/measured_costs.h"

#include <fmt/format.h>

#include "parsimony/study/trial.h"

namespace parsimony::evaluate {

MeasuredCosts::MeasuredCosts(const Costs& costs)
    : picture_(costs.picture()),
      meters_(costs.meters()),
      constraints_(costs.measured_constraints()) {}

MeasuredCosts::Result MeasuredCosts::measure(const graph::Graph& whole,
                                             const core::StopFlag& stop) const {
  Result result;
  core::SilentLog log;
  core::SilentProgress progress;
  const core::Context context{log, progress, stop};
  const meter::Subject subject = meter::Subject::untrained(whole, picture_);
  for (const auto& meter : meters_) {
    const meter::Reading reading = meter->measure(subject, context);
    switch (reading.end) {
      case meter::ReadingEnd::kStopped:
        result.stopped = true;
        return result;
      case meter::ReadingEnd::kFailed:
        result.failure = fmt::format("{} could not measure it: {}", meter->name(), reading.reason);
        return result;
      case meter::ReadingEnd::kMeasured:
        break;
    }
    result.costs[std::string(objective::kLatencyOn) + meter->name()] = reading.measurement.median;
    if (reading.measurement.estimated)
      result.costs[std::string(study::kEstimatedOn) + meter->name()] = 1;
  }
  for (const objective::Constraint& constraint : constraints_) {
    const double value = result.costs.at(constraint.name);
    if (!constraint.met_by(value)) result.obstacle = broken(constraint, value);
  }
  return result;
}

}  // namespace parsimony::evaluate
