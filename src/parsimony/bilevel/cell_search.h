// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "parsimony/bilevel/search.h"
#include "parsimony/differentiable/history.h"

namespace parsimony::bilevel {

// The first search of RSPNet (spec rspnet 5): DARTS for the cell, all paths open, with what keeps
// it from collapsing into skip connections (10). Alphas rest in the warm-up; then each step trains
// them on a batch of their half of the pictures before the weights are trained on one of theirs.
//
// The search ends early where its largest eigenvalue rises too fast, with the cell of the epoch
// that it returns to, or goes on from there with a stronger decay of the alphas, as options say.
//
// Nothing when interrupted; on a CPU, a search that is continued gives what an uninterrupted one
// does, bit by bit. The checkpoint stays, so that a finished search is found again.
std::optional<differentiable::CellSearchHistory> search_cell(const Search& search);

}  // namespace parsimony::bilevel
