// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/graph/lower.h"

namespace parsimony::evaluate {

// The graphs of a candidate with a searched decoder, simplified: what is trained, exported and
// counted.
struct CandidateGraphs {
  graph::Graph whole;                     // encoder and decoder, auxiliary branches if described
  graph::Graph decoder;                   // inputs: those encoder taps that it reads
  std::vector<std::size_t> tap_of_input;  // which tap each input of `decoder` is
};
CandidateGraphs candidate_graphs(const space::Genotype& genotype,
                                 const graph::NetworkDescription& description);

// The encoder alone up to the last of its first `taps` taps, which are the outputs.
graph::Graph encoder_graph(const graph::EncoderOptions& encoder, int taps);

}  // namespace parsimony::evaluate
