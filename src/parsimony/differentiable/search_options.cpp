// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/search_options.h"

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

void check_phase(std::string_view name, int epochs, int warm_up) {
  if (warm_up < epochs) return;
  core::throw_user_error(
      "{}: a warm_up of {} of {} epochs leaves none for the search; expected fewer, for example {}",
      name,
      warm_up,
      epochs,
      epochs / 2);
}

// Channels of a mixed operation of the smallest scale: a cell's input over its nodes.
int narrowest(const SupernetOptions& supernet) {
  return supernet.stage_partial ? supernet.filters / 2 : supernet.filters;
}

void check_channels(const SupernetOptions& supernet) {
  if (supernet.stage_partial && supernet.filters % 2 != 0) {
    core::throw_user_error(
        "supernet: {} filters with stage_partial; expected an even number, half of the channels "
        "pass a cell",
        supernet.filters);
  }
  const int width = narrowest(supernet);
  if (width % supernet.partial_channels == 0) return;
  core::throw_user_error(
      "supernet: partial_channels {} does not divide the {} channels of a mixed operation at the "
      "largest scale ({} filters); expected one that does",
      supernet.partial_channels,
      width,
      supernet.filters);
}

// Gates of relu_tanh can close all edges of a layer, of which the patterns know nothing.
void check_gate(const PathSearchOptions& paths) {
  if (paths.gate.gate != Gate::kReluTanh || paths.regularizer.sparsifier != Sparsifier::kPatterns)
    return;
  core::throw_user_error(
      "paths: gate relu_tanh with sparsifier patterns, which cannot do without an open edge; "
      "expected sparsemask or none");
}

}  // namespace

void SupernetOptions::visit(core::FieldVisitor& v) {
  v.field("filters", filters, {"channels per intermediate node at 1/4 of the picture", 1, 4096});
  v.field("cells", cells, {"cells of a node while searching", 1, 64});
  v.field("stage_partial",
          stage_partial,
          {"half of the channels pass the cells, as in the final network"});
  v.field("partial_channels",
          partial_channels,
          {"mixed operations see one in so many of their channels (PC-DARTS); 1: all", 1, 64});
}

DerivationOptions CellSearchOptions::derivation() const {
  DerivationOptions options{.edges_per_node = edges_per_node, .skip_cap = std::nullopt};
  if (robustness.skip_cap >= 0) options.skip_cap = robustness.skip_cap;
  return options;
}

void CellSearchOptions::visit(core::FieldVisitor& v) {
  v.field("epochs", epochs, {"passes over the weights' part of the data", 1, 10000});
  v.field("warm_up", warm_up, {"epochs of weights only, before alphas are searched", 0, 10000});
  v.field("batch", batch, {"batch size", 1});
  v.field("alphas_share", alphas_share, {"part of the training data for the alphas", 0.01, 0.99});
  v.field("initial_deviation", initial_deviation, {"of the alphas around 0", 0, 10});
  v.choice("order", order, kOrderNames, {"of the alphas' gradient: first or second"});
  v.field("second_order_step",
          second_order_step,
          {"second: length of the step of its differences", 1e-8, 1});
  v.field("edges_per_node", edges_per_node, {"incoming edges that a derived cell keeps", 1, 16});
  v.group("weights", weights, "optimiser of the weights");
  v.group("alphas", alphas, "optimiser of the alphas");
  v.group("robustness", robustness, "what keeps the cell from collapsing into skip connections");
}

void GateOptions::visit(core::FieldVisitor& v) {
  v.choice("gate",
           gate,
           kGateNames,
           {"how what enters a node is weighed: sigmoid_cond, softmax_in, relu_tanh, hard_topk or "
            "uniform"});
  v.field("dynamic", dynamic, {"gates depend on the content of the maps"});
  v.field("temperature", temperature, {"of the gates' logits at first", 0.01, 100});
  v.field("temperature_end", temperature_end, {"of the gates' logits at last", 0.01, 100});
  v.field("k", k, {"hard_topk: maps that pass", 1, space::kGridScales});
  v.field("initial_deviation", initial_deviation, {"of the gates' own logits", 0, 10});
}

void PathSearchOptions::visit(core::FieldVisitor& v) {
  v.field("epochs", epochs, {"passes over the weights' part of the data", 1, 10000});
  v.field("warm_up", warm_up, {"epochs of weights only, before gates are searched", 0, 10000});
  v.field("batch", batch, {"batch size", 1});
  v.field("gates_share", gates_share, {"part of the training data for the gates", 0.01, 0.99});
  v.group("gate", gate, "path attention");
  v.group("weights", weights, "optimiser of the weights");
  v.group("gates", gates, "optimiser of the gates");
  v.group("regularizer", regularizer, "what is added to the gates' loss");
  v.group("decoding", decoding, "how gates become a network");
}

void DifferentiableOptions::visit(core::FieldVisitor& v) {
  v.group("grid", grid, "what is searched: shape of the cell, layers and edges of the grid");
  v.group("supernet", supernet, "width of the supernet");
  v.group("cell", cell, "search of the cell");
  v.group("paths", paths, "search of the paths");
}

void check(const DifferentiableOptions& options) {
  check_phase("cell", options.cell.epochs, options.cell.warm_up);
  check_phase("paths", options.paths.epochs, options.paths.warm_up);
  check_channels(options.supernet);
  check_gate(options.paths);
  check(options.cell.robustness.sharpness);
}

}  // namespace parsimony::differentiable
