// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/sparse_mask.h"

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

constexpr double kSlopeEnd = 1e-6;

double inner(double u) {
  return std::clamp(u, kSlopeEnd, 1 - kSlopeEnd);
}

// -share log(u), 0 for a share of 0 whatever u is.
double cross_entropy_part(double share, double u) {
  return share == 0 ? 0 : -share * std::log(u);
}

double cross_entropy(double share, double u) {
  return cross_entropy_part(share, u) + cross_entropy_part(1 - share, 1 - u);
}

}  // namespace

SparseMaskLoss sparse_mask(std::span<const double> weights, double share) {
  core::require(!weights.empty(), "the sparsifier of no weights");
  core::require(share >= 0 && share <= 1, "a share of {} of the weights, not from 0 to 1", share);
  const auto count = static_cast<double>(weights.size());
  SparseMaskLoss loss;
  double mean = 0;
  for (const double weight : weights) {
    core::require(weight >= 0 && weight <= 2, "a weight of {}, not from 0 to 2", weight);
    const double u = weight / 2;
    mean += u / count;
    loss.value += cross_entropy(u, u) / count;
    loss.gradient.push_back(std::log((1 - inner(u)) / inner(u)) / (2 * count));
  }
  const double m = inner(mean);
  loss.value += cross_entropy(share, m);
  for (double& slope : loss.gradient) slope += ((1 - share) / (1 - m) - share / m) / (2 * count);
  return loss;
}

double sparse_mask_share(std::size_t weights) {
  return std::min(2 / static_cast<double>(weights), 0.5);
}

GateLoss sparse_mask_of_nodes(const Grid& grid, const EdgeValues& gates) {
  require_gates(grid, gates);
  GateLoss total = no_loss(grid);
  for (std::size_t l = 0; l < grid.size(); ++l) {
    const space::GridLayer& edges = grid[l].edges;
    for (int node = 0; node < space::kGridScales; ++node) {
      std::vector<std::size_t> entering;
      std::vector<double> weights;
      for (std::size_t e = 0; e < edges.size(); ++e) {
        if (edges[e].to != node) continue;
        entering.push_back(e);
        weights.push_back(2 * gates[l][e]);
      }
      if (entering.size() < 2) continue;
      const SparseMaskLoss loss = sparse_mask(weights, sparse_mask_share(weights.size()));
      total.value += loss.value;
      for (std::size_t k = 0; k < entering.size(); ++k)
        total.gradient[l][entering[k]] = 2 * loss.gradient[k];
    }
  }
  return total;
}

}  // namespace parsimony::differentiable
