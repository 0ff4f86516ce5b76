// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/differentiable/paths/grid.h"
#include "parsimony/space/grid.h"

namespace parsimony::differentiable {

// What the searches of a study have seen and found; its curves in the report, and, for what is
// decided by what was before, part of a search's state. Epochs count from 0; losses are means of an
// epoch; mIoU is on the validation split.

// What both searches note at the end of an epoch.
struct EpochNote {
  int epoch = 0;
  double weight_loss = 0;                   // cross entropy of the weights' steps
  std::optional<double> architecture_loss;  // and of the architecture's; none in the warm-up
  // Of the supernet, and of what would be decided now with the supernet's weights, each with new
  // statistics of batch norms; where measured, as the epoch that a search ends with always is.
  // Their difference is the discretisation gap.
  std::optional<double> supernet_miou, discrete_miou;
  // Mean entropy of what is open, in nats: of softmax(alpha) of an edge, or of a gate.
  double entropy = 0;
};

struct CellNote : EpochNote {
  std::optional<double> eigenvalue;  // largest, of the Hessian by alphas; where estimated
  int skips = 0;                     // skip connections of the cell by weights, without cap
  space::GridCell cell;              // that would be derived now
  // What it would be derived of: softmax(alpha) by edge (space::mixed_edges) and candidate
  // operation.
  std::vector<std::vector<double>> weights;
};

struct PathNote : EpochNote {
  double cost = 1;                      // expected share of the whole grid's cost
  std::vector<space::GridLayer> paths;  // that would be decoded now
};

struct CellSearchHistory {
  std::vector<CellNote> epochs;
  std::vector<int> returned_to;  // epochs that a too sharp search went back to
  space::GridCell cell;          // the result
};

struct PathSearchHistory {
  double budget = 1;  // share of the whole grid's cost that the network was to have
  std::vector<PathNote> epochs;
  // Of the result: mean and deviation of each gate over the gates' pictures. A gate of a large
  // deviation depends on the picture, and closing it hurts.
  EdgeValues gates, deviations;
  std::vector<space::GridLayer> paths;
};

// Both searches, from one seed.
struct SeedHistory {
  std::int64_t seed = 1;
  CellSearchHistory cell;
  std::vector<PathSearchHistory> paths;  // one per budget
};

// What a network of the study is.
enum class NetworkOrigin { kSearched, kRandomCell, kRandomPaths };
inline constexpr std::array<std::string_view, 3> kNetworkOriginNames = {
    "searched", "random cell", "random paths"};
struct NetworkNote {
  std::int64_t trial = 0;
  NetworkOrigin origin = NetworkOrigin::kSearched;
  std::int64_t seed = 1;
  double budget = 1;  // of the paths, or of those that they are compared with
};

struct StudyHistory {
  std::string cost;  // what budgets are of: "params", "macs", "latency_ms.DEVICE"
  std::vector<SeedHistory> seeds;
  std::vector<NetworkNote> networks;
};

// JSON, and back. A user error for what is no history.
std::string to_json(const StudyHistory& history);
StudyHistory study_history(std::string_view json);
std::string to_json(const CellSearchHistory& history);
CellSearchHistory cell_search_history(std::string_view json);
std::string to_json(const PathSearchHistory& history);
PathSearchHistory path_search_history(std::string_view json);

}  // namespace parsimony::differentiable
