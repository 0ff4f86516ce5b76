// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "parsimony/objective/objective.h"

namespace parsimony::objective {

// A bound that a network must keep: "params <= 400000", "latency_ms.gap8 <= 150", "miou >= 0.6".
struct Constraint {
  std::string name;  // of a score or cost that objective_by_name() knows
  bool at_most = true;
  double bound = 0;

  bool met_by(double value) const { return at_most ? value <= bound : value >= bound; }
  // By what share of the bound `value` breaks it, max(0, value - bound) / |bound| for "<=": 0 when
  // met, 1 for twice what "<=" allows, infinite when not a number; not divided where the bound is
  // 0.
  double violation_by(double value) const;
};

// A user error names what is wrong with the text and what was expected.
Constraint parse_constraint(std::string_view text);

// Reads back as the same constraint.
std::string to_text(const Constraint& constraint);

}  // namespace parsimony::objective
