// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "parsimony/space/grid.h"
#include "parsimony/space/mixed_cell.h"

namespace parsimony::differentiable {

// What a cell of mixed operations (space/mixed_cell.h) holds, and the space::GridCell that is
// derived of it.
using space::CandidateOp;
using space::CellCandidates;
using space::MixedEdge;

// In the order of space::mixed_edges. One row per edge, one value per operation.
using Alphas = std::vector<std::vector<double>>;

// softmax(alpha) of each edge.
Alphas operation_weights(const Alphas& alphas);

struct DerivationOptions {
  int edges_per_node = 2;       // strongest incoming edges that stay; all, if there are fewer
  std::optional<int> skip_cap;  // most skip connections of a cell
};

// The discrete cell of the weights (operation_weights). An edge is as strong as its largest weight
// of an operation other than none, the strongest of a node stay, each with that operation. Of equal
// ones the earlier edge or operation is taken.
//
// With a cap, as in P-DARTS (Chen et al., ICCV 2019, reference code): while the cell has more skip
// connections, skip is ruled out on that of its edges where it weighs least, and the cell is
// derived anew. So the weakest skip is replaced by the edge's next best operation, or by another
// edge if that makes one stronger.
//
// `edge_weights`, one per edge, multiply strengths (PC-DARTS, Xu et al., ICLR 2020); empty: all 1.
// An internal error unless an operation other than none is left on every edge.
space::GridCell derive_cell(const CellCandidates& candidates,
                            const Alphas& weights,
                            const DerivationOptions& options,
                            std::span<const double> edge_weights = {});

// Entropy of softmax(alpha) of each edge in nats, from 0 (decided) to log(operations): a monitor.
std::vector<double> edge_entropies(const Alphas& alphas);

// What drives alphas to a decision: the mean of -w log(w + 1e-5) over all weights of all edges, the
// form that DiNTS gives the entropy of its paths (spec rspnet 10), with its gradient with respect
// to the alphas.
struct AlphaLoss {
  double value = 0;
  Alphas gradient;
};
AlphaLoss alpha_entropy(const Alphas& alphas);

}  // namespace parsimony::differentiable
