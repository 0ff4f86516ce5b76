// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parsimony/bilevel/relaxation.h"
#include "parsimony/core/rng.h"
#include "parsimony/differentiable/paths/grid.h"
#include "parsimony/graph/grid_supernet.h"

namespace parsimony::bilevel {

// The supernet of a search of paths (graph::path_supernet): every edge of its grid has a gamma,
// which with what the edge's map holds decides how far its gate is open.
class PathRelaxation final : public Relaxation {
 public:
  struct Design {
    std::vector<space::GridLayer> paths;  // that there are
    space::GridCell cell;
    graph::GridOptions network;  // with the gates of a search
    int classes = 2;
    double initial_deviation = 0.01;  // of the gammas, around 0, or 1.5 for relu_tanh
    // Whether what a node makes is multiplied by the probability that the node is there at all.
    bool presence = false;
  };
  PathRelaxation(Design design, core::Rng rng, const network::Network::Options& options);

  network::Network& network() override { return network_; }
  network::ParameterGroup& architecture() override { return architecture_; }
  std::vector<Tensor> coefficients() const override;

  // How far each edge's gate is open for the pictures of the last forward pass: one tensor per
  // layer, [N, edges]; where no content is read N is 1. Differentiable in the gammas; what the maps
  // hold counts as given, so that a loss of gates trains gammas only (spec rspnet 6). Of a node
  // that one edge leads to, the gate says nothing but whether that edge stays.
  std::vector<Tensor> gates() const;
  // The gammas alone, by layer and edge: for decoding by leaving edges.
  differentiable::EdgeValues gammas() const;
  void set_temperature(double temperature);

  // The network of some of the paths with this one's weights and gammas.
  PathRelaxation narrowed(const std::vector<space::GridLayer>& paths) const;

 private:
  // The edges of a layer that lead to one node.
  struct Entry {
    std::size_t layer = 0;
    int scale = 0;
    std::vector<std::int64_t> edges;
    std::string attention() const;
  };
  static std::vector<Entry> entries_of(const std::vector<space::GridLayer>& paths);
  Tensor gammas_of(const Entry& entry) const;
  Tensor presence_of(const Entry& entry) const;
  std::vector<std::int64_t> kept_columns(const space::GridLayer& last) const;
  Tensor opened(const Tensor& scores) const;

  Design design_;
  std::vector<Entry> entries_;
  mutable network::Network network_;
  network::ParameterGroup architecture_;
};

}  // namespace parsimony::bilevel
