// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "parsimony/graph/decoder_layers.h"
#include "parsimony/graph/grid_cells.h"
#include "parsimony/graph/grid_options.h"
#include "parsimony/space/grid.h"

namespace parsimony::graph {

// Where the scores of maps that meet in a node come from beside their content.
enum class GammaSource { kLearned, kGiven };

// Whether what a node makes counts wholly, or as much as Coefficients say, one for each node.
enum class NodePresence { kCertain, kGiven };

// Appends a whole network of a grid, from the picture to the logits; graph/grid_network.h says what
// it consists of. Refers to all that it is made from.
class GridWiring {
 public:
  GridWiring(Graph& graph,
             const std::vector<space::GridLayer>& paths,
             const CellContent& content,
             const GridOptions& options,
             GammaSource gammas,
             NodePresence presence = NodePresence::kCertain);
  NodeId build(NodeId picture, int classes);

 private:
  using Maps = std::map<int, NodeId>;  // by scale

  std::int64_t channels(int scale) const;
  Maps stem(NodeId picture);  // the maps that the first layer reads
  Maps layer(std::size_t index, const Maps& before, const Maps& from);
  NodeId second(
      NodeId x, std::size_t index, const Maps& before, int scale, const std::string& name);
  NodeId transition(NodeId x, const space::GridEdge& edge, const std::string& name);
  NodeId down(NodeId x, int scale, const std::string& name);  // from the next finer scale
  // A map that comes from a node of a layer, the stem's being before the first.
  NodeId present(NodeId x, std::size_t layer, int scale, const std::string& name);
  NodeId fused(std::vector<NodeId> inputs, int scale, const std::string& name);
  NodeId head(const Maps& maps, int classes);

  DecoderLayers layers_;
  const std::vector<space::GridLayer>& paths_;
  const GridOptions& options_;
  const int nodes_;  // of a cell
  const bool reads_before_;
  const GammaSource gammas_;
  const NodePresence presence_;
  std::map<std::pair<std::size_t, int>, NodeId> presences_;  // by layer, from 1, and scale
  GridCells cells_;
  Maps size_of_scale_;  // the first map of each scale
};

}  // namespace parsimony::graph
