// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/decoding.h"

#include <optional>

#include "parsimony/core/error.h"
#include "parsimony/differentiable/paths/exact_decoding.h"
#include "parsimony/differentiable/paths/pruned_decoding.h"
#include "parsimony/differentiable/paths/single_path.h"

namespace parsimony::differentiable {
namespace {

// All edges and nodes of the grid.
double cost_of_all(const Grid& grid, const GridCosts& costs) {
  double cost = 0;
  for (std::size_t l = 0; l < grid.size(); ++l)
    cost += cost_of(grid, costs, l, static_cast<space::GridPattern>(grid[l].size() - 1));
  return cost;
}

}  // namespace

void DecodingOptions::visit(core::FieldVisitor& v) {
  v.choice(
      "rule", rule, kDecodingRuleNames, {"dp (exact), topk, threshold, or viterbi (one path)"});
  v.field("k", k, {"topk: edges that enter a node and stay", 1, space::kGridScales});
  v.field("threshold", threshold, {"threshold: least gate of an edge that stays", 0, 1});
  v.field("cost_cap",
          cost_cap,
          {"dp: largest share of the whole grid's multiply-accumulates; 0: no cap", 0, 1});
  v.field("border_correction",
          border_correction,
          {"viterbi: nodes at the border of the grid gain nothing by having fewer edges"});
}

std::vector<space::GridLayer> decode(const Grid& grid,
                                     const EdgeValues& gates,
                                     const GridCosts& costs,
                                     const DecodingOptions& options) {
  switch (options.rule) {
    case DecodingRule::kDp: {
      std::optional<CostCap> cap;
      if (options.cost_cap > 0) {
        require_costs(grid, costs);
        cap = {.costs = costs, .most = options.cost_cap * cost_of_all(grid, costs)};
      }
      return to_paths(grid, most_likely_paths(grid, gates, cap));
    }
    case DecodingRule::kTopK:
      return to_paths(grid, strongest_per_node(grid, gates, options.k));
    case DecodingRule::kThreshold:
      return to_paths(grid, above_threshold(grid, gates, options.threshold));
    case DecodingRule::kViterbi:
      return to_paths(best_walk(grid, gates));
  }
  core::throw_internal_error("unknown decoding rule {}", static_cast<int>(options.rule));
}

}  // namespace parsimony::differentiable
