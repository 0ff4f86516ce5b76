// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/lower.h"

#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/template_decoder.h"

namespace parsimony::graph {

LoweredNetwork lower(const space::Genotype& genotype,
                     const EncoderOptions& encoder,
                     const DecoderOptions& decoder,
                     int classes) {
  return std::visit(
      [&](const auto& of_space) { return lower(of_space, encoder, decoder, classes); }, genotype);
}

}  // namespace parsimony::graph
