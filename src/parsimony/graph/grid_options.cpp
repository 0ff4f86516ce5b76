// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/grid_options.h"

namespace parsimony::graph {

void GateOptions::visit(core::FieldVisitor& v) {
  v.choice("kind", kind, kPathGateNames, {"how the scores of maps become weights"});
  v.field("dynamic", dynamic, {"whether scores depend on what the maps hold"});
  v.field("kept", kept, {"hard_topk: maps that pass", 1, 4});
  v.field("temperature", temperature, {"of the sigmoid or the softmax", 1e-3, 1e3});
}

void GridHeadOptions::visit(core::FieldVisitor& v) {
  v.field(
      "scale_channels", scale_channels, {"of each scale before they are concatenated", 1, 4096});
  v.field("channels", channels, {"behind the concatenation", 1, 4096});
  v.field("dropout", dropout, {"share of values dropped before the classifier", 0, 0.99});
}

void GridOptions::visit(core::FieldVisitor& v) {
  v.field("filters", filters, {"scale i has nodes * filters * 2^i channels", 1, 1024});
  v.field("cells", cells, {"cells per node of the grid", 1, 16});
  v.choice("rsp", rsp, kRspModeNames, {"how they are put together"});
  v.field("close", close, {"iterative: a 1x1 convolution of all channels behind the cells"});
  v.group("gate", gate, "path attention");
  v.group("head", head, "what follows the last layer");
  v.field("drop_path",
          drop_path,
          {"share of pictures that an operation of the last cell is left out for at the end of a "
           "training, less before and in earlier cells",
           0,
           0.99});
  rules.visit(v);
}

}  // namespace parsimony::graph
