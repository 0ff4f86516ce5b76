// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/differentiable/paths/grid.h"

namespace parsimony::differentiable {

// Decoding by keeping edges one by one, the literal reading of RSPNet's figure (spec rspnet 7).
// Values are per layer and edge, larger is better. Of equal values the earlier edge is better.

// The `k` best of the edges that enter each node, then connected() of them.
Patterns strongest_per_node(const Grid& grid, const EdgeValues& values, int k);

// The edges of at least `threshold`, then connected() of them.
Patterns above_threshold(const Grid& grid, const EdgeValues& values, double threshold);

// The valid network within `patterns`: edges go that are not fed, or that lead to a node that is
// not consumed, until no more do. Where that would leave nothing of a layer, its best edge that is
// fed is restored first (our completion of "restore its best edge").
Patterns connected(const Grid& grid, const EdgeValues& values, Patterns patterns);

}  // namespace parsimony::differentiable
