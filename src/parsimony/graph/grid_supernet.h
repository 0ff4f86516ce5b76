// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parsimony/graph/graph.h"
#include "parsimony/graph/grid_cells.h"
#include "parsimony/graph/grid_options.h"
#include "parsimony/graph/grid_wiring.h"
#include "parsimony/space/grid.h"

namespace parsimony::graph {

// The supernets of System D's two searches (spec rspnet 4, 5, 6): networks of a grid
// (graph/grid_network.h) of which one part is left open, as Coefficients that a search varies. No
// batch norm has an affine part, and path attention is the search's.

// Cells that mix operations, the same on all of `paths`; what meets in a node is averaged.
// Coefficients "mixture.nodeJ.fromI" weigh the operations of an edge, in the order of candidates
// without "none", which weighs nothing; with partial channels "mixture.nodeJ.edges" weigh the edges
// of a node.
Graph cell_supernet(const std::vector<space::GridLayer>& paths,
                    const MixedCells& cells,
                    const GridOptions& options,
                    int classes);

// All of `paths` with a cell that is decided; options.gate weighs what meets in a node, by
// Coefficients "layerL.scaleS.attention.gamma" in the order of that node's edges. A node that one
// edge leads to takes its map as it is.
//
// Given presence, what a node makes is multiplied by Coefficients "layerL.scaleS.presence", [1],
// wherever it is read: behind the batch norm of an edge or of the head, which would undo a factor
// before it. Without, nothing but the weights of path attention says that a node is closed, and
// those sum to about 1 in every node, closed or not (our completion).
Graph path_supernet(const std::vector<space::GridLayer>& paths,
                    const space::GridCell& cell,
                    const GridOptions& options,
                    int classes,
                    NodePresence presence = NodePresence::kCertain);

// Names of a graph's Coefficients, in the order in which a network takes them.
std::vector<std::string> coefficient_names(const Graph& graph);

}  // namespace parsimony::graph
