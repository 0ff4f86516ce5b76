// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/graph/decoder_options.h"
#include "parsimony/graph/encoder.h"
#include "parsimony/graph/graph.h"
#include "parsimony/space/templates.h"

namespace parsimony::graph {

// Lowers a template genotype to the whole network as published (Nekrasov, Shen and Reid, WACV
// 2020). Its encoder ends at the second tap and it has no auxiliary branches, whatever the options
// say. Output: "logits", with the resolution of the largest collected block.
//
//   picture -> encoder -> taps at strides 4 and 8 -> pool
//   block: repeat 0: z = template(pool[i], pool[j]), repeat r: (x, y) = (y, z), z = template(x, y)
//          with new weights; the last z -> pool
//   template: u = op1(x), v = op2(y), the narrower one brought to the other's width by 1x1
//             conv-BN-ReLU, one resized to the other: the larger one in the blocks of the first
//             half, the smaller one in those of the second; psum: a u + b v with one a and one b
//             per channel; cat: [u, v] - BN - ReLU - 1x1 conv
//   blocks nobody reads: concatenated at the largest size - ReLU - 1x1 conv-BN-ReLU - 3x3 conv
//
// In a block with stride 2 every operation of every repeat has that stride, and every repeat of a
// separable convolution too, so that networks with other `repeats` have other resolutions. Global
// pooling and skip keep the size. The first repeat of such a block doubles the channels on each
// path; a skip does so by standing twice. Max pooling comes after a 1x1 conv-BN.
LoweredNetwork lower(const space::TemplateGenotype& genotype,
                     const EncoderOptions& encoder,
                     const DecoderOptions& decoder,
                     int classes);

}  // namespace parsimony::graph
