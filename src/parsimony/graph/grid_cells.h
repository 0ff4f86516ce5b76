// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "parsimony/graph/decoder_layers.h"
#include "parsimony/graph/grid_options.h"
#include "parsimony/space/grid.h"

namespace parsimony::graph {

// Appends the modules of a grid's nodes; graph/grid_network.h says what they consist of.
class GridCells {
 public:
  GridCells(Graph& graph, const space::GridCell& cell, const GridOptions& options)
      : layers_(graph), cell_(cell), options_(options) {}

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
  NodeId operation(space::GridOp op, NodeId x, std::int64_t channels, const std::string& name);
  NodeId half(NodeId x, std::int64_t channels, bool second, const std::string& name);

  DecoderLayers layers_;
  const space::GridCell& cell_;
  const GridOptions& options_;
};

}  // namespace parsimony::graph
