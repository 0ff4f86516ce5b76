// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/decoder_options.h"

namespace parsimony::graph {

void DecoderOptions::visit(core::FieldVisitor& v) {
  v.field("width",
          width,
          {"channels of a cell decoder's feature maps, or of a template decoder's head", 1, 4096});
  v.field("repeats", repeats, {"repeats of a separable convolution", 1, 8});
  v.field("auxiliary", auxiliary, {"auxiliary classifiers while training (cell decoders only)"});
  v.field("auxiliary_cells", auxiliary_cells, {"a cell in front of each auxiliary classifier"});
}

}  // namespace parsimony::graph
