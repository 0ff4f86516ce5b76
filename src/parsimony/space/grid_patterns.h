// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "parsimony/space/grid.h"

namespace parsimony::space {

// The sets of edges that a layer of a grid may keep: what counts, draws or weighs networks goes
// through all of them. 3, 31, 255 and 1,023 non-empty ones of the 2, 5, 8 and 10 edges between
// neighbours (spec rspnet 6), 65,535 of the 16 between all scales.
using GridPattern = std::uint32_t;  // bit e: the layer's possible edge e is kept

struct GridLayerPatterns {
  GridLayer edges;  // the possible ones
  // source_set and sink_set by pattern, that of no edges included: [2^edges].
  std::vector<unsigned> sources, sinks;

  std::size_t size() const { return sources.size(); }
  GridLayer kept(GridPattern pattern) const;
};

// Those of a whole grid, in the order of GridGenotype::layers: layer l of possible_edges, which
// counts from 1, is at the index l - 1. An internal error for less than one layer.
std::vector<GridLayerPatterns> layer_patterns(int layers, const GridRules& rules);

}  // namespace parsimony::space
