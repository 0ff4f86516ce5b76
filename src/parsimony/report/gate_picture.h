// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "parsimony/differentiable/history.h"
#include "parsimony/space/grid.h"

namespace parsimony::report {

// A gate whose deviation over pictures is larger depends on the picture.
inline constexpr double kSteadyGate = 0.1;

// The grid of a path search with its final gates: an edge is as opaque as its gate is open, dashed
// where the gate depends on the picture, and coloured where it was kept. Empty without gates, or
// where they are not those of a grid with such rules.
std::string render_gates(const differentiable::PathSearchHistory& search,
                         const space::GridRules& rules,
                         const std::string& title);

}  // namespace parsimony::report
