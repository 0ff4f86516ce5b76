// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/deploy/trained_graph.h"

// Passes over a trained network. All exporters and latency meters see what these leave.
namespace parsimony::deploy {

// The part of the graph that computes "logits": auxiliary branches serve training only.
graph::Graph drop_auxiliary(const graph::Graph& graph);

// Folds batch norm into the convolution before it, which gets a bias and keeps its name:
//
//   s = weight / sqrt(running_var + 1e-5);  W' = s W;  b' = bias + s (b - running_mean)
//
// A batch norm stays when it reads something else than a convolution, or when another node or an
// output reads that convolution too. The result holds the arrays that its graph reads, no others;
// metadata is kept. Arithmetic in double precision; results rounded to float once.
TrainedGraph fold_batch_norm(const graph::Graph& graph, const weights::ArrayMap& weights);

}  // namespace parsimony::deploy
