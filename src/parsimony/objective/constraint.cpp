// SPDX-License-Identifier: Apache-2.0
#include "parsimony/objective/constraint.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::objective {

double Constraint::violation_by(double value) const {
  if (std::isnan(value)) return std::numeric_limits<double>::infinity();
  const double excess = std::max(0.0, at_most ? value - bound : bound - value);
  return bound == 0 ? excess : excess / std::abs(bound);
}

Constraint parse_constraint(std::string_view text) {
  const std::size_t sign = text.find_first_of("<>=");
  const bool has_sign = sign != std::string_view::npos && sign + 1 < text.size() &&
                        text[sign] != '=' && text[sign + 1] == '=';
  if (!has_sign) {
    core::throw_user_error(
        "constraint '{}': expected NAME <= NUMBER or NAME >= NUMBER, for example params <= 400000",
        text);
  }
  Constraint constraint;
  constraint.name = core::trim(text.substr(0, sign));
  constraint.at_most = text[sign] == '<';
  const std::string_view number = core::trim(text.substr(sign + 2));
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), constraint.bound);
  if (error != std::errc() || end != number.data() + number.size() ||
      !std::isfinite(constraint.bound)) {
    core::throw_user_error("constraint '{}': expected a number behind '{}', found '{}'",
                           text,
                           text.substr(sign, 2),
                           number);
  }
  objective_by_name(constraint.name);
  return constraint;
}

std::string to_text(const Constraint& constraint) {
  return fmt::format(
      "{} {} {}", constraint.name, constraint.at_most ? "<=" : ">=", constraint.bound);
}

}  // namespace parsimony::objective
