// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/mixed_cell.h"

#include "parsimony/core/error.h"

namespace parsimony::space {

std::vector<CandidateOp> all_candidate_ops() {
  std::vector<CandidateOp> ops{std::nullopt};
  for (std::size_t op = 0; op < kGridOpNames.size(); ++op) ops.push_back(static_cast<GridOp>(op));
  return ops;
}

std::vector<MixedEdge> mixed_edges(const CellCandidates& candidates) {
  core::require(candidates.inputs >= 1 && candidates.nodes >= 1,
                "a cell of {} inputs and {} nodes",
                candidates.inputs,
                candidates.nodes);
  std::vector<MixedEdge> edges;
  for (int node = candidates.inputs; node < candidates.inputs + candidates.nodes; ++node) {
    for (int source = 0; source < node; ++source) edges.push_back({node, source});
  }
  return edges;
}

}  // namespace parsimony::space
