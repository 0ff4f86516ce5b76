// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/core/rng.h"
#include "parsimony/space/grid.h"
#include "parsimony/space/space.h"

namespace parsimony::space {

struct GridSpaceOptions {
  int nodes = 4;   // of the cell; 4 as in DARTS
  int inputs = 1;  // of the cell
  int layers = 4;  // as drawn in RSPNet's figure 1
  GridRules rules = {};
  void visit(core::FieldVisitor& v);
  bool operator==(const GridSpaceOptions&) const = default;
};

// The cells that DARTS's rule can derive: every node keeps two incoming edges, or the only one that
// there is, each with one of the 7 operations. One input: 50,421 cells of 3 nodes, 14,823,774 of 4.
// Exact below 2^53.
double count_cells(int nodes, int inputs);
// Uniform over these.
GridCell random_cell(int nodes, int inputs, core::Rng& rng);

// The patterns of paths whose layers read what the layer before makes (the equality rule of DiNTS,
// He et al., CVPR 2021; spec rspnet 7): 1,759 of 3 layers, 333,663 of 4. Exact below 2^53.
double count_path_patterns(int layers, const GridRules& rules);
// Uniform over these: scales are counted backwards from the head, then layers drawn from the stem
// on, each in proportion to the patterns that can follow.
std::vector<GridLayer> random_paths(int layers, const GridRules& rules, core::Rng& rng);

// Single ways from the stem to a node of the last layer, as Auto-DeepLab decodes them (Liu et al.,
// CVPR 2019): the Fibonacci number F(2 layers + 1) on a triangular grid of neighbours.
double count_walks(int layers, const GridRules& rules);

// System D's search space as independent decisions, for searches by trial: the cell's sources and
// operations, then one decision per possible edge of the grid, whether it is there. Edges that lie
// on no way from the stem to the last layer drop out; where none are left, the finest scale's way
// remains. So several token sequences are one genotype.
class GridSpace final : public SearchSpace {
 public:
  explicit GridSpace(GridSpaceOptions options = {});
  std::string_view name() const override { return "grid"; }
  const std::vector<Decision>& decisions() const override { return decisions_; }
  int warm_up_steps() const override { return 0; }
  std::string text(const Tokens& tokens) const override;
  Tokens parse(std::string_view text) const override;
  // The full grid with cells of separable 3x3 convolutions, and its finest way alone.
  std::vector<Tokens> landmarks() const override;
  // A random cell and paths that are uniform over patterns: most random edges lead nowhere.
  Tokens founder(core::Rng& rng) const override;

  GridGenotype genotype(const Tokens& tokens) const;
  Tokens tokens(const GridGenotype& genotype) const;

 private:
  GridSpaceOptions options_;
  std::vector<Decision> decisions_;
};

}  // namespace parsimony::space
