// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/bilevel/relaxation.h"
#include "parsimony/core/rng.h"
#include "parsimony/differentiable/cell.h"
#include "parsimony/graph/grid_supernet.h"

namespace parsimony::bilevel {

// The supernet of a search of cells (graph::cell_supernet): each edge of its cell mixes operations
// by softmax(alpha), in all cells alike (DARTS; Auto-DeepLab shares alphas between scales). With
// partial channels the edges of a node are weighed too, by a softmax of their betas (PC-DARTS).
class CellRelaxation final : public Relaxation {
 public:
  struct Design {
    std::vector<space::GridLayer> paths;
    graph::MixedCells cells;
    graph::GridOptions network;
    int classes = 2;
    double initial_deviation = 1e-3;  // of the alphas around 0
  };
  CellRelaxation(Design design, core::Rng rng, const network::Network::Options& options);

  network::Network& network() override { return network_; }
  network::ParameterGroup& architecture() override { return architecture_; }
  std::vector<Tensor> coefficients() const override { return coefficients({}); }

  // The same with `perturbation` [edges, operations] added to softmax(alpha) (SDARTS); undefined:
  // nothing.
  std::vector<Tensor> coefficients(const Tensor& perturbation) const;
  // The perturbation after which the weights of each edge are again from 0 to 1 and sum to 1, as in
  // SDARTS' reference code: cut off, then divided by what is left; where nothing is left, the
  // largest weighs 1.
  Tensor allowed(const Tensor& perturbation) const;
  // Those of one cell: each of its edges has one operation, all other weights are zero. Of edges
  // that are weighed, the kept ones weigh 1.
  std::vector<Tensor> coefficients_of(const space::GridCell& cell) const;

  // Weight of an identity beside each mixed operation (DARTS-: Chu et al., ICLR 2021). Where skip
  // connections drop values, so does it.
  void set_auxiliary_skip(double weight) { auxiliary_skip_ = weight; }
  void set_skip_dropout(double rate);

  const space::CellCandidates& candidates() const { return design_.cells.candidates; }
  std::vector<std::int64_t> alphas_shape() const;  // [edges, operations]
  differentiable::Alphas alphas() const;
  std::vector<double> edge_weights() const;  // softmax of the betas by node; empty without
  // Adds a gradient by the alphas to the architecture's.
  void add_gradient(const differentiable::Alphas& gradient, double factor);

 private:
  Tensor parameters(std::size_t which) const { return architecture_.tensors[which].second; }
  std::vector<Tensor> split(const Tensor& weights, const Tensor& edges) const;

  Design design_;
  std::vector<space::MixedEdge> edges_;
  std::vector<std::int64_t> real_;  // operations that weigh something: all but "none"
  std::int64_t skip_ = -1;          // the skip connection among these
  network::Network network_;
  network::ParameterGroup architecture_;
  double auxiliary_skip_ = 0;
};

}  // namespace parsimony::bilevel
