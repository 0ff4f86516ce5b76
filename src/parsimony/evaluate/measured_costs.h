// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/evaluate/costs.h"
#include "parsimony/meter/meter.h"

namespace parsimony::evaluate {

// What a network costs that somebody has to measure: latencies on this host or on a device that a
// runner reaches, cost.measured of a study. Taken of untrained networks, before training, as
// weights do not change them. May be used from several threads; meters make them wait.
class MeasuredCosts {
 public:
  explicit MeasuredCosts(const Costs& costs);

  struct Result {
    // One value for each of Costs::measured_names(); where a model of the device stood in for it,
    // kEstimatedOn and the meter's name is 1 as well.
    objective::Scores costs;
    std::optional<std::string> obstacle;  // the constraint that the network breaks
    std::optional<std::string> failure;   // why a meter could not say
    bool stopped = false;
  };
  Result measure(const graph::Graph& whole, const core::StopFlag& stop) const;

 private:
  graph::Size picture_;
  std::vector<std::shared_ptr<meter::LatencyMeter>> meters_;
  std::vector<objective::Constraint> constraints_;  // on measured costs
};

}  // namespace parsimony::evaluate
