// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/space/space.h"

namespace parsimony::space {

// Operations of the cell, in the order of the published token ids (Nekrasov et al., CVPR 2019).
enum class CellOp {
  kConv1x1,
  kConv3x3,
  kSepConv3x3,
  kSepConv5x5,
  kGlobalPool,
  kConv3x3Dil3,
  kConv3x3Dil12,
  kSepConv3x3Dil3,
  kSepConv5x5Dil6,
  kSkip,
  kNone,
};
inline constexpr std::array<std::string_view, 11> kCellOpNames = {"conv1x1",
                                                                  "conv3x3",
                                                                  "sep3x3",
                                                                  "sep5x5",
                                                                  "global pool",
                                                                  "conv3x3 d3",
                                                                  "conv3x3 d12",
                                                                  "sep3x3 d3",
                                                                  "sep5x5 d6",
                                                                  "skip",
                                                                  "none"};

// A cell layer: two operations, each on one earlier feature of the cell, summed.
struct CellLayer {
  int position1 = 0, position2 = 0;  // indices into the cell's feature list, see CellGenotype
  CellOp op1 = CellOp::kSkip, op2 = CellOp::kSkip;
  bool operator==(const CellLayer&) const = default;
};

// A block of the decoder: the cell applied to two pool entries. Entries 0..3 are the encoder taps
// from the finest (stride 4) to the coarsest, entry 4 + b is the output of block b.
struct BlockInputs {
  int first = 0, second = 0;
  bool operator==(const BlockInputs&) const = default;
};

// One decoder of the cell space. The feature list F of a cell starts with its input F[0];
// F[1] = first_op(F[0]); layer l = 1, 2, ... appends F[3l-1] = op1(F[position1]),
// F[3l] = op2(F[position2]) and their sum F[3l+1].
struct CellGenotype {
  CellOp first_op = CellOp::kSkip;
  std::vector<CellLayer> layers;
  std::vector<BlockInputs> blocks;
  bool operator==(const CellGenotype&) const = default;

  // Features that make up the cell's output: the first op's result and the layer sums that no layer
  // of the cell reads. Ascending; the last sum is always among them.
  std::vector<int> cell_outputs() const;
  // Blocks that no later block reads; their outputs are concatenated. Ascending.
  std::vector<int> collected_blocks() const;
};

inline constexpr int kEncoderTaps = 4;

// The published nested list: [first_op, [p1, p2, o1, o2], ...], [[i0, j0], ...]. Any number of
// layers and blocks. Throws a user error that says where the text stops making sense, or which
// index points at something that does not exist yet.
CellGenotype parse_cell_genotype(std::string_view text);
std::string to_text(const CellGenotype& genotype);

// Flat storage form of the reference code: [0, first_op, p1, p2, o1, o2, ..., i0, j0, ...].
std::vector<int> action_vector(const CellGenotype& genotype);

// How many positions the layers of a cell may read. The reference code changed between the CVPR
// paper's state (every earlier feature: 2, 5, 8, ...) and its later refactor (1, 4, 7, ...: the
// first op's result and the preceding sum cannot be read; a bug, kept for comparison with old
// logs).
enum class PositionRule { kAllEarlier, kRefactored };
inline constexpr std::array<std::string_view, 2> kPositionRuleNames = {"all", "refactored"};

struct CellSpaceOptions {
  int blocks = 3;
  int cell_layers = 4;  // the first operation counts as a layer, as in the paper
  PositionRule positions = PositionRule::kAllEarlier;
  void visit(core::FieldVisitor& v);
};

// System A's search space. Decisions come in the order in which the published controller takes
// them: the block inputs, the first op, then p1, p2, o1, o2 of every layer.
class CellSpace final : public SearchSpace {
 public:
  explicit CellSpace(CellSpaceOptions options = {});
  std::string_view name() const override { return "cell-decoder"; }
  const std::vector<Decision>& decisions() const override { return decisions_; }
  int warm_up_steps() const override { return kEncoderTaps; }
  std::string text(const Tokens& tokens) const override;
  Tokens parse(std::string_view text) const override;

  CellGenotype genotype(const Tokens& tokens) const;
  Tokens tokens(const CellGenotype& genotype) const;

 private:
  CellSpaceOptions options_;
  std::vector<Decision> decisions_;
};

}  // namespace parsimony::space
