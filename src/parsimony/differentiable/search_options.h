// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/data/augment.h"
#include "parsimony/differentiable/cell.h"
#include "parsimony/differentiable/optimizer_options.h"
#include "parsimony/differentiable/paths/decoding.h"
#include "parsimony/differentiable/paths/path_regularizer.h"
#include "parsimony/differentiable/robustness.h"
#include "parsimony/differentiable/schedules.h"
#include "parsimony/graph/grid_options.h"

namespace parsimony::differentiable {

// The two phases of RSPNet's search (spec rspnet 5, 6): first the cell, with all paths open,
// then the paths, with the cell that was found. The paper says that the first is DARTS; all else
// here completes it, so all of it can be chosen.

// What differs in the supernets from the final network (graph::GridOptions).
struct SupernetOptions {
  int filters = 16;          // F: channels of scale i are nodes * filters * 2^i
  int cells = 1;             // N: of a node while searching (paper: 1, and 4 in the final network)
  int partial_channels = 1;  // K: mixed operations see 1 / K of their channels (PC-DARTS: 4)

  void visit(core::FieldVisitor& v);
  bool operator==(const SupernetOptions&) const = default;
};

// Gradient of the alphas: at the weights as they are, or after the step that those would take
// (DARTS, section 2.3).
enum class Order { kFirst, kSecond };
inline constexpr std::array<std::string_view, 2> kOrderNames = {"first", "second"};

// How long a search is, and how its weights are trained meanwhile.
struct EpochOptions {
  int epochs = 40;
  int warm_up = 20;  // epochs of weights only (Auto-DeepLab)
  int batch = 8;
  WeightOptimizerOptions weights;

  Phase all() const { return {.begin = 0, .end = epochs}; }
  Phase searching() const { return {.begin = warm_up, .end = epochs}; }
  bool searching(int epoch) const { return epoch >= warm_up; }
  double rate(int epoch) const;  // of the weights
  void visit(core::FieldVisitor& v);
  bool operator==(const EpochOptions&) const = default;
};

struct CellSearchOptions : EpochOptions {
  double initial_deviation = 1e-3;  // of the alphas (DARTS)
  Order order = Order::kFirst;
  double second_order_step = 0.01;  // length of its differences (DARTS)
  int edges_per_node = 2;           // that a derived cell keeps
  ArchitectureOptimizerOptions alphas;
  RobustnessOptions robustness;

  DerivationOptions derivation() const;
  void visit(core::FieldVisitor& v);
  bool operator==(const CellSearchOptions&) const = default;
};

// Path attention while paths are searched (spec rspnet 4.5).
struct GateSearchOptions {
  graph::PathGate kind = graph::PathGate::kConditionalSigmoid;
  bool dynamic = true;              // gates depend on the maps' content
  double temperature = 1;           // of the gates' logits, when the gates' phase begins
  double temperature_end = 1;       // in its last epoch; 0.3 sharpens
  int kept = 1;                     // hard_topk: maps that pass
  double initial_deviation = 0.01;  // of the gates' own logits, around 0 (relu_tanh: around 1.5)
  // What a node makes is multiplied by 1 - PROD (1 - gate) over the gates that lead to it, by its
  // gammas alone, so that the cross entropy depends on whether it is there (graph::path_supernet);
  // for gates that can all close (ours). Off: gates are decided better without. On pictures whose
  // small objects need the finest scale and whose background needs a coarse one, 4 seeds found
  // networks of .60, .57, .70 and .57 mIoU without and of .31, .59, .42 and .58 with.
  bool presence = false;

  void visit(core::FieldVisitor& v);
  bool operator==(const GateSearchOptions&) const = default;
};

struct PathSearchOptions : EpochOptions {
  PathSearchOptions() : EpochOptions{.epochs = 60, .weights = {}} {}

  GateSearchOptions gate;
  // No weight decay: it would pull every gate to 0.5.
  ArchitectureOptimizerOptions gates = {.weight_decay = 0, .clip = 0.5};
  PathRegularizerOptions regularizer;
  DecodingOptions decoding;

  void visit(core::FieldVisitor& v);
  bool operator==(const PathSearchOptions&) const = default;
};

// Networks that are trained beside the one that was found, as it is: without them a result says
// little of the search. Of several random draws the one whose multiply-accumulates are closest to
// the found network's is taken, so that what is compared is the choice and not the size (ours).
struct ComparisonOptions {
  int random_cells = 1;  // for each network found: the same paths with another cell
  int random_paths = 1;  // the same cell with other paths
  int draws = 64;
  void visit(core::FieldVisitor& v);
  bool operator==(const ComparisonOptions&) const = default;
};

struct DifferentiableOptions {
  // Of the training data, for the architecture; the rest is for the weights (DARTS, Auto-DeepLab).
  double architecture_share = 0.5;
  // Crops of 320 of pictures of half the size, as in Auto-DeepLab and FasterSeg (spec rspnet 5).
  data::AugmentOptions augment{
      .crop = 320, .shorter_side = 512, .scale_min = 0.75, .scale_max = 1.25};
  int validate_every = 5;  // epochs between measurements of mIoU; the last one is always measured
  int calibration = 16;    // batches for the statistics of a network that inherits its weights
  SupernetOptions supernet;
  CellSearchOptions cell;
  PathSearchOptions paths;
  // One path search for each: the share of the whole grid's cost that a network is to have.
  std::vector<double> budgets = {0.6};
  std::string cost = "macs";  // of what: "params", "macs" or "latency_ms.DEVICE"
  int seeds = 1;              // searches, from the study's seed on
  ComparisonOptions comparison;

  void visit(core::FieldVisitor& v);
  bool operator==(const DifferentiableOptions&) const = default;
};

// The options of a network of the supernets' size, otherwise as in the study.
graph::GridOptions supernet_design(const graph::GridOptions& network,
                                   const SupernetOptions& supernet);
// The same for the supernet of the path search, as its gates are at a temperature.
graph::GridOptions gated_design(const graph::GridOptions& network,
                                const DifferentiableOptions& options,
                                double temperature);
// Of the epoch.
double gate_temperature(const PathSearchOptions& options, int epoch);

// A user error for options that do not go together: a warm-up of all epochs, an even window of
// estimates, channels that cannot be divided, gates that a sparsifier cannot do with, nothing to
// search.
void check(const DifferentiableOptions& options, const graph::GridOptions& network);

}  // namespace parsimony::differentiable
