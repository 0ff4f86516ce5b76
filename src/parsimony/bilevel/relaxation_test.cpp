// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "parsimony/bilevel/fixtures_for_test.h"
#include "parsimony/bilevel/gradients.h"
#include "parsimony/differentiable/cell.h"
#include "parsimony/task/segmentation.h"

namespace parsimony::bilevel {
namespace {

using network::Phase;
using testing::gated;
using testing::in_doubles;
using testing::mixed;
using testing::small_cell;
using testing::small_design;
using testing::waves;

constexpr int kClasses = 3;

Tensor logits_of(network::Network& network, const std::vector<Tensor>& coefficients) {
  const at::NoGradGuard no_grad;
  std::vector<Tensor> inputs = {waves(2, 32, kClasses, 0.3).pictures};
  inputs.insert(inputs.end(), coefficients.begin(), coefficients.end());
  return network.logits(inputs, Phase::kBatchStatistics);
}

TEST(CellRelaxation, WeighsOperationsBySoftmaxWithoutNone) {
  const CellRelaxation relaxation(mixed(small_design(), kClasses), core::Rng(3), in_doubles());
  EXPECT_EQ(relaxation.alphas_shape(), (std::vector<std::int64_t>{3, 8}));
  const auto weights = differentiable::operation_weights(relaxation.alphas());
  const std::vector<Tensor> coefficients = relaxation.coefficients();
  ASSERT_EQ(coefficients.size(), 3U);
  for (std::size_t edge = 0; edge < 3; ++edge) {
    ASSERT_EQ(coefficients[edge].numel(), 7);
    for (std::int64_t op = 0; op < 7; ++op) {
      EXPECT_NEAR(coefficients[edge][op].item<double>(),
                  weights[edge][static_cast<std::size_t>(op) + 1],
                  1e-12);
    }
  }
}

// Weights of an edge stay a distribution however large the perturbation.
TEST(CellRelaxation, HoldsPerturbedWeightsBetweenZeroAndOne) {
  const CellRelaxation relaxation(mixed(small_design(), kClasses), core::Rng(3), in_doubles());
  const auto operations = differentiable::operation_weights(relaxation.alphas());
  Tensor weights = at::zeros({3, 8}, at::kDouble);
  for (std::int64_t edge = 0; edge < 3; ++edge) {
    for (std::int64_t op = 0; op < 8; ++op)
      weights[edge][op].fill_(
          operations[static_cast<std::size_t>(edge)][static_cast<std::size_t>(op)]);
  }
  EXPECT_TRUE(at::allclose(relaxation.allowed(at::zeros({3, 8}, at::kDouble)),
                           at::zeros({3, 8}, at::kDouble)));
  Tensor perturbation = at::zeros({3, 8}, at::kDouble);
  perturbation[0][1].fill_(-2);  // cut off
  perturbation[1][4].fill_(1);   // too much
  perturbation[2].fill_(-2);     // nothing left but the largest
  const Tensor held = weights + relaxation.allowed(perturbation);
  EXPECT_TRUE(at::allclose(held.sum(1), at::ones({3}, at::kDouble)));
  EXPECT_GE(held.min().item<double>(), -1e-12);
  EXPECT_NEAR(held[0][1].item<double>(), 0, 1e-12);
  EXPECT_NEAR((held[0][2] / held[0][3]).item<double>(),
              (weights[0][2] / weights[0][3]).item<double>(),
              1e-9);
  EXPECT_NEAR(held[1][4].item<double>(), 1 / (2 - weights[1][4].item<double>()), 1e-9);
  EXPECT_NEAR(held[2].max().item<double>(), 1, 1e-12);
}

TEST(CellRelaxation, AddsTheAuxiliarySkipToTheSkipConnection) {
  CellRelaxation relaxation(mixed(small_design(), kClasses), core::Rng(3), in_doubles());
  const Tensor before = relaxation.coefficients()[1].detach().clone();
  relaxation.set_auxiliary_skip(0.25);
  const Tensor added = relaxation.coefficients()[1].detach() - before;
  constexpr std::int64_t kSkip = 2;  // behind both pools
  EXPECT_NEAR(added[kSkip].item<double>(), 0.25, 1e-12);
  EXPECT_NEAR(added.sum().item<double>(), 0.25, 1e-12);
}

// With one operation per edge the supernet is the network of that cell, with the same weights.
TEST(CellRelaxation, OfOneCellIsThatCellsNetwork) {
  const Design design = small_design();
  CellRelaxation relaxation(mixed(design, kClasses), core::Rng(3), in_doubles());
  graph::GridOptions options =
      differentiable::supernet_design(design.network, design.options.supernet);
  options.gate = {.kind = graph::PathGate::kUniform};
  network::Network discrete(
      graph::path_supernet(all_paths(design.space), small_cell(), options, kClasses),
      core::Rng(4),
      in_doubles());
  weights::ArrayMap renamed;
  const std::regex operation(R"((from\d)\.(sep3|dil3))");
  for (const auto& [name, array] : relaxation.network().save().arrays) {
    const std::string own = std::regex_replace(name, operation, "$1");
    if (own == name || name.find("node1.from0.sep3") != std::string::npos ||
        name.find("node2.from0.dil3") != std::string::npos)
      renamed.arrays[own] = array;
  }
  discrete.load(renamed, "the supernet");
  const Tensor expected = logits_of(discrete, {});
  const Tensor found = logits_of(relaxation.network(), relaxation.coefficients_of(small_cell()));
  // Weights pass through single precision on their way.
  EXPECT_TRUE(at::allclose(found, expected, 1e-4, 1e-5)) << (found - expected).abs().max();
  EXPECT_GT(expected.abs().max().item<double>(), 1e-3);
}

TEST(CellRelaxation, BeginsWithSmallAlphasOfItsSeed) {
  CellRelaxation::Design design = mixed(small_design(), kClasses);
  design.initial_deviation = 1e-3;
  const auto alphas = [&](std::uint64_t seed) {
    return CellRelaxation(design, core::Rng(seed), {}).alphas();
  };
  EXPECT_EQ(alphas(1), alphas(1));
  EXPECT_NE(alphas(1), alphas(2));
  for (const std::vector<double>& edge : alphas(1))
    for (const double alpha : edge) EXPECT_LT(std::abs(alpha), 0.01);
}

TEST(PathRelaxation, OpensGatesByGammaAndContent) {
  for (const bool dynamic : {false, true}) {
    Design design = small_design();
    design.options.paths.gate.dynamic = dynamic;
    PathRelaxation relaxation(gated(design, kClasses), core::Rng(5), in_doubles());
    logits_of(relaxation.network(), relaxation.coefficients());
    const std::vector<Tensor> gates = relaxation.gates();
    ASSERT_EQ(gates.size(), 2U);
    EXPECT_EQ(gates[0].sizes(), (std::vector<std::int64_t>{dynamic ? 2 : 1, 2}));
    EXPECT_EQ(gates[1].size(1), 5);
    const auto gammas = relaxation.gammas();
    // One edge leads to each node of the first layer, so no content is looked at there.
    for (std::int64_t e = 0; e < 2; ++e) {
      const double expected = 1 / (1 + std::exp(-gammas[0][static_cast<std::size_t>(e)]));
      EXPECT_NEAR(gates[0][0][e].item<double>(), expected, 1e-12);
    }
  }
}

TEST(PathRelaxation, NarrowedToAllItsPathsIsItself) {
  PathRelaxation relaxation(gated(small_design(), kClasses), core::Rng(5), in_doubles());
  PathRelaxation same = relaxation.narrowed(all_paths(small_design().space));
  const Tensor expected = logits_of(relaxation.network(), relaxation.coefficients());
  const Tensor found = logits_of(same.network(), same.coefficients());
  EXPECT_TRUE(at::allclose(found, expected, 1e-4, 1e-5)) << (found - expected).abs().max();
}

// A closed gate and a path that is not there are the same.
TEST(PathRelaxation, NarrowedIsTheSupernetWithGatesClosed) {
  PathRelaxation relaxation(gated(small_design(), kClasses), core::Rng(5), in_doubles());
  // Of layer 2: 0-0, 0-1, 1-0, 1-1, 1-2; without 1-0 and 0-1 each node is reached once.
  PathRelaxation part = relaxation.narrowed({{{0, 0}, {0, 1}}, {{0, 0}, {1, 1}, {1, 2}}});
  const Tensor found = logits_of(part.network(), part.coefficients());
  const Tensor second = relaxation.architecture().tensors[1].second.detach();
  second[1].fill_(-60);
  second[2].fill_(-60);
  const Tensor expected = logits_of(relaxation.network(), relaxation.coefficients());
  EXPECT_TRUE(at::allclose(found, expected, 1e-4, 1e-5)) << (found - expected).abs().max();
}

// Scale 2 of the last layer goes with the only edge that leads there: the head reads two scales.
TEST(PathRelaxation, NarrowedHeadReadsTheScalesThatAreLeft) {
  PathRelaxation relaxation(gated(small_design(), kClasses), core::Rng(5), in_doubles());
  PathRelaxation part = relaxation.narrowed({{{0, 0}, {0, 1}}, {{0, 0}, {1, 1}}});
  const auto whole = relaxation.network().save(), left = part.network().save();
  const std::string name = "head.project.conv.weight";
  const Tensor all = network::to_tensor(whole.arrays.at(name));
  EXPECT_TRUE(at::equal(network::to_tensor(left.arrays.at(name)), all.narrow(1, 0, 12)));
}

// How far logits move with the weights of a node of the last layer, of which all gates are closed.
double effect_of_a_closed_node(bool presence, int scale, const std::vector<std::int64_t>& edges) {
  PathRelaxation::Design design = gated(small_design(), kClasses);
  design.presence = presence;
  PathRelaxation relaxation(std::move(design), core::Rng(5), in_doubles());
  const Tensor gammas = relaxation.architecture().tensors[1].second.detach();
  for (const std::int64_t edge : edges) gammas[edge].fill_(-60);
  const Tensor before = logits_of(relaxation.network(), relaxation.coefficients());
  const std::string node = "layer2.scale" + std::to_string(scale) + ".cell";
  int changed = 0;
  for (auto& [name, weights] : relaxation.network().decoder().tensors) {
    if (!name.starts_with(node)) continue;
    weights.detach().add_(at::randn_like(weights.detach()));
    ++changed;
  }
  EXPECT_GT(changed, 0);
  const Tensor after = logits_of(relaxation.network(), relaxation.coefficients());
  return (after - before).abs().max().item<double>();
}

// Of layer 2: 0-0, 0-1, 1-0, 1-1, 1-2. The weights of path attention sum to about 1 in every node
// and say nothing of the node itself; without presence the head reads it, however closed it is.
TEST(PathRelaxation, PresenceTakesClosedNodesOutOfTheNetwork) {
  const std::vector<std::vector<std::int64_t>> entering = {{0, 2}, {1, 3}, {4}};
  for (int scale = 0; scale < 3; ++scale) {
    const auto& edges = entering[static_cast<std::size_t>(scale)];
    EXPECT_GT(effect_of_a_closed_node(false, scale, edges), 1e-3) << scale;
    EXPECT_LT(effect_of_a_closed_node(true, scale, edges), 1e-12) << scale;
  }
}

// So the loss has a slope by the only gate of a node, which it has not without.
TEST(PathRelaxation, PresenceMakesTheLossDependOnGatesOfSingleEdges) {
  for (const bool presence : {false, true}) {
    PathRelaxation::Design design = gated(small_design(), kClasses);
    design.presence = presence;
    PathRelaxation relaxation(std::move(design), core::Rng(5), in_doubles());
    const train::Batch batch = waves(2, 32, kClasses, 0.3);
    add_architecture_gradient(
        relaxation, {batch, core::Rng(1), task::Segmentation(kClasses)}, Phase::kBatchStatistics);
    const double slope = relaxation.architecture().tensors[1].second.grad()[4].item<double>();
    if (presence) {
      EXPECT_GT(std::abs(slope), 1e-5);
    } else {
      EXPECT_EQ(slope, 0);
    }
  }
}

TEST(PathRelaxation, SharpensItsGates) {
  Design design = small_design();
  design.options.paths.gate.dynamic = false;
  PathRelaxation relaxation(gated(design, kClasses), core::Rng(5), in_doubles());
  logits_of(relaxation.network(), relaxation.coefficients());
  const double gamma = relaxation.gammas()[0][0];
  relaxation.set_temperature(0.25);
  EXPECT_NEAR(relaxation.gates()[0][0][0].item<double>(), 1 / (1 + std::exp(-4 * gamma)), 1e-12);
  EXPECT_EQ(std::ranges::count_if(relaxation.network().graph().nodes,
                                  [](const graph::Node& node) {
                                    const auto* gate =
                                        std::get_if<graph::PathAttention>(&node.layer);
                                    return gate != nullptr && gate->temperature == 0.25;
                                  }),
            2);
}

}  // namespace
}  // namespace parsimony::bilevel
