// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "parsimony/graph/subsample.h"

// Candidates of one supernet begin alike: those that agree in the choices up to some point compute
// the same values there. Stages are the runs of layers between such points, so that what a stage
// computes can be kept and shared.
namespace parsimony::supernet {

struct Stage {
  graph::NodeId first = 0, last = 0;  // nodes of the supernet, both included
  // Whose choices matter here first; those of earlier stages may matter here too. Ascending.
  std::vector<std::size_t> sites;
};

// From the picture to the logits, one for each block, group of branches or width that begins at a
// point of its own; all nodes are in one. The first may have no sites: what all candidates share.
std::vector<Stage> stages_of(const graph::Supernet& supernet);

// A candidate's part of a stage. Values are named by the supernet's nodes that compute them.
struct StageGraph {
  graph::Graph graph;  // without nodes where the candidate leaves all of the stage out
  std::vector<graph::NodeId> inputs, outputs;  // of `graph`, in its order
  std::vector<graph::NodeId>
      live;  // what later stages or the graph's outputs still read, ascending
};

// The parts of graph::subsample(supernet, choices): run one after the other they compute its
// outputs.
std::vector<StageGraph> staged(const graph::Supernet& supernet,
                               const std::vector<Stage>& stages,
                               const graph::Choices& choices);

}  // namespace parsimony::supernet
