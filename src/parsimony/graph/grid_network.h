// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/graph/graph.h"
#include "parsimony/graph/grid_options.h"
#include "parsimony/space/grid.h"

namespace parsimony::graph {

// The whole network of a grid genotype, System D's RSPNet (Wang, Hsieh, Chang, arXiv 2210.00698).
// The paper's method section is not available; wiring, operators and sizes follow spec rspnet 4,
// which says what is the paper's and what is our completion. Scale i has the stride 4 * 2^i and C_i
// = nodes * filters * 2^i channels; every convolution but the classifier's is without bias, every
// batch norm has its factors.
//
//   stem (4.2)     3x3 /2 conv-BN-ReLU of 32, 3x3 depthwise-1x1-BN-ReLU, 3x3 /2 depthwise-1x1-BN to
//                  C_0
//   edges (4.4)    keep: nothing. Down: ReLU, 3x3 /2 depthwise, 1x1, BN; over several scales as often
//                  as they halve. Up: ReLU, 1x1, BN, bilinear (of the small map: the two commute)
//   node           path attention over the edges that lead to it, if several (4.5), then its module
//   module (4.6)   none: N cells behind each other. Iterative: N times u -> shuffle(cat(a, cell(b))),
//                  a and b the halves of u's channels; then, if closed, ReLU-1x1-BN. Nested: m_d(x) =
//                  BN 1x1 ReLU cat(a, m_{d+1}(cell(b))), at most N deep, once and on while a cell's
//                  nodes have at least 4 channels and a whole number of them
//   cell (4.7)     input: ReLU, 1x1, BN to C / nodes channels; nodes: sums of operations;
//                  output: all nodes concatenated. A second input is what the cell before reads; of
//                  a module's first cell what the module of its scale two layers before gives (the
//                  stem, two layers before layer 2), or the first input where there is none
//   operation      sep: twice ReLU, depthwise, 1x1, BN; dil: once, at dilation 2; pools of 3x3 (4.8)
//   drop path (8)  in training, operations but skips are left out for some pictures: those of cell t
//                  of layer l, both from 0, for a share of drop_path * (l N + t + 1) / (L N) when the
//                  training ends (the formula of scheduled drop path, with its layers our cells)
//   head (4.9)     per scale ReLU, 1x1, BN, ReLU, bilinear to stride 4; concatenated, 1x1-BN-ReLU,
//                  dropout, 1x1 classifier with bias
//
// Output: "logits" at stride 4, as of all our networks; who needs the picture's size resizes them.
// Everything is of the decoder's section: there is no encoder that comes with weights or that an
// optimiser would treat gently.
//
// A user error when the genotype does not obey options.rules, or channels cannot be divided as the
// module and the cell need it.
Graph grid_network(const space::GridGenotype& genotype, const GridOptions& options, int classes);

// Channels of a scale, of a cell of so many nodes.
std::int64_t grid_channels(int nodes, const GridOptions& options, int scale);

}  // namespace parsimony::graph
