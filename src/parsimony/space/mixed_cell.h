// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "parsimony/space/grid.h"

namespace parsimony::space {

// The cell of a DARTS search (Liu, Simonyan and Yang, ICLR 2019; spec rspnet 4.7, 5): every node
// reads all inputs and all nodes before it, and each of these edges mixes all operations. Sources
// and nodes are numbered as in a GridCell, which is what is derived of it.

// An operation that competes for an edge; nothing: "none", the zero operation, which only a
// supernet has.
using CandidateOp = std::optional<GridOp>;
// All eight in the order of spec rspnet 4.8: none, then those of GridOp.
std::vector<CandidateOp> all_candidate_ops();

// What a cell is derived from.
struct CellCandidates {
  int nodes = 4, inputs = 1;
  std::vector<CandidateOp> ops = all_candidate_ops();  // of every edge
};

struct MixedEdge {
  int node = 0, source = 0;
  bool operator==(const MixedEdge&) const = default;
};

// All edges of the supernet's cell, ascending by node, then by source. Of 4 nodes and 1 input there
// are 10, of 2 inputs 14.
std::vector<MixedEdge> mixed_edges(const CellCandidates& candidates);

}  // namespace parsimony::space
