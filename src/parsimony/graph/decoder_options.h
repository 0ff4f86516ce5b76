// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/fields.h"

namespace parsimony::graph {

// What a decoder looks like beside its genotype. The numbers are those of the published searches;
// the published final networks have width 64 and 2 repeats.
struct DecoderOptions {
  // Channels of every feature map of a cell decoder, of the head of a template decoder.
  int width = 48;
  int repeats = 1;  // how often a separable convolution is repeated
  bool auxiliary =
      true;  // cell decoders: auxiliary classifiers on every block's output, for training only
  bool auxiliary_cells = true;  // a cell before each auxiliary classifier
  void visit(core::FieldVisitor& v);
  bool operator==(const DecoderOptions&) const = default;
};

}  // namespace parsimony::graph
