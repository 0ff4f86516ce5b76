// SPDX-License-Identifier: Apache-2.0
#include "parsimony/bilevel/cell_relaxation.h"

#include <algorithm>
#include <iterator>

#include "parsimony/core/error.h"

namespace parsimony::bilevel {
namespace {

graph::Graph graph_of(const CellRelaxation::Design& design) {
  return graph::cell_supernet(design.paths, design.cells, design.network, design.classes);
}

}  // namespace

CellRelaxation::CellRelaxation(Design design,
                               core::Rng rng,
                               const network::Network::Options& options)
    : design_(std::move(design)),
      edges_(space::mixed_edges(design_.cells.candidates)),
      network_(graph_of(design_), rng.split("weights"), options) {
  const std::vector<space::CandidateOp>& ops = design_.cells.candidates.ops;
  for (std::size_t op = 0; op < ops.size(); ++op) {
    if (!ops[op]) continue;
    if (*ops[op] == space::GridOp::kSkip) skip_ = std::ssize(real_);
    real_.push_back(static_cast<std::int64_t>(op));
  }
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes = {
      {"alphas", alphas_shape()}};
  if (design_.cells.partial_channels > 1) shapes.push_back({"betas", {std::ssize(edges_)}});
  architecture_ = network::parameter_group(
      shapes, at::TensorOptions().dtype(options.dtype).device(options.device));
  core::Rng stream = rng.split("alphas");
  const Tensor values = architecture_.values.detach();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    values[i].fill_(design_.initial_deviation * stream.normal());
}

std::vector<std::int64_t> CellRelaxation::alphas_shape() const {
  return {std::ssize(edges_), std::ssize(design_.cells.candidates.ops)};
}

Tensor CellRelaxation::allowed(const Tensor& perturbation) const {
  const at::NoGradGuard no_grad;
  const Tensor weights = at::softmax(parameters(0), 1);
  const Tensor moved = weights + perturbation.to(weights.options());
  const Tensor strongest = at::one_hot(moved.argmax(1), moved.size(1)).to(moved.options());
  const Tensor held = moved.clamp(0, 1);
  const Tensor sum = held.sum(1, /*keepdim=*/true);
  return at::where(sum > 0, held / sum, strongest) - weights;
}

std::vector<Tensor> CellRelaxation::coefficients(const Tensor& perturbation) const {
  Tensor weights = at::softmax(parameters(0), 1);
  if (perturbation.defined()) weights = weights + perturbation.to(weights.options());
  weights = weights.index_select(1, at::tensor(real_, at::kLong).to(weights.device()));
  if (skip_ >= 0 && auxiliary_skip_ > 0) {
    Tensor skip = at::zeros({std::ssize(real_)}, weights.options());
    skip[skip_].fill_(auxiliary_skip_);
    weights = weights + skip;
  }
  return split(weights, architecture_.tensors.size() > 1 ? parameters(1) : Tensor());
}

// In the network's order: the operations of each edge, then, with partial channels, the edges of
// each node.
std::vector<Tensor> CellRelaxation::split(const Tensor& weights, const Tensor& betas) const {
  std::vector<Tensor> all = at::unbind(weights, 0);
  if (!betas.defined()) return all;
  std::int64_t first = 0;
  for (int node = candidates().inputs; first < std::ssize(edges_); ++node) {
    all.push_back(at::softmax(betas.narrow(0, first, node), 0));
    first += node;
  }
  return all;
}

std::vector<Tensor> CellRelaxation::coefficients_of(const space::GridCell& cell) const {
  Tensor weights =
      at::zeros({std::ssize(edges_), std::ssize(real_)}, architecture_.values.options());
  Tensor kept = at::zeros({std::ssize(edges_)}, architecture_.values.options());
  for (const space::GridCellEdge& edge : cell.edges) {
    const auto place = std::ranges::find(edges_, space::MixedEdge{edge.node, edge.source});
    core::require(place != edges_.end(), "the cell's edge {} <- {}", edge.node, edge.source);
    const std::int64_t at = place - edges_.begin();
    const std::vector<space::CandidateOp>& ops = candidates().ops;
    for (std::size_t op = 0; op < real_.size(); ++op) {
      if (ops[static_cast<std::size_t>(real_[op])] == edge.op)
        weights[at][static_cast<std::int64_t>(op)].fill_(1);
    }
    kept[at].fill_(1);
  }
  std::vector<Tensor> all = at::unbind(weights, 0);
  if (design_.cells.partial_channels == 1) return all;
  std::int64_t first = 0;
  for (int node = candidates().inputs; first < std::ssize(edges_); ++node) {
    all.push_back(kept.narrow(0, first, node));
    first += node;
  }
  return all;
}

void CellRelaxation::set_skip_dropout(double rate) {
  if (design_.cells.skip_dropout == 0) return;  // there are none to change
  design_.cells.skip_dropout = rate;
  network_.retune(graph_of(design_));
}

differentiable::Alphas CellRelaxation::alphas() const {
  const Tensor values = parameters(0).detach().to(at::kCPU, at::kDouble).contiguous();
  differentiable::Alphas alphas;
  for (std::int64_t edge = 0; edge < values.size(0); ++edge) {
    const double* row = values[edge].data_ptr<double>();
    alphas.emplace_back(row, row + values.size(1));
  }
  return alphas;
}

std::vector<double> CellRelaxation::edge_weights() const {
  std::vector<double> all;
  if (architecture_.tensors.size() < 2) return all;
  const at::NoGradGuard no_grad;
  std::int64_t first = 0;
  for (int node = candidates().inputs; first < std::ssize(edges_); ++node) {
    const Tensor weights =
        at::softmax(parameters(1).narrow(0, first, node), 0).to(at::kCPU, at::kDouble).contiguous();
    all.insert(all.end(), weights.data_ptr<double>(), weights.data_ptr<double>() + node);
    first += node;
  }
  return all;
}

void CellRelaxation::add_gradient(const differentiable::Alphas& gradient, double factor) {
  const at::NoGradGuard no_grad;
  Tensor values = at::empty(alphas_shape(), at::kDouble);
  for (std::size_t edge = 0; edge < gradient.size(); ++edge)
    std::ranges::copy(gradient[edge], values[static_cast<std::int64_t>(edge)].data_ptr<double>());
  Tensor into = parameters(0).grad();
  into.add_(values.to(into.options()), factor);
}

}  // namespace parsimony::bilevel
