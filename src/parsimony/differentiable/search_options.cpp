// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/search_options.h"

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

void check_phase(std::string_view name, const EpochOptions& options) {
  if (options.warm_up < options.epochs) return;
  core::throw_user_error(
      "differentiable.{}: a warm_up of {} of {} epochs leaves none for the search; expected fewer, for example {}",
      name,
      options.warm_up,
      options.epochs,
      options.epochs / 2);
}

void check_channels(const SupernetOptions& supernet, const graph::GridOptions& network) {
  const bool halved = network.rsp != graph::RspMode::kNone;
  if (halved && supernet.filters % 2 != 0) {
    core::throw_user_error(
        "differentiable.supernet: {} filters with grid.rsp = {}; expected an even number, half of "
        "the channels pass a cell",
        supernet.filters,
        graph::kRspModeNames[static_cast<std::size_t>(network.rsp)]);
  }
  // Of a mixed operation of the smallest scale: a cell's input over its nodes.
  const int width = halved ? supernet.filters / 2 : supernet.filters;
  if (width % supernet.partial_channels == 0) return;
  core::throw_user_error(
      "differentiable.supernet: partial_channels {} does not divide the {} channels of a mixed "
      "operation at the largest scale ({} filters); expected one that does",
      supernet.partial_channels,
      width,
      supernet.filters);
}

// Gates of relu_tanh can close all edges of a layer, of which the patterns know nothing; uniform
// ones are the same whatever they are given.
void check_gate(const PathSearchOptions& paths) {
  if (paths.gate.kind == graph::PathGate::kUniform) {
    core::throw_user_error(
        "differentiable.paths.gate.kind is uniform: it weighs all paths alike, so there is nothing "
        "to search; expected sigmoid_cond or another");
  }
  if (paths.gate.kind != graph::PathGate::kReluTanh ||
      paths.regularizer.sparsifier != Sparsifier::kPatterns)
    return;
  core::throw_user_error(
      "differentiable.paths: gate relu_tanh with sparsifier patterns, which cannot do without an "
      "open edge; expected sparsemask or none");
}

void check_budgets(const DifferentiableOptions& options) {
  if (options.budgets.empty())
    core::throw_user_error(
        "differentiable.budgets is empty; expected at least one share, such as 0.6");
  for (const double budget : options.budgets) {
    if (budget > 0 && budget <= 1) continue;
    core::throw_user_error(
        "differentiable.budgets has {}; expected shares of the whole grid's cost, above 0 and at "
        "most 1",
        budget);
  }
}

}  // namespace

void SupernetOptions::visit(core::FieldVisitor& v) {
  v.field("filters", filters, {"channels per intermediate node at 1/4 of the picture", 1, 4096});
  v.field("cells", cells, {"cells of a node while searching", 1, 64});
  v.field("partial_channels",
          partial_channels,
          {"mixed operations see one in so many of their channels (PC-DARTS); 1: all", 1, 64});
}

DerivationOptions CellSearchOptions::derivation() const {
  DerivationOptions options{.edges_per_node = edges_per_node, .skip_cap = std::nullopt};
  if (robustness.skip_cap >= 0) options.skip_cap = robustness.skip_cap;
  return options;
}

double EpochOptions::rate(int epoch) const {
  return cosine({weights.rate, weights.rate_end}, progress(all(), epoch));
}

void EpochOptions::visit(core::FieldVisitor& v) {
  v.field("epochs", epochs, {"passes over the weights' part of the data", 1, 10000});
  v.field("warm_up", warm_up, {"epochs of weights only, before anything is searched", 0, 10000});
  v.field("batch", batch, {"batch size", 1});
  v.group("weights", weights, "optimiser of the weights");
}

