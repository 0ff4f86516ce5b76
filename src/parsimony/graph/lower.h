// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/graph/decoder_options.h"
#include "parsimony/graph/encoder.h"
#include "parsimony/space/spaces.h"

namespace parsimony::graph {

// The network of a genotype of any space; graph/cell_decoder.h and graph/template_decoder.h say
// what it consists of.
LoweredNetwork lower(const space::Genotype& genotype,
                     const EncoderOptions& encoder,
                     const DecoderOptions& decoder,
                     int classes);

}  // namespace parsimony::graph
