// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/differentiable/paths/budget.h"
#include "parsimony/differentiable/paths/grid.h"

namespace parsimony::differentiable {

// How the gates of a path search become one network (spec rspnet 7). RSPNet does not say; its
// figure picks the best input of a node (topk with k = 1), its text fuses several.
enum class DecodingRule {
  kDp,         // exact_decoding.h: the most likely valid network
  kTopK,       // pruned_decoding.h
  kThreshold,  // pruned_decoding.h
  kViterbi     // single_path.h: one path; values are those of softmax_of_leaving
};
inline constexpr std::array<std::string_view, 4> kDecodingRuleNames = {
    "dp", "topk", "threshold", "viterbi"};

struct DecodingOptions {
  DecodingRule rule = DecodingRule::kDp;
  int k = 2;                      // topk: edges that enter a node
  double threshold = 0.5;         // threshold: least gate that stays
  double cost_cap = 0;            // dp: largest share of the whole grid's cost; 0: no cap
  bool border_correction = true;  // viterbi: of softmax_of_leaving

  void visit(core::FieldVisitor& v);
  bool operator==(const DecodingOptions&) const = default;
};

// Gates, or for viterbi the probabilities of leaving edges, as one network: with a cell (cell.h) it
// is what both searches are for,
//
//   space::GridGenotype found{.cell = derive_cell(...), .layers = decode(...)};
//
// `costs` matter where there is a cap.
std::vector<space::GridLayer> decode(const Grid& grid,
                                     const EdgeValues& gates,
                                     const GridCosts& costs,
                                     const DecodingOptions& options);

}  // namespace parsimony::differentiable