void CellSearchOptions::visit(core::FieldVisitor& v) {
  EpochOptions::visit(v);
  v.field("initial_deviation", initial_deviation, {"of the alphas around 0", 0, 10});
  v.choice("order", order, kOrderNames, {"of the alphas' gradient: first or second"});
  v.field("second_order_step",
          second_order_step,
          {"second: length of the step of its differences", 1e-8, 1});
  v.field("edges_per_node", edges_per_node, {"incoming edges that a derived cell keeps", 1, 16});
  v.group("alphas", alphas, "optimiser of the alphas");
  v.group("robustness", robustness, "what keeps the cell from collapsing into skip connections");
}

void GateSearchOptions::visit(core::FieldVisitor& v) {
  v.choice("kind",
           kind,
           graph::kPathGateNames,
           {"how what enters a node is weighed: sigmoid_cond, softmax_in, relu_tanh or hard_topk"});
  v.field("dynamic", dynamic, {"gates depend on the content of the maps"});
  v.field("temperature", temperature, {"of the gates' logits at first", 0.01, 100});
  v.field("temperature_end", temperature_end, {"of the gates' logits at last", 0.01, 100});
  v.field("kept", kept, {"hard_topk: maps that pass", 1, space::kGridScales});
  v.field("initial_deviation", initial_deviation, {"of the gates' own logits", 0, 10});
  v.field("presence",
          presence,
          {"what a node makes counts as much as the node is likely to be reached at all"});
}

void PathSearchOptions::visit(core::FieldVisitor& v) {
  EpochOptions::visit(v);
  v.group("gate", gate, "path attention");
  v.group("gates", gates, "optimiser of the gates");
  v.group("regularizer", regularizer, "what is added to the gates' loss");
  v.group("decoding", decoding, "how gates become a network");
}

void ComparisonOptions::visit(core::FieldVisitor& v) {
  v.field("random_cells", random_cells, {"other cells on the paths of each network found", 0, 100});
  v.field(
      "random_paths", random_paths, {"other paths with the cell of each network found", 0, 100});
  v.field("draws", draws, {"of which the closest in cost is taken", 1, 10000});
}

void DifferentiableOptions::visit(core::FieldVisitor& v) {
  v.field("architecture_share",
          architecture_share,
          {"part of the training data for the architecture", 0.01, 0.99});
  v.group("augment", augment, "augmentation of the pictures while searching");
  v.field("validate_every", validate_every, {"epochs between measurements of mIoU", 1, 10000});
  v.field("calibration",
          calibration,
          {"batches for the statistics of networks that inherit weights", 1, 10000});
  v.group("supernet", supernet, "size of the supernets");
  v.group("cell", cell, "search of the cell");
  v.group("paths", paths, "search of the paths");
  v.field("budgets", budgets, {"shares of the whole grid's cost; one search of paths for each"});
  v.field("cost", cost, {"what budgets are of: params, macs or latency_ms.DEVICE"});
  v.field("seeds", seeds, {"searches, from the study's seed on", 1, 100});
  v.group("comparison", comparison, "random networks that are trained for comparison");
}

graph::GridOptions supernet_design(const graph::GridOptions& network,
                                   const SupernetOptions& supernet) {
  graph::GridOptions design = network;
  design.filters = supernet.filters;
  design.cells = supernet.cells;
  design.drop_path = 0;
  return design;
}

graph::GridOptions gated_design(const graph::GridOptions& network,
                                const DifferentiableOptions& options,
                                double temperature) {
  graph::GridOptions design = supernet_design(network, options.supernet);
  const GateSearchOptions& gate = options.paths.gate;
  design.gate = {
      .kind = gate.kind, .dynamic = gate.dynamic, .kept = gate.kept, .temperature = temperature};
  return design;
}

double gate_temperature(const PathSearchOptions& options, int epoch) {
  const Range range{options.gate.temperature, options.gate.temperature_end};
  return linear(range, ramp(options.searching(), epoch));
}

void check(const DifferentiableOptions& options, const graph::GridOptions& network) {
  check_phase("cell", options.cell);
  check_phase("paths", options.paths);
  check_channels(options.supernet, network);
  check_gate(options.paths);
  check_budgets(options);
  check(options.cell.robustness.sharpness);
}

}  // namespace parsimony::differentiable
