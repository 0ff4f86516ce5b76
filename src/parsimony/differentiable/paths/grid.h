// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"

namespace parsimony::differentiable {

// The grid of RSPNet's supernet (Wang, Hsieh and Chang, 2022; spec/rspnet.md 4.3): columns of nodes
// at the scales 1/4, 1/8, 1/16 and 1/32 of the picture, and edges from each column to the next. In
// code layers count from 0; layer l holds the edges that enter column l + 1 of the grid, column 0
// is the stem. Scales are indices 0 to 3.
inline constexpr int kScales = 4;

// Which scales an edge may join: neighbours (keep, down, up), or all pairs. The figure's "fully
// connected" grid can be read either way; neighbours are Auto-DeepLab's.
enum class Connectivity { kNeighbour, kFull };
inline constexpr std::array<std::string_view, 2> kConnectivityNames = {"neighbour", "full"};

// Where the grid begins: at scale 0 alone, growing by a scale a layer (Auto-DeepLab), or at all
// scales, each fed by the stem (DiNTS).
enum class Start { kTriangular, kMultires };
inline constexpr std::array<std::string_view, 2> kStartNames = {"triangular", "multires"};

struct GridOptions {
  int layers = 4;  // the paper's figure shows four; what its experiments used is not known
  Connectivity connectivity = Connectivity::kNeighbour;
  Start start = Start::kTriangular;

  void visit(core::FieldVisitor& v);
  bool operator==(const GridOptions&) const = default;
};

// From a scale of one column to a scale of the next.
struct Edge {
  int from = 0, to = 0;
  auto operator<=>(const Edge&) const = default;
};

// Kept edges per layer, in order: what a path search finds.
using Paths = std::vector<std::vector<Edge>>;

using NodeSet = std::uint8_t;  // nodes of a column: bit i is scale i
inline constexpr std::size_t kNodeSets = std::size_t{1} << kScales;

using Pattern = std::uint32_t;          // edges of a layer: bit e is edge e
using Patterns = std::vector<Pattern>;  // one per layer

// One value per layer and edge: gate probabilities, costs, gradients.
using EdgeValues = std::vector<std::vector<double>>;

struct GridLayer {
  std::vector<Edge> edges;  // sorted
  // By pattern, the empty one included: the nodes that its edges leave, and those that they enter.
  std::vector<NodeSet> sources, sinks;

  std::size_t patterns() const { return sources.size(); }
};

// All layers with their patterns: 3, 31, 255 and 1,023 non-empty ones for the 2, 5, 8 and 10 edges
// of neighbours; at most 65,535 for the 16 of a fully connected layer, which is supported too.
class Grid {
 public:
  // A user error for less than one layer.
  explicit Grid(const GridOptions& options);

  std::size_t layers() const { return layers_.size(); }
  const GridLayer& layer(std::size_t index) const { return layers_[index]; }
  // Whether paths may begin at these nodes of the stem: at scale 0 of a triangular grid, at any
  // scales of the other (what the stem makes for scales that are not taken is not computed).
  bool may_start(NodeSet nodes) const;

 private:
  Start start_;
  std::vector<GridLayer> layers_;
};

// `value` for every edge.
EdgeValues filled(const Grid& grid, double value);

// An internal error unless there is one value per layer and edge, each from 0 to 1.
void require_gates(const Grid& grid, const EdgeValues& gates);

// Every live node is fed and is consumed: no layer is empty, each takes from exactly the nodes that
// the layer before it enters, and the first may start where it does (spec 7).
bool is_valid(const Grid& grid, const Patterns& patterns);

Paths to_paths(const Grid& grid, const Patterns& patterns);
// A user error names an edge that the grid does not have.
Patterns to_patterns(const Grid& grid, const Paths& paths);

}  // namespace parsimony::differentiable
