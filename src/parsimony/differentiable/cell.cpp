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

using space::GridOp;

// An edge with the best operation that it may have.
struct Contender {
  std::size_t edge = 0, op = 0;  // indices among mixed edges and candidate operations
  double weight = 0;             // of the operation
  double strength = 0;           // of the edge
};

using Allowed = std::vector<std::vector<bool>>;  // [edge][operation]

Contender contender(std::size_t edge,
                    const std::vector<double>& weights,
                    const std::vector<bool>& allowed) {
  std::size_t best = weights.size();
  for (std::size_t op = 0; op < weights.size(); ++op) {
    if (allowed[op] && (best == weights.size() || weights[op] > weights[best])) best = op;
  }
  core::require(best < weights.size(), "no operation is left for edge {} of a cell", edge);
  return {.edge = edge, .op = best, .weight = weights[best], .strength = weights[best]};
}

std::vector<Contender> derive(const std::vector<MixedEdge>& edges,
                              const Alphas& weights,
                              const Allowed& allowed,
                              std::span<const double> edge_weights,
                              int edges_per_node) {
  std::vector<Contender> cell;
  for (std::size_t first = 0; first < edges.size();) {
    std::vector<Contender> incoming;
    std::size_t e = first;
    for (; e < edges.size() && edges[e].node == edges[first].node; ++e) {
      incoming.push_back(contender(e, weights[e], allowed[e]));
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

Allowed all_but_none(std::size_t edges, const std::vector<CandidateOp>& ops) {
  std::vector<bool> row;
  for (const CandidateOp& op : ops) row.push_back(op.has_value());
  return Allowed(edges, row);
}

void require_rows(const Alphas& rows, std::size_t edges, std::size_t ops) {
  core::require(rows.size() == edges, "alphas of {} edges, the cell has {}", rows.size(), edges);
  for (const std::vector<double>& row : rows)
    core::require(row.size() == ops, "{} alphas of an edge, expected {}", row.size(), ops);
}

}  // namespace

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

space::GridCell derive_cell(const CellCandidates& candidates,
                            const Alphas& weights,
                            const DerivationOptions& options,
                            std::span<const double> edge_weights) {
  const std::vector<CandidateOp>& ops = candidates.ops;
  const std::vector<MixedEdge> edges = mixed_edges(candidates);
  require_rows(weights, edges.size(), ops.size());
  core::require(edge_weights.empty() || edge_weights.size() == edges.size(),
                "{} edge weights, the cell has {} edges",
                edge_weights.size(),
                edges.size());
  core::require(options.edges_per_node >= 1, "{} edges per node", options.edges_per_node);

  Allowed allowed = all_but_none(edges.size(), ops);
  const auto derive_again = [&] {
    return derive(edges, weights, allowed, edge_weights, options.edges_per_node);
  };
  std::vector<Contender> kept = derive_again();
  while (options.skip_cap) {
    std::vector<Contender> skips;
    std::ranges::copy_if(kept, std::back_inserter(skips), [&](const Contender& contender) {
      return ops[contender.op] == GridOp::kSkip;
    });
    if (std::ssize(skips) <= *options.skip_cap) break;
    const auto weakest = std::ranges::min_element(skips, {}, &Contender::weight);
    allowed[weakest->edge][weakest->op] = false;
    kept = derive_again();
  }

  space::GridCell cell{.inputs = candidates.inputs, .edges = {}};
  for (const Contender& contender : kept) {
    const MixedEdge& edge = edges[contender.edge];
    cell.edges.push_back({edge.node, edge.source, *ops[contender.op]});
  }
  return cell;
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
