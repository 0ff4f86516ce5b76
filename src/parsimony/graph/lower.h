// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/graph/decoder_options.h"
#include "parsimony/graph/deeplab.h"
#include "parsimony/graph/encoder.h"
#include "parsimony/graph/grid_options.h"
#include "parsimony/space/spaces.h"

namespace parsimony::graph {

// Everything beside the genotype that decides what a network looks like.
struct NetworkDescription {
  EncoderOptions encoder = {};  // of networks with a searched decoder
  DecoderOptions decoder = {};
  int classes = 2;
  DeeplabOptions supernet = {};  // that parts of a supernet are parts of
  GridOptions grid = {};         // of networks of the grid space
  void visit(core::FieldVisitor& v);
};

// The network of a genotype of any space; graph/cell_decoder.h, graph/template_decoder.h,
// graph/deeplab.h and graph/grid_network.h say what it consists of. Parts of a supernet and grids
// have no taps.
LoweredNetwork lower(const space::Genotype& genotype, const NetworkDescription& description);

// The same simplified (graph/simplify.h): what is trained, exported and counted.
Graph simplified_network(const space::Genotype& genotype, const NetworkDescription& description);

// What graph::subsample understands: all zeros for the whole supernet.
Choices choices_of(const space::Subnetwork& subnetwork, const Supernet& supernet);

}  // namespace parsimony::graph
