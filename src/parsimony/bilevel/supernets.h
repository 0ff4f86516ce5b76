// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/bilevel/cell_relaxation.h"
#include "parsimony/bilevel/path_relaxation.h"
#include "parsimony/bilevel/search.h"

namespace parsimony::bilevel {

// The supernets that a design's two searches train, as each of them begins.
CellRelaxation::Design cell_supernet(const Design& design, int classes);
PathRelaxation::Design path_supernet(const Design& design, space::GridCell cell, int classes);

}  // namespace parsimony::bilevel
