// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"

namespace parsimony::differentiable {
namespace {

using space::all_candidate_ops;
using space::mixed_edges;

using ::testing::ElementsAre;

using space::GridCell;
using space::GridOp;
using Edges = std::vector<space::GridCellEdge>;

constexpr GridOp kSkip = GridOp::kSkip, kSmall = GridOp::kSepConv3x3, kLarge = GridOp::kSepConv5x5;
const CellCandidates kThreeNodes{.nodes = 3, .ops = {std::nullopt, kSkip, kSmall, kLarge}};

Alphas random_alphas(const CellCandidates& candidates, core::Rng& rng) {
  Alphas alphas(mixed_edges(candidates).size());
  for (auto& row : alphas) {
    for (std::size_t op = 0; op < candidates.ops.size(); ++op) row.push_back(rng.normal());
  }
  return alphas;
}

std::ptrdiff_t skips_of(const GridCell& cell) {
  return std::ranges::count(cell.edges, kSkip, &space::GridCellEdge::op);
}

TEST(CandidateOps, AreNoneAndThoseOfTheSpace) {
  const std::vector<CandidateOp> ops = all_candidate_ops();
  ASSERT_EQ(ops.size(), 8U);
  EXPECT_EQ(ops[0], std::nullopt);
  EXPECT_EQ(ops[1], GridOp::kMaxPool3x3);
  EXPECT_EQ(ops[3], kSkip);
  EXPECT_EQ(ops[7], GridOp::kDilConv5x5);
}

TEST(MixedEdges, AreThoseOfTheSpec) {
  EXPECT_EQ(mixed_edges({.nodes = 4, .inputs = 1}).size(), 10U);
  EXPECT_EQ(mixed_edges({.nodes = 4, .inputs = 2}).size(), 14U);
  EXPECT_THAT(mixed_edges({.nodes = 2, .inputs = 1}),
              ElementsAre(MixedEdge{1, 0}, MixedEdge{2, 0}, MixedEdge{2, 1}));
}

TEST(OperationWeights, AreASoftmaxThatDoesNotOverflow) {
  const Alphas weights = operation_weights({{1000, 1000 + std::log(3.0)}, {-1000, -1000}});
  EXPECT_NEAR(weights[0][0], 0.25, 1e-12);
  EXPECT_NEAR(weights[0][1], 0.75, 1e-12);
  EXPECT_EQ(weights[1], (std::vector<double>{0.5, 0.5}));
}

// Three nodes: edges 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2.
Alphas example() {
  return {{0.9, 0.02, 0.05, 0.03},  // none is strongest, and not taken
          {0.1, 0.2, 0.6, 0.1},     //
          {0.1, 0.2, 0.1, 0.6},     //
          {0.7, 0.1, 0.1, 0.1},     // weakest of node 3
          {0.1, 0.5, 0.2, 0.2},     //
          {0.2, 0.1, 0.3, 0.4}};
}

TEST(DeriveCell, KeepsTheStrongestEdgesAndNeverNone) {
  EXPECT_EQ(derive_cell(kThreeNodes, example(), {}).edges,
            (Edges{{1, 0, kSmall}, {2, 0, kSmall}, {2, 1, kLarge}, {3, 1, kSkip}, {3, 2, kLarge}}));
}

TEST(DeriveCell, TakesTheEarlierOfEqualEdgesAndOperations) {
  const Alphas equal(6, std::vector<double>(4, 0.25));
  EXPECT_EQ(derive_cell(kThreeNodes, equal, {}).edges,
            (Edges{{1, 0, kSkip}, {2, 0, kSkip}, {2, 1, kSkip}, {3, 0, kSkip}, {3, 1, kSkip}}));
}

TEST(DeriveCell, WeighsEdgesAsPcDartsDoes) {
  const std::vector<double> edge_weights{1, 1, 1, 5, 1, 0.1};
  EXPECT_EQ(derive_cell(kThreeNodes, example(), {}, edge_weights).edges,
            (Edges{{1, 0, kSmall}, {2, 0, kSmall}, {2, 1, kLarge}, {3, 0, kSkip}, {3, 1, kSkip}}));
}

// The weakest of the skips goes first. On its edge the next best operation takes its place, unless
// another edge is stronger then.
TEST(DeriveCell, ReplacesTheWeakestSkips) {
  const Alphas weights = {{0, 0.5, 0.3, 0.2},     // 1<-0
                          {0, 0.6, 0.1, 0.3},     // 2<-0
                          {0, 0.9, 0.05, 0.05},   // 2<-1
                          {0, 0.4, 0.35, 0.25},   // 3<-0
                          {0, 0.7, 0.2, 0.1},     // 3<-1
                          {0.6, 0, 0.38, 0.02}};  // 3<-2
  const auto cell_with = [&](int cap) {
    return derive_cell(kThreeNodes, weights, {.edges_per_node = 2, .skip_cap = cap});
  };
  EXPECT_EQ(skips_of(derive_cell(kThreeNodes, weights, {})), 5);
  EXPECT_EQ(cell_with(4).edges,
            (Edges{{1, 0, kSkip}, {2, 0, kSkip}, {2, 1, kSkip}, {3, 1, kSkip}, {3, 2, kSmall}}))
      << "without its skip 3<-0 is weaker than 3<-2";
  EXPECT_EQ(cell_with(2).edges,
            (Edges{{1, 0, kSmall}, {2, 0, kLarge}, {2, 1, kSkip}, {3, 1, kSkip}, {3, 2, kSmall}}));
  EXPECT_EQ(skips_of(cell_with(0)), 0);
  EXPECT_EQ(cell_with(5), derive_cell(kThreeNodes, weights, {}));
}

// What is derived has a text form and is a cell of the space: that form takes no others.
TEST(DeriveCell, KeepsToItsCapAndIsWellFormed) {
  core::Rng rng(1);
  const CellCandidates candidates{.nodes = 4, .inputs = 2};
  for (int round = 0; round < 200; ++round) {
    Alphas alphas = random_alphas(candidates, rng);
    for (auto& row : alphas) row[3] += 1.5;  // collapsing into skips
    const GridCell cell =
        derive_cell(candidates, operation_weights(alphas), {.edges_per_node = 2, .skip_cap = 2});
    ASSERT_LE(skips_of(cell), 2);
    ASSERT_EQ(cell.edges.size(), 8U);
    for (int node = 2; node < 6; ++node)
      ASSERT_EQ(std::ranges::count(cell.edges, node, &space::GridCellEdge::node), 2);
    const std::string text = space::to_text({.cell = cell, .layers = {{{0, 0}}}});
    ASSERT_EQ(space::parse_grid_genotype(text).cell, cell);
  }
}

TEST(DeriveCell, NeedsAnOperation) {
  const CellCandidates only_skip{.nodes = 1, .ops = {std::nullopt, kSkip}};
  EXPECT_NO_THROW(derive_cell(only_skip, {{0.5, 0.5}}, {}));
  EXPECT_THROW(derive_cell(only_skip, {{0.5, 0.5}}, {.edges_per_node = 2, .skip_cap = 0}),
               core::Error);
  EXPECT_THROW(derive_cell(only_skip, {{1, 0, 0}}, {}), core::Error);
  EXPECT_THROW(derive_cell(kThreeNodes, {}, {}), core::Error);
}

TEST(AlphaEntropy, RunsFromUndecidedToDecided) {
  const Alphas undecided(3, std::vector<double>(8, 0.7));
  const Alphas decided(3, {0, 100, 0, 0, 0, 0, 0, 0});
  EXPECT_NEAR(edge_entropies(undecided)[2], std::log(8.0), 1e-12);
  EXPECT_NEAR(edge_entropies(decided)[2], 0, 1e-12);
  EXPECT_NEAR(alpha_entropy(undecided).value, -std::log(0.125 + 1e-5) / 8, 1e-14);
  EXPECT_NEAR(alpha_entropy(decided).value, 0, 1e-5);
}

TEST(AlphaEntropy, HasItsGradient) {
  core::Rng rng(2);
  const Alphas alphas = random_alphas({.nodes = 3}, rng);
  const AlphaLoss loss = alpha_entropy(alphas);
  for (std::size_t e = 0; e < alphas.size(); ++e) {
    for (std::size_t o = 0; o < alphas[e].size(); ++o) {
      Alphas ahead = alphas, behind = alphas;
      ahead[e][o] += 1e-5;
      behind[e][o] -= 1e-5;
      const double slope = (alpha_entropy(ahead).value - alpha_entropy(behind).value) / 2e-5;
      EXPECT_NEAR(loss.gradient[e][o], slope, 1e-9) << "operation " << o << " of edge " << e;
    }
  }
}

}  // namespace
}  // namespace parsimony::differentiable
