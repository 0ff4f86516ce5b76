// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace parsimony::differentiable {

// The cell of a DARTS search (Liu, Simonyan and Yang, ICLR 2019; spec/rspnet.md 4.7, 5): a number
// of inputs, then intermediate nodes that sum what their incoming edges bring. States are numbered
// from 0, inputs first.
struct CellShape {
  int inputs = 1, nodes = 4;
};

struct CellEdge {
  int node = 0, source = 0;  // states
  int op = 0;                // an index among the candidate operations
  auto operator<=>(const CellEdge&) const = default;
};

// All edges of a cell's supernet, sorted, op 0; alphas are in this order. Of 4 nodes and 1 input
// there are 10, of 2 inputs 14.
std::vector<CellEdge> edges_of(const CellShape& shape);

// What derivation has to know about the candidate operations. As in the spec: none comes first and
// skip_connect fourth of eight.
struct CandidateOps {
  int count = 8;
  std::optional<int> none = 0, skip = 3;
};

// One row per edge, one value per operation.
using Alphas = std::vector<std::vector<double>>;

// softmax(alpha) of each edge.
Alphas operation_weights(const Alphas& alphas);

struct DerivationOptions {
  int edges_per_node = 2;       // strongest incoming edges that stay; all, if there are fewer
  std::optional<int> skip_cap;  // most skip connections of a cell
};

// The discrete cell of the weights (operation_weights), sorted by node and source. An edge is as
// strong as its largest weight of an operation other than none, the strongest of a node stay, each
// with that operation. Of equal ones the earlier edge or operation is taken.
//
// With a cap, as in P-DARTS (Chen et al., ICCV 2019, reference code): while the cell has more skip
// connections, skip_connect is ruled out on that of its edges where it weighs least, and the cell
// is derived anew. So the weakest skip is replaced by the edge's next best operation, or by another
// edge if that makes one stronger.
//
// `edge_weights`, one per edge, multiply strengths (PC-DARTS, Xu et al., ICLR 2020); empty: all 1.
// An internal error unless an operation other than none is left on every edge.
std::vector<CellEdge> derive_cell(const CellShape& shape,
                                  const CandidateOps& ops,
                                  const Alphas& weights,
                                  const DerivationOptions& options,
                                  std::span<const double> edge_weights = {});

int count_of(const std::vector<CellEdge>& cell, int op);

// How many discrete cells there are of so many operations other than none, two edges per node
// (spec 4.10): 14,823,774 of 4 nodes, 1 input and 7 operations.
std::uint64_t count_cells(const CellShape& shape, int operations);

// Entropy of softmax(alpha) of each edge in nats, from 0 (decided) to log(operations): a monitor.
std::vector<double> edge_entropies(const Alphas& alphas);

// What drives alphas to a decision: the mean of -w log(w + 1e-5) over all weights of all edges, the
// form that DiNTS gives the entropy of its paths (spec 10), with its gradient with respect to the
// alphas.
struct AlphaLoss {
  double value = 0;
  Alphas gradient;
};
AlphaLoss alpha_entropy(const Alphas& alphas);

}  // namespace parsimony::differentiable
