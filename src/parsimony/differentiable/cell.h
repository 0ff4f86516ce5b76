// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "parsimony/space/grid.h"

namespace parsimony::differentiable {

// The cell of a DARTS search (Liu, Simonyan and Yang, ICLR 2019; spec rspnet 4.7, 5): every node
// reads all inputs and all nodes before it, and each of these edges mixes all operations, weighed
// by a softmax of its alphas. What is derived is a space::GridCell; sources and nodes are numbered
// as there.

// An operation that competes for an edge; nothing: "none", the zero operation, which only a
// supernet has.
using CandidateOp = std::optional<space::GridOp>;
// All eight in the order of spec rspnet 4.8: none, then those of space::GridOp.
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

// All edges of the supernet's cell, ascending by node, then by source; alphas are in this order. Of
// 4 nodes and 1 input there are 10, of 2 inputs 14.
std::vector<MixedEdge> mixed_edges(const CellCandidates& candidates);

// One row per edge, one value per operation.
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
