// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "parsimony/core/fields.h"
#include "parsimony/differentiable/cell.h"
#include "parsimony/differentiable/optimizer_options.h"
#include "parsimony/differentiable/paths/decoding.h"
#include "parsimony/differentiable/paths/path_regularizer.h"
#include "parsimony/differentiable/robustness.h"
#include "parsimony/differentiable/schedules.h"
#include "parsimony/space/grid_space.h"

namespace parsimony::differentiable {

// The two phases of RSPNet's search (spec rspnet 5, 6): first the cell, with all paths open,
// then the paths, with the cell that was found. The paper says that the first is DARTS; all else
// here completes it, so all of it can be chosen.

// Of both supernets, beside the space that they hold.
struct SupernetOptions {
  int filters = 16;           // F: channels of scale i are nodes * filters * 2^i
  int cells = 1;              // N: of a node while searching (paper: 1, and 4 in the final network)
  bool stage_partial = true;  // half of the channels pass the cells, as in the final network
  int partial_channels = 1;   // K: mixed operations see 1 / K of their channels (PC-DARTS: 4)

  void visit(core::FieldVisitor& v);
  bool operator==(const SupernetOptions&) const = default;
};

// Gradient of the alphas: at the weights as they are, or after the step that those would take
// (DARTS, section 2.3).
enum class Order { kFirst, kSecond };
inline constexpr std::array<std::string_view, 2> kOrderNames = {"first", "second"};

struct CellSearchOptions {
  int epochs = 40;
  int warm_up = 20;  // epochs of weights only (Auto-DeepLab)
  int batch = 8;
  double alphas_share = 0.5;  // of the training data, for the alphas; the rest is for the weights
  double initial_deviation = 1e-3;  // of the alphas (DARTS)
  Order order = Order::kFirst;
  double second_order_step = 0.01;  // length of its differences (DARTS)
  int edges_per_node = 2;           // that a derived cell keeps
  WeightOptimizerOptions weights;
  ArchitectureOptimizerOptions alphas;
  RobustnessOptions robustness;

  Phase all() const { return {.begin = 0, .end = epochs}; }
  Phase searching() const { return {.begin = warm_up, .end = epochs}; }
  DerivationOptions derivation() const;
  void visit(core::FieldVisitor& v);
  bool operator==(const CellSearchOptions&) const = default;
};

// How a path-attention module weighs what enters a node (spec rspnet 4.5).
enum class Gate { kSigmoidConditional, kSoftmaxIn, kReluTanh, kHardTopK, kUniform };
inline constexpr std::array<std::string_view, 5> kGateNames = {
    "sigmoid_cond", "softmax_in", "relu_tanh", "hard_topk", "uniform"};

struct GateOptions {
  Gate gate = Gate::kSigmoidConditional;
  bool dynamic = true;              // gates depend on the maps' content
  double temperature = 1;           // of the logits, when the gates' phase begins
  double temperature_end = 1;       // in its last epoch; 0.3 sharpens
  int k = 1;                        // hard_topk: maps that pass
  double initial_deviation = 0.01;  // of the gates' own logits, around 0 (relu_tanh: around 1.5)

  void visit(core::FieldVisitor& v);
  bool operator==(const GateOptions&) const = default;
};

struct PathSearchOptions {
  int epochs = 60;
  int warm_up = 20;  // epochs of weights only
  int batch = 8;
  double gates_share = 0.5;  // of the training data, for the gates
  GateOptions gate;
  WeightOptimizerOptions weights;
  // No weight decay: it would pull every gate to 0.5.
  ArchitectureOptimizerOptions gates = {.weight_decay = 0, .clip = 0.5};
  PathRegularizerOptions regularizer;
  DecodingOptions decoding;

  Phase all() const { return {.begin = 0, .end = epochs}; }
  Phase searching() const { return {.begin = warm_up, .end = epochs}; }
  void visit(core::FieldVisitor& v);
  bool operator==(const PathSearchOptions&) const = default;
};

struct DifferentiableOptions {
  space::GridSpaceOptions grid;  // what is searched
  SupernetOptions supernet;
  CellSearchOptions cell;
  PathSearchOptions paths;

  void visit(core::FieldVisitor& v);
  bool operator==(const DifferentiableOptions&) const = default;
};

// A user error for options that do not go together: a warm-up of all epochs, an even window of
// estimates, channels that cannot be divided, gates that a sparsifier cannot do with.
void check(const DifferentiableOptions& options);

}  // namespace parsimony::differentiable
