// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/lower.h"
#include "parsimony/space/cell.h"

namespace parsimony::network {

// Published networks, and a decoder on MobileNet-v2 of any of them.
inline constexpr const char* kArch0 = "[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]";
inline constexpr const char* kArch1 = "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]";
// Template space, spec 7.2.
inline constexpr const char* kTemplates0 =
    "[[[3,0,1],[4,1,1],[3,1,1]],"
    "[[0,1,0,0,1],[2,1,2,1,0],[3,1,1,1,0],[1,1,2,0,0],[3,0,2,0,0],[5,3,2,1,0],[0,5,0,1,0]]]";
inline constexpr const char* kTemplates1 =
    "[[[1,1,0],[1,3,0],[3,4,0]],"
    "[[1,1,0,0,0],[0,1,1,1,1],[3,1,2,3,0],[3,0,2,2,0],[0,1,2,0,0],[2,1,1,3,0],[4,0,2,2,0]]]";
inline constexpr const char* kHelen =
    "[[5,[1,0,3,5],[1,0,10,10],[6,6,0,10]],[[1,0],[4,2],[3,2],[0,2],[1,4]]]";

inline graph::LoweredNetwork lowered(const char* genotype, int width, int repeats, int classes) {
  return graph::lower(space::parse_cell_genotype(genotype),
                      graph::EncoderOptions{},
                      graph::DecoderOptions{.width = width, .repeats = repeats},
                      classes);
}

}  // namespace parsimony::network
