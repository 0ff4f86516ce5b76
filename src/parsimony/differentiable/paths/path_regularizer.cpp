// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/paths/path_regularizer.h"

#include "parsimony/differentiable/paths/path_losses.h"
#include "parsimony/differentiable/paths/sparse_mask.h"
#include "parsimony/differentiable/schedules.h"

namespace parsimony::differentiable {

void PathRegularizerOptions::visit(core::FieldVisitor& v) {
  v.choice("sparsifier",
           sparsifier,
           kSparsifierNames,
           {"what drives gates to 0 or 1: none, patterns (DiNTS) or sparsemask"});
  v.field("entropy", entropy, {"patterns: weight of their entropy", 0});
  v.choice("entropy_mean",
           entropy_mean,
           kEntropyMeanNames,
           {"patterns: over what their entropy is a mean, patterns (DiNTS) or layers"});
  v.field("topology", topology, {"patterns: weight of the layers' disagreement on live nodes", 0});
  v.field("sparse_mask", sparse_mask, {"sparsemask: its weight", 0});
  v.choice("budget",
           budget,
           kBudgetNames,
           {"what keeps networks cheap: none, absolute (DiNTS) or squared (Dynamic Routing)"});
  v.field("absolute_weight", absolute_weight, {"absolute: its weight", 0});
  v.field("squared_weight", squared_weight, {"squared: its weight", 0});
  v.field("squared_begin", squared_begin, {"squared: share of the training without it", 0, 1});
  v.field("squared_rise",
          squared_rise,
          {"squared: share of the training until it has its full weight", 0, 1});
}

GateLoss path_regularizer(const Grid& grid,
                          const EdgeValues& gates,
                          const GridCosts& costs,
                          const PathRegularizerOptions& options,
                          const Moment& moment) {
  GateLoss loss = no_loss(grid);
  const auto add = [&loss](double weight, auto&& compute) {
    if (weight > 0) loss.add(weight, compute());
  };
  switch (options.sparsifier) {
    case Sparsifier::kNone:
      break;
    case Sparsifier::kPatterns:
      add(moment.lambda * options.entropy, [&] {
        return options.entropy_mean == EntropyMean::kPatterns ? pattern_entropy(grid, gates)
                                                              : layer_entropy(grid, gates);
      });
      add(moment.lambda * options.topology, [&] { return topology_disagreement(grid, gates); });
      break;
    case Sparsifier::kSparseMask:
      add(moment.lambda * options.sparse_mask, [&] { return sparse_mask_of_nodes(grid, gates); });
      break;
  }
  switch (options.budget) {
    case Budget::kNone:
      break;
    case Budget::kAbsolute:
      add(moment.lambda * options.absolute_weight,
          [&] { return absolute_budget(grid, gates, costs, options.share); });
      break;
    case Budget::kSquared: {
      const double ramp = budget_ramp(options.squared_begin, options.squared_rise, moment.share);
      add(ramp * options.squared_weight,
          [&] { return squared_budget(grid, gates, costs, options.share); });
      break;
    }
  }
  return loss;
}

}  // namespace parsimony::differentiable
