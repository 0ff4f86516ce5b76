// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"

namespace parsimony::space {

// A decoded network of System D, RSPNet (Wang, Hsieh, Chang, arXiv 2210.00698; spec rspnet): one
// cell, used everywhere, and the paths that a search left of a grid of scales and layers. What it
// means as layers is said in graph/grid_network.h.
//
//   layer          0      1      2      3
//   stride  4    stem --> o ---> o ---> o     a path from -> to is an edge of a layer: it leads
//   stride  8        \--> o ---> o ---> o     from the node of scale `from` in the layer before
//   stride 16               \--> o ---> o     to the node of scale `to`
//   stride 32                      \--> o

// Operations between the nodes of a cell: those of DARTS (Liu, Simonyan, Yang, ICLR 2019) in its
// order, without "none", which no decoded cell has (spec rspnet 4.8, our completion: the paper's
// list is not known).
enum class GridOp {
  kMaxPool3x3,
  kAvgPool3x3,
  kSkip,
  kSepConv3x3,
  kSepConv5x5,
  kDilConv3x3,
  kDilConv5x5,
};
inline constexpr std::array<std::string_view, 7> kGridOpNames = {
    "max3", "avg3", "skip", "sep3", "sep5", "dil3", "dil5"};

// `node` adds `op` of `source` to its sum.
struct GridCellEdge {
  int node = 0, source = 0;
  GridOp op = GridOp::kSkip;
  bool operator==(const GridCellEdge&) const = default;
};

// Sources 0 to inputs - 1 are the cell's inputs, then come its nodes.
struct GridCell {
  int inputs = 1;                   // 1 or 2
  std::vector<GridCellEdge> edges;  // ascending by node, then by source; each pair once
  bool operator==(const GridCell&) const = default;
  int nodes() const { return edges.empty() ? 0 : edges.back().node - inputs + 1; }
};

inline constexpr int kGridScales = 4;
constexpr int grid_stride(int scale) {
  return 4 << scale;
}

// From a scale in the layer before to a scale in this one; 0 is the finest.
struct GridEdge {
  int from = 0, to = 0;
  auto operator<=>(const GridEdge&) const = default;
};
using GridLayer = std::vector<GridEdge>;  // ascending, each once

// The scales that a layer reads or makes, as a set of bits 1 << scale.
unsigned source_set(const GridLayer& layer);
unsigned sink_set(const GridLayer& layer);
inline constexpr unsigned kGridScaleSets = 1U << kGridScales;  // how many sets there are

struct GridGenotype {
  GridCell cell;
  std::vector<GridLayer> layers;  // from the stem to the head
  bool operator==(const GridGenotype&) const = default;
};

// "{cell:[[1,0,sep3],[2,0,skip],[2,1,dil5]],paths:[[0-0,0-1],[0-0,1-1]]}": the cell's edges as
// node, source and operation, each layer's paths as from-to. A cell whose first node is 2 has two
// inputs. Throws a user error that says where the text stops making sense, or which node is never
// fed or never read: every node needs an edge and the cell's nodes come in order, and a layer reads
// exactly the scales that the layer before has made.
GridGenotype parse_grid_genotype(std::string_view text);
std::string to_text(const GridGenotype& genotype);

// Which paths there may be beside what every genotype obeys (spec rspnet 3).
enum class GridConnectivity { kNeighbour, kFull };  // |from - to| <= 1, or all pairs
inline constexpr std::array<std::string_view, 2> kGridConnectivityNames = {"neighbour", "full"};
// Triangular: the stem is of scale 0, and scale i exists from layer i on, as after the stem of
// stride 4 of Auto-DeepLab. Multires: the stem gives all scales.
enum class GridStart { kTriangular, kMultires };
inline constexpr std::array<std::string_view, 2> kGridStartNames = {"triangular", "multires"};

struct GridRules {
  GridConnectivity connectivity = GridConnectivity::kNeighbour;
  GridStart start = GridStart::kTriangular;
  void visit(core::FieldVisitor& v);
  bool operator==(const GridRules&) const = default;
};

// All edges that a layer may have; layers count from 1.
GridLayer possible_edges(const GridRules& rules, int layer);
// A user error that names the first edge that the rules do not allow.
void check_paths(const GridGenotype& genotype, const GridRules& rules);

}  // namespace parsimony::space
