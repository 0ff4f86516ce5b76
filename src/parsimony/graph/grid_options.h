// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "parsimony/core/fields.h"
#include "parsimony/graph/graph.h"
#include "parsimony/space/grid.h"

namespace parsimony::graph {

// How a node's cells are put together (spec rspnet 4.6).
enum class RspMode { kNone, kIterative, kNested };
inline constexpr std::array<std::string_view, 3> kRspModeNames = {"none", "iterative", "nested"};

// How path attention fuses what meets in a node.
struct GateOptions {
  PathGate kind = PathGate::kSoftmax;
  bool dynamic = true;
  int kept = 1;
  double temperature = 1;
  void visit(core::FieldVisitor& v);
  bool operator==(const GateOptions&) const = default;
};

struct GridHeadOptions {
  int scale_channels = 64;  // of each scale before they are concatenated
  int channels = 128;       // behind that
  double dropout = 0.1;
  void visit(core::FieldVisitor& v);
  bool operator==(const GridHeadOptions&) const = default;
};

// What a network of the grid space looks like beside its genotype (spec rspnet 3); layers, cell
// nodes and cell inputs are the genotype's. The defaults are the completion's "1/4 of the
// parameters" design (4.10). That a node has four cells in the final network and one while
// searching is the paper's; all else is our completion of what it does not say.
struct GridOptions {
  int filters = 20;  // F: scale i has nodes * F * 2^i channels
  int cells = 4;     // N, per node of the grid
  RspMode rsp = RspMode::kIterative;
  bool close = true;  // iterative: a 1x1 convolution of all channels behind the cells
  GateOptions gate = {};
  GridHeadOptions head = {};
  double drop_path = 0;  // rate of the last cell's operations when a training ends, others less
  space::GridRules rules = {};  // that the paths must obey
  void visit(core::FieldVisitor& v);
  bool operator==(const GridOptions&) const = default;
};

}  // namespace parsimony::graph
