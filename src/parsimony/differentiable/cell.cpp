// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/cell.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/entropy_term.h"

namespace parsimony::differentiable {
namespace {

// An edge with the best operation that it may have.
struct Contender {
  std::size_t index = 0;
  CellEdge edge;
  double weight = 0;    // of the operation
  double strength = 0;  // of the edge
};

Contender contender(std::size_t index,
                    CellEdge edge,
                    const std::vector<double>& weights,
                    const std::vector<bool>& allowed) {
  int best = -1;
  for (int op = 0; op < std::ssize(weights); ++op) {
    const auto o = static_cast<std::size_t>(op);
    if (allowed[o] && (best < 0 || weights[o] > weights[static_cast<std::size_t>(best)])) best = op;
  }
  core::require(best >= 0,
                "no operation is left for the edge from state {} to state {}",
                edge.source,
                edge.node);
  edge.op = best;
  const double weight = weights[static_cast<std::size_t>(best)];
  return {.index = index, .edge = edge, .weight = weight, .strength = weight};
}

using Allowed = std::vector<std::vector<bool>>;  // [edge][operation]

std::vector<Contender> derive(const CellShape& shape,
                              const Alphas& weights,
                              const Allowed& allowed,
                              std::span<const double> edge_weights,
                              int edges_per_node) {
  const std::vector<CellEdge> edges = edges_of(shape);
  std::vector<Contender> cell;
  for (std::size_t first = 0; first < edges.size();) {
    std::vector<Contender> incoming;
    std::size_t e = first;
    for (; e < edges.size() && edges[e].node == edges[first].node; ++e) {
      incoming.push_back(contender(e, edges[e], weights[e], allowed[e]));
      if (!edge_weights.empty()) incoming.back().strength *= edge_weights[e];
    }
    first = e;
    std::ranges::stable_sort(incoming, std::greater<>(), &Contender::strength);
    incoming.resize(std::min(incoming.size(), static_cast<std::size_t>(edges_per_node)));
    std::ranges::sort(incoming, {}, &Contender::edge);
    cell.insert(cell.end(), incoming.begin(), incoming.end());
  }
  return cell;
}

Allowed all_but_none(std::size_t edges, const CandidateOps& ops) {
  std::vector<bool> row(static_cast<std::size_t>(ops.count), true);
  if (ops.none) row[static_cast<std::size_t>(*ops.none)] = false;
  return Allowed(edges, row);
}

void require_rows(const Alphas& rows, std::size_t edges, int ops) {
  core::require(rows.size() == edges, "alphas of {} edges, the cell has {}", rows.size(), edges);
  for (const std::vector<double>& row : rows)
    core::require(std::ssize(row) == ops, "{} alphas of an edge, expected {}", row.size(), ops);
}

}  // namespace

std::vector<CellEdge> edges_of(const CellShape& shape) {
  core::require(shape.inputs >= 1 && shape.nodes >= 1,
                "a cell of {} inputs and {} nodes",
                shape.inputs,
                shape.nodes);
  std::vector<CellEdge> edges;
  for (int node = shape.inputs; node < shape.inputs + shape.nodes; ++node) {
    for (int source = 0; source < node; ++source) edges.push_back({node, source, 0});
  }
  return edges;
}

Alphas operation_weights(const Alphas& alphas) {
  Alphas weights = alphas;
  for (std::vector<double>& row : weights) {
    core::require(!row.empty(), "an edge without operations");
    const double largest = *std::ranges::max_element(row);
    for (double& value : row) value = std::exp(value - largest);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    for (double& value : row) value /= sum;
  }
  return weights;
}

std::vector<CellEdge> derive_cell(const CellShape& shape,
                                  const CandidateOps& ops,
                                  const Alphas& weights,
                                  const DerivationOptions& options,
                                  std::span<const double> edge_weights) {
  const std::size_t edges = edges_of(shape).size();
  require_rows(weights, edges, ops.count);
  core::require(edge_weights.empty() || edge_weights.size() == edges,
                "{} edge weights, the cell has {} edges",
                edge_weights.size(),
                edges);
  core::require(options.edges_per_node >= 1, "{} edges per node", options.edges_per_node);

  Allowed allowed = all_but_none(edges, ops);
  const auto derive_again = [&] {
    return derive(shape, weights, allowed, edge_weights, options.edges_per_node);
  };
  std::vector<Contender> cell = derive_again();
  while (options.skip_cap && ops.skip) {
    std::vector<Contender> skips;
    std::ranges::copy_if(cell, std::back_inserter(skips), [&](const Contender& contender) {
      return contender.edge.op == *ops.skip;
    });
    if (std::ssize(skips) <= *options.skip_cap) break;
    const auto weakest = std::ranges::min_element(skips, {}, &Contender::weight);
    allowed[weakest->index][static_cast<std::size_t>(*ops.skip)] = false;
    cell = derive_again();
  }

  std::vector<CellEdge> derived;
  for (const Contender& kept : cell) derived.push_back(kept.edge);
  return derived;
}

int count_of(const std::vector<CellEdge>& cell, int op) {
  return static_cast<int>(std::ranges::count(cell, op, &CellEdge::op));
}

std::uint64_t count_cells(const CellShape& shape, int operations) {
  const auto ops = static_cast<std::uint64_t>(operations);
  std::uint64_t count = 1;
  for (int node = shape.inputs; node < shape.inputs + shape.nodes; ++node) {
    const auto sources = static_cast<std::uint64_t>(node);
    count *= node == 1 ? ops : sources * (sources - 1) / 2 * ops * ops;
  }
  return count;
}

std::vector<double> edge_entropies(const Alphas& alphas) {
  std::vector<double> entropies;
  for (const std::vector<double>& row : operation_weights(alphas)) {
    double entropy = 0;
    for (const double weight : row) entropy -= weight > 0 ? weight * std::log(weight) : 0;
    entropies.push_back(entropy);
  }
  return entropies;
}

AlphaLoss alpha_entropy(const Alphas& alphas) {
  const Alphas weights = operation_weights(alphas);
  double count = 0;
  for (const std::vector<double>& row : weights) count += static_cast<double>(row.size());

  AlphaLoss loss{.value = 0, .gradient = weights};
  for (std::size_t e = 0; e < weights.size(); ++e) {
    // Through the softmax: d w_o / d alpha_k = w_o ([o = k] - w_k).
    double mean_slope = 0;
    for (const double weight : weights[e]) {
      const EntropyTerm term = entropy_term(weight);
      loss.value += term.value / count;
      mean_slope += weight * term.slope;
    }
    for (std::size_t o = 0; o < weights[e].size(); ++o) {
      const double slope = entropy_term(weights[e][o]).slope;
      loss.gradient[e][o] = weights[e][o] * (slope - mean_slope) / count;
    }
  }
  return loss;
}

}  // namespace parsimony::differentiable
