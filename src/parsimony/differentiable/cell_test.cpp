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

using ::testing::ElementsAre;

// none, skip, and two operations.
constexpr int kNone = 0, kSkip = 1, kSmall = 2, kLarge = 3;
const CandidateOps kOps{.count = 4, .none = kNone, .skip = kSkip};

Alphas random_alphas(const CellShape& shape, int ops, core::Rng& rng) {
  Alphas alphas(edges_of(shape).size());
  for (auto& row : alphas) {
    for (int op = 0; op < ops; ++op) row.push_back(rng.normal());
  }
  return alphas;
}

TEST(CellEdges, AreThoseOfTheSpec) {
  EXPECT_EQ(edges_of({.inputs = 1, .nodes = 4}).size(), 10U);
  EXPECT_EQ(edges_of({.inputs = 2, .nodes = 4}).size(), 14U);
  EXPECT_THAT(edges_of({.inputs = 1, .nodes = 2}),
              ElementsAre(CellEdge{1, 0, 0}, CellEdge{2, 0, 0}, CellEdge{2, 1, 0}));
}

// Spec 4.10: discrete cells of one input and 7 operations.
TEST(CountCells, MeetsThePublishedSizes) {
  EXPECT_EQ(count_cells({.inputs = 1, .nodes = 3}, 7), 50421U);
  EXPECT_EQ(count_cells({.inputs = 1, .nodes = 4}, 7), 14823774U);
  EXPECT_EQ(count_cells({.inputs = 1, .nodes = 5}, 7), 7263649260U);
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
  EXPECT_THAT(derive_cell({.inputs = 1, .nodes = 3}, kOps, example(), {}),
              ElementsAre(CellEdge{1, 0, kSmall},
                          CellEdge{2, 0, kSmall},
                          CellEdge{2, 1, kLarge},
                          CellEdge{3, 1, kSkip},
                          CellEdge{3, 2, kLarge}));
}

TEST(DeriveCell, TakesTheEarlierOfEqualEdgesAndOperations) {
  const Alphas equal(6, std::vector<double>(4, 0.25));
  EXPECT_THAT(derive_cell({.inputs = 1, .nodes = 3}, kOps, equal, {}),
              ElementsAre(CellEdge{1, 0, kSkip},
                          CellEdge{2, 0, kSkip},
                          CellEdge{2, 1, kSkip},
                          CellEdge{3, 0, kSkip},
                          CellEdge{3, 1, kSkip}));
}

TEST(DeriveCell, WeighsEdgesAsPcDartsDoes) {
  const std::vector<double> edge_weights{1, 1, 1, 5, 1, 0.1};
  EXPECT_THAT(derive_cell({.inputs = 1, .nodes = 3}, kOps, example(), {}, edge_weights),
              ElementsAre(CellEdge{1, 0, kSmall},
                          CellEdge{2, 0, kSmall},
                          CellEdge{2, 1, kLarge},
                          CellEdge{3, 0, kSkip},
                          CellEdge{3, 1, kSkip}));
}

// The weakest of the skips goes first. On its edge the next best operation takes its place, unless
// another edge is stronger then.
TEST(DeriveCell, ReplacesTheWeakestSkips) {
  const CellShape shape{.inputs = 1, .nodes = 3};
  const Alphas weights = {{0, 0.5, 0.3, 0.2},     // 1<-0
                          {0, 0.6, 0.1, 0.3},     // 2<-0
                          {0, 0.9, 0.05, 0.05},   // 2<-1
                          {0, 0.4, 0.35, 0.25},   // 3<-0
                          {0, 0.7, 0.2, 0.1},     // 3<-1
                          {0.6, 0, 0.38, 0.02}};  // 3<-2
  const auto cell_with = [&](int cap) {
    return derive_cell(shape, kOps, weights, {.edges_per_node = 2, .skip_cap = cap});
  };
  EXPECT_EQ(count_of(derive_cell(shape, kOps, weights, {}), kSkip), 5);
  EXPECT_THAT(cell_with(4),
              ElementsAre(CellEdge{1, 0, kSkip},
                          CellEdge{2, 0, kSkip},
                          CellEdge{2, 1, kSkip},
                          CellEdge{3, 1, kSkip},
                          CellEdge{3, 2, kSmall}))
      << "without its skip 3<-0 is weaker than 3<-2";
  EXPECT_THAT(cell_with(2),
              ElementsAre(CellEdge{1, 0, kSmall},
                          CellEdge{2, 0, kLarge},
                          CellEdge{2, 1, kSkip},
                          CellEdge{3, 1, kSkip},
                          CellEdge{3, 2, kSmall}));
  EXPECT_EQ(count_of(cell_with(0), kSkip), 0);
  EXPECT_EQ(cell_with(5), derive_cell(shape, kOps, weights, {}));
}

TEST(DeriveCell, KeepsToItsCapAndIsWellFormed) {
  core::Rng rng(1);
  const CellShape shape{.inputs = 2, .nodes = 4};
  const CandidateOps ops;
  for (int round = 0; round < 200; ++round) {
    Alphas alphas = random_alphas(shape, ops.count, rng);
    for (auto& row : alphas) row[3] += 1.5;  // collapsing into skips
    const auto cell =
        derive_cell(shape, ops, operation_weights(alphas), {.edges_per_node = 2, .skip_cap = 2});
    ASSERT_LE(count_of(cell, 3), 2);
    ASSERT_EQ(count_of(cell, 0), 0);
    ASSERT_EQ(cell.size(), 8U);
    ASSERT_TRUE(std::ranges::is_sorted(cell));
    for (int node = 2; node < 6; ++node)
      ASSERT_EQ(std::ranges::count(cell, node, &CellEdge::node), 2);
  }
}

TEST(DeriveCell, NeedsAnOperation) {
  const CellShape shape{.inputs = 1, .nodes = 1};
  const CandidateOps only_skip{.count = 2, .none = 0, .skip = 1};
  EXPECT_NO_THROW(derive_cell(shape, only_skip, {{0.5, 0.5}}, {}));
  EXPECT_THROW(derive_cell(shape, only_skip, {{0.5, 0.5}}, {.edges_per_node = 2, .skip_cap = 0}),
               core::Error);
  EXPECT_THROW(derive_cell(shape, only_skip, {{1, 0, 0}}, {}), core::Error);
  EXPECT_THROW(derive_cell(shape, kOps, {}, {}), core::Error);
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
  const Alphas alphas = random_alphas({.inputs = 1, .nodes = 3}, 8, rng);
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
