// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "parsimony/graph/decoder_layers.h"
#include "parsimony/graph/grid_options.h"
#include "parsimony/space/grid.h"
#include "parsimony/space/mixed_cell.h"

namespace parsimony::graph {

// What fills the cells of a grid: one cell, or all that a search chooses from.
struct MixedCells {
  space::CellCandidates candidates;
  int partial_channels = 1;  // K: mixed operations see 1 / K of the channels (PC-DARTS)
  double skip_dropout = 0;   // of values, in training (P-DARTS)
};
using CellContent = std::variant<space::GridCell, MixedCells>;
int nodes_of(const CellContent& content);
int inputs_of(const CellContent& content);

// Appends the modules of a grid's nodes; graph/grid_network.h and graph/grid_supernet.h say what
// they consist of. `layers`: of the grid.
class GridCells {
 public:
  GridCells(Graph& graph,
            const CellContent& content,
            const GridOptions& options,
            std::size_t layers);

  // From now on modules are of this layer, counted from 0.
  void set_layer(std::size_t layer) { layer_ = layer; }

  // A module, with maps of `channels` channels: `x` is what enters, `before` the second input of
  // its first cell. Returns what leaves.
  NodeId module(NodeId x, NodeId before, std::int64_t channels, const std::string& name);

  // ReLU, convolutions without bias, batch norm: what all of the grid is made of. A depthwise
  // convolution of the kernel stands before the 1x1 convolution, if there is one.
  struct Block {
    std::int64_t in_channels = 0, out_channels = 0;
    std::int64_t kernel = 1, stride = 1, dilation = 1;
  };
  NodeId block(NodeId x, const Block& block, const std::string& name);

 private:
  NodeId iterative(NodeId x, NodeId before, std::int64_t channels, const std::string& name);
  NodeId nested(NodeId x, NodeId before, std::int64_t channels, int depth, const std::string& name);
  NodeId chain(NodeId x, NodeId before, std::int64_t channels, const std::string& name);
  NodeId cell(NodeId x, NodeId before, std::int64_t channels, const std::string& name);
  std::vector<NodeId> filled(const space::GridCell& cell,
                             std::vector<NodeId> values,
                             std::int64_t width,
                             const std::string& name);
  std::vector<NodeId> filled(const MixedCells& cells,
                             std::vector<NodeId> values,
                             std::int64_t width,
                             const std::string& name);
  NodeId mixed(const MixedCells& cells,
               NodeId x,
               NodeId weights,
               std::int64_t width,
               const std::string& name);
  NodeId operation(space::GridOp op, NodeId x, std::int64_t channels, const std::string& name);
  // An operation as it is trained in the final network: now and then it is left out.
  NodeId dropped(NodeId x, const std::string& name);
  NodeId half(NodeId x, std::int64_t channels, bool second, const std::string& name);

  DecoderLayers layers_;
  const CellContent& content_;
  const GridOptions& options_;
  const std::size_t layer_count_;
  const int inputs_, nodes_;  // of a cell
  std::size_t layer_ = 0;
  int cell_of_node_ = 0;
  std::vector<NodeId> edge_weights_;  // of mixed edges: which operation
  std::vector<NodeId> node_weights_;  // of nodes with partial channels: which edge
};

}  // namespace parsimony::graph
