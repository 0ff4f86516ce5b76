// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parsimony/graph/graph.h"

namespace parsimony::graph {

// The same network without what cannot matter. Two published habits of cell search make such layers
// frequent: everything is built whether used or not, and "none" and "skip" are operations.
//
//  * what no output needs is left out, unused adaptation convolutions included;
//  * zeros spread: the result of "none" is zero, and so is conv-BN-ReLU of zero: a bias-free
//    convolution of zero is zero, batch norm turns it into its shift, which starts at zero and,
//    behind a ReLU at zero, never gets a gradient. (Exact for networks trained from their usual
//    initialisation without weight decay on shifts; do not apply it to weights from elsewhere.)
//    Zero terms of sums and zero channels of concatenations disappear, with the weights
//    behind them;
//  * sums of sums become one sum, sums and concatenations of one map become that map;
//  * ReLU of what is non-negative already disappears (sums, resizes and joins of ReLU results);
//  * a map that is needed for its size only is replaced by the encoder tap it got its size from;
//  * an auxiliary output stays only if the block it is attached to still matters for "logits".
//
// Values of the remaining outputs are unchanged up to floating-point order.
Graph simplify(const Graph& graph);

// Whether "logits" is the same for every picture (all paths lead through "none"). Such candidates
// are rejected before training.
bool is_constant(const Graph& simplified);

// Text that is equal for networks that are equal up to the names of layers and the order of terms
// of sums and concatenations; computed from the "logits" part of a simplified graph. Equal texts
// mean equal networks; for two equal networks the texts can differ only if the network has
// look-alike parts that no local property tells apart, which costs a second evaluation and is never
// wrong.
std::string canonical_text(const Graph& simplified);

// The first 16 hexadecimal digits of the SHA-256 of canonical_text.
std::string canonical_id(const Graph& simplified);

// For each node, a number that is equal for nodes, of any graphs, that compute the same function of
// equally named inputs once their weights are equal: the same layers below, in the same order where
// the order decides which weight meets which channel.
std::vector<std::uint64_t> structures(const Graph& graph);

}  // namespace parsimony::graph
