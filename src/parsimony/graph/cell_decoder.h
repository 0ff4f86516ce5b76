// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/graph/decoder_options.h"
#include "parsimony/graph/encoder.h"
#include "parsimony/graph/graph.h"
#include "parsimony/space/cell.h"

namespace parsimony::graph {

// Lowers a cell genotype to the whole network as published (Nekrasov et al., CVPR 2019): every
// encoder layer, all four adaptation convolutions, every operation of every cell, used or not
// (graph/simplify.h removes what does not matter). Outputs: "logits" and, with auxiliary branches,
// "aux0", "aux1", ... Logits have the resolution of the largest collected block.
//
//   picture -> encoder -> 4 x [1x1 conv-BN-ReLU] -> pool
//   block: u = cell(pool[i]), v = cell(pool[j]) (own weights each), 1x1 conv-BN-ReLU on both,
//          the smaller one resized, sum -> pool
//   blocks nobody reads: concatenated at the largest size - ReLU - 1x1 conv-BN-ReLU - 3x3 conv
LoweredNetwork lower(const space::CellGenotype& genotype,
                     const EncoderOptions& encoder,
                     const DecoderOptions& decoder,
                     int classes);

}  // namespace parsimony::graph
