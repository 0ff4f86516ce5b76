// SPDX-License-Identifier: Apache-2.0
#include "parsimony/bilevel/supernets.h"

#include <utility>

namespace parsimony::bilevel {
namespace {

// Whether gates that lead to a node can all be closed.
bool independent(graph::PathGate gate) {
  return gate == graph::PathGate::kConditionalSigmoid || gate == graph::PathGate::kReluTanh;
}

}  // namespace

CellRelaxation::Design cell_supernet(const Design& design, int classes) {
  const differentiable::DifferentiableOptions& options = design.options;
  return {.paths = all_paths(design.space),
          .cells = {.candidates = {.nodes = design.space.nodes, .inputs = design.space.inputs},
                    .partial_channels = options.supernet.partial_channels,
                    .skip_dropout = options.cell.robustness.skip_dropout},
          .network = differentiable::supernet_design(design.network, options.supernet),
          .classes = classes,
          .initial_deviation = options.cell.initial_deviation};
}

PathRelaxation::Design path_supernet(const Design& design, space::GridCell cell, int classes) {
  const differentiable::PathSearchOptions& options = design.options.paths;
  return {.paths = all_paths(design.space),
          .cell = std::move(cell),
          .network = differentiable::gated_design(
              design.network, design.options, differentiable::gate_temperature(options, 0)),
          .classes = classes,
          .initial_deviation = options.gate.initial_deviation,
          .presence = options.gate.presence && independent(options.gate.kind)};
}

}  // namespace parsimony::bilevel
