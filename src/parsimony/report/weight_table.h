// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "parsimony/differentiable/history.h"

namespace parsimony::report {

// What a search of a cell weighed in the epoch that it ended with: a table of the edges of its
// mixed cell by candidate operations, the darker the more an operation weighs, what was decided
// framed. Empty where nothing was weighed, or where the weights are not those of such a cell with
// all candidates.
std::string render_weights(const differentiable::CellSearchHistory& search,
                           const std::string& title);

}  // namespace parsimony::report
