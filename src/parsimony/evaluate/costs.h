// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/graph/graph.h"
#include "parsimony/latency/profile.h"
#include "parsimony/objective/constraint.h"

namespace parsimony::meter {
class LatencyMeter;
}

namespace parsimony::evaluate {

struct CostOptions {
  std::vector<std::string> devices;      // latency::device_profile() names or files
  std::vector<std::string> measured;     // meter::make_meter() texts
  std::vector<std::string> constraints;  // objective::parse_constraint() texts, on costs
  void visit(core::FieldVisitor& v);
};

// "breaks the constraint params <= 5: params is 6".
std::string broken(const objective::Constraint& constraint, double value);

// What networks cost, and may cost; known before any training without running anything.
class Costs {
 public:
  // Costs are stated for pictures of the given size. A user error when a device is unknown or two
  // have one name, or when a constraint cannot be read or is not on a cost.
  explicit Costs(graph::Size picture, const CostOptions& options = {});

  // The costs of the network as exported, `whole` without its auxiliary branches: one value for
  // each of names().
  objective::Scores of(const graph::Graph& whole) const;

  // The same, and why the network may not be used: a constraint that it breaks, or a device that it
  // does not fit.
  struct Assessment {
    objective::Scores costs;
    std::optional<std::string> obstacle;  // nullopt: it may
    // By what share constraints are broken in all; a device that it does not fit counts as 1.
    double violation = 0;
  };
  Assessment assess(const graph::Graph& whole) const;

  graph::Size picture() const { return picture_; }
  // "latency_ms.METER" of what is measured (measured_costs.h): "latency_ms.host-onnx",
  // "latency_ms.runner:board".
  const std::vector<std::string>& measured_names() const { return measured_names_; }
  // What measures them, in their order, and the constraints on them.
  const std::vector<std::shared_ptr<meter::LatencyMeter>>& meters() const { return meters_; }
  const std::vector<objective::Constraint>& measured_constraints() const {
    return measured_constraints_;
  }
  // "params", "macs", "flops" (as System B counts them, graph/cost.h), "peak_activation_bytes" and
  // "latency_ms.DEVICE" of every device.
  const std::vector<std::string>& names() const { return names_; }

 private:
  graph::Size picture_;
  std::vector<std::string> names_;
  std::vector<std::string> measured_names_;
  std::vector<latency::DeviceProfile> devices_;
  std::vector<std::shared_ptr<meter::LatencyMeter>> meters_;
  std::vector<objective::Constraint> constraints_;           // on names_
  std::vector<objective::Constraint> measured_constraints_;  // on measured_names_
};

}  // namespace parsimony::evaluate
