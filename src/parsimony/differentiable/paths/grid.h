// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/space/grid.h"
#include "parsimony/space/grid_patterns.h"

namespace parsimony::differentiable {

// The grid of RSPNet's supernet (Wang, Hsieh and Chang, 2022; spec rspnet 4.3) as a path search
// sees it: every edge has a gate, a set of open edges of a layer is a pattern. What is found is
// given back as paths of space::GridGenotype.
//
// As in a genotype, what there is per layer stands in the order of the layers from the stem to the
// head: layer l of space::possible_edges and of messages, which count from 1, has the index l - 1.
// Edges of a layer are in the order of possible_edges.
using Grid = std::vector<space::GridLayerPatterns>;  // space::layer_patterns(layers, rules)
using Patterns = std::vector<space::GridPattern>;    // one per layer

// One value per layer and edge: gate probabilities, costs, gradients.
using EdgeValues = std::vector<std::vector<double>>;

// The scales at which paths may begin, all or some of them, as a set of bits 1 << scale: 0 in a
// triangular grid, any in the other (what the stem makes for those that are not taken is not
// computed).
unsigned start_set(const Grid& grid);

// `value` for every edge.
EdgeValues filled(const Grid& grid, double value);

// An internal error unless there is one value per layer and edge.
void require_values(const Grid& grid, const EdgeValues& values);
// The same, and each is from 0 to 1.
void require_gates(const Grid& grid, const EdgeValues& gates);

// Valid patterns as paths: every node that a layer makes is read by the next one, and no other.
std::vector<space::GridLayer> to_paths(const Grid& grid, const Patterns& patterns);

}  // namespace parsimony::differentiable
