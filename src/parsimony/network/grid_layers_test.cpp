// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/grid_layers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "parsimony/core/error.h"
#include "parsimony/graph/grid_network.h"
#include "parsimony/graph/path_attention.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/network/network.h"

namespace parsimony::network {
namespace {

using graph::PathAttention;
using graph::PathGate;

constexpr std::int64_t kMaps = 3;

Tensor waves(std::vector<std::int64_t> shape, double phase, double factor = 1) {
  std::int64_t count = 1;
  for (const std::int64_t n : shape) count *= n;
  return (factor * at::sin(at::arange(count, at::kDouble) * 1.7 + phase)).view(shape);
}

// A gate over three maps of 5 channels, in double precision; all of it wants gradients.
struct Fusion {
  explicit Fusion(PathGate kind, bool dynamic = true) {
    gate = {.channels = 5,
            .inputs = kMaps,
            .gate = kind,
            .dynamic = dynamic,
            .kept = 2,
            .temperature = 0.7};
    state = {waves({kMaps}, 0.3, 0.5),
             waves({gate.hidden(), gate.channels}, 0.1),
             waves({gate.hidden()}, 0.2),
             waves({gate.hidden()}, 0.9),
             waves({1}, 0.4),
             Tensor()};
    for (std::int64_t k = 0; k < kMaps; ++k)
      maps.push_back(waves({2, 5, 3, 4}, static_cast<double>(k) + 0.25));
    leaves = {
        state.gamma, state.hidden_weight, state.hidden_bias, state.score_weight, state.score_bias};
    leaves.insert(leaves.end(), maps.begin(), maps.end());
    for (Tensor& leaf : leaves) leaf.set_requires_grad(true);
  }

  Tensor loss() {
    const Tensor y = path_attention(gate, state, maps);
    return (y * at::cos(at::arange(y.numel(), at::kDouble)).view(y.sizes())).sum();
  }

  PathAttention gate;
  AttentionState state;
  std::vector<Tensor> maps;
  std::vector<Tensor> leaves;
};

constexpr PathGate kAllGates[] = {PathGate::kConditionalSigmoid,
                                  PathGate::kSoftmax,
                                  PathGate::kReluTanh,
                                  PathGate::kHardTopK,
                                  PathGate::kUniform};

// Against the plain formulas, content and all.
TEST(PathAttention, HasTheWeightsOfItsDefinition) {
  for (const PathGate kind : kAllGates) {
    for (const bool dynamic : {true, false}) {
      Fusion fusion(kind, dynamic);
      const Tensor weights = fusion_weights(fusion.gate, fusion.state, fusion.maps).detach();
      for (std::int64_t n = 0; n < 2; ++n) {
        std::vector<double> scores;
        for (std::int64_t k = 0; k < kMaps; ++k) {
          double score = fusion.state.gamma[k].item<double>();
          if (dynamic) {
            const Tensor mean =
                at::relu(fusion.maps[static_cast<std::size_t>(k)][n]).mean({1, 2}).detach();
            const Tensor hidden =
                at::relu(at::mv(fusion.state.hidden_weight, mean) + fusion.state.hidden_bias);
            score += (at::dot(hidden, fusion.state.score_weight) + fusion.state.score_bias)
                         .item<double>();
          }
          scores.push_back(score);
        }
        const std::vector<double> expected = graph::fusion_weights(fusion.gate, scores);
        for (std::int64_t k = 0; k < kMaps; ++k) {
          EXPECT_NEAR(weights[n][k].item<double>(), expected[static_cast<std::size_t>(k)], 1e-12)
              << graph::kPathGateNames[static_cast<std::size_t>(kind)];
        }
      }
    }
  }
}

// Spec rspnet 4.5, in single precision.
TEST(PathAttention, GoldenValues) {
  const auto weights = [](std::vector<float> gamma) {
    const PathAttention gate{.channels = 1,
                             .inputs = static_cast<std::int64_t>(gamma.size()),
                             .gate = PathGate::kConditionalSigmoid,
                             .dynamic = false};
    AttentionState state;
    state.gamma = at::tensor(gamma);
    return fusion_weights(gate, state, std::vector<Tensor>(gamma.size(), at::ones({1, 1, 2, 2})));
  };
  const Tensor equal = weights({0, 0, 0});
  for (int k = 0; k < 3; ++k) EXPECT_NEAR(equal[0][k].item<float>(), .571429F, 1e-6F);
  EXPECT_NEAR(weights({2, -2})[0][0].item<float>(), .984124F, 1e-6F);
  EXPECT_NEAR(weights({2, -2})[0][1].item<float>(), .133187F, 1e-6F);
  EXPECT_NEAR(weights({1.5F})[0][0].item<float>(), 1, 1e-6F);
  EXPECT_NEAR(weights({-50, -50})[0][0].item<float>(), .5F, 1e-5F);
}

// Central differences in double precision. The gradient of a hard choice is meant to be another
// one's.
TEST(PathAttention, GradientsAreThoseOfFiniteDifferences) {
  constexpr double kStep = 1e-6;
  for (const PathGate kind : kAllGates) {
    if (kind == PathGate::kHardTopK) continue;
    Fusion fusion(kind);
    torch::autograd::backward({fusion.loss()}, {});
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < fusion.leaves.size(); ++i) {
      const Tensor& gradient = fusion.leaves[i].grad();
      double* values = fusion.leaves[i].data_ptr<double>();
      for (std::int64_t j = 0; j < fusion.leaves[i].numel(); ++j) {
        const double value = values[j];
        values[j] = value + kStep;
        const double above = fusion.loss().item<double>();
        values[j] = value - kStep;
        const double below = fusion.loss().item<double>();
        values[j] = value;
        const double expected = (above - below) / (2 * kStep);
        const double actual = gradient.defined() ? gradient.flatten()[j].item<double>() : 0;
        EXPECT_NEAR(actual, expected, 1e-7) << graph::kPathGateNames[static_cast<std::size_t>(kind)]
                                            << " leaf " << i << " value " << j;
      }
    }
  }
}

TEST(PathAttention, AHardChoiceLearnsAsTheSoftmaxWould) {
  Fusion hard(PathGate::kHardTopK), soft(PathGate::kSoftmax);
  const Tensor from_above = waves({2, kMaps}, 0.5);
  const auto gradient = [&](Fusion& fusion) {
    const Tensor weights = fusion_weights(fusion.gate, fusion.state, fusion.maps);
    torch::autograd::backward({(weights * from_above).sum()}, {});
    return fusion.state.gamma.grad();
  };
  EXPECT_LT((gradient(hard) - gradient(soft)).abs().max().item<double>(), 1e-12);
  const Tensor shares = fusion_weights(hard.gate, hard.state, hard.maps).detach();
  EXPECT_TRUE(at::equal(at::gt(shares, 0.25).sum(1), at::full({2}, 2, at::kLong)));
}

TEST(PathAttention, BeginsAlmostUniformAndWithoutContent) {
  graph::Graph g;
  const auto section = graph::Section::kDecoder;
  const auto x = g.add(graph::Input{8, 4}, {}, section, "x");
  const auto y = g.add(graph::Input{8, 4}, {}, section, "y");
  for (const PathGate kind : {PathGate::kSoftmax, PathGate::kReluTanh}) {
    graph::Graph gated = g;
    gated.outputs = {
        {"logits",
         gated.add(
             PathAttention{.channels = 8, .inputs = 2, .gate = kind}, {x, y}, section, "gate")}};
    Network a(gated, core::Rng(3), {}), b(gated, core::Rng(3), {});
    const weights::ArrayMap saved = a.save();
    for (const float score : saved.arrays.at("gate.score_weight").to_floats()) EXPECT_EQ(score, 0);
    EXPECT_EQ(saved.arrays.at("gate.score_bias").to_floats()[0], 0);
    for (const float gamma : saved.arrays.at("gate.gamma").to_floats()) {
      if (kind == PathGate::kReluTanh) {
        EXPECT_EQ(gamma, 1.5F);
      } else {
        EXPECT_NE(gamma, 0);
        EXPECT_LT(std::abs(gamma), 0.05F);
      }
    }
    EXPECT_EQ(b.save().arrays.at("gate.gamma").to_floats(),
              saved.arrays.at("gate.gamma").to_floats());
  }
}

// Spec rspnet 4.6.
TEST(ShuffledChannels, GoldenOrderInEitherLayout) {
  const Tensor x = at::arange(8, at::kFloat).view({1, 8, 1, 1}).expand({2, 8, 3, 2}).contiguous();
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const Tensor y = shuffled_channels(x.contiguous(format), 2);
    EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
    const Tensor expected = at::tensor({0.F, 4.F, 1.F, 5.F, 2.F, 6.F, 3.F, 7.F});
    EXPECT_TRUE(at::equal(y, expected.view({1, 8, 1, 1}).expand({2, 8, 3, 2})));
  }
}

TEST(DroppedOut, KeepsTheMeanAndRepeatsItself) {
  const Tensor x = at::ones({4, 16, 32, 32});
  const Tensor y = dropped_out(x, 0.25, core::Rng(5));
  EXPECT_NEAR(y.mean().item<float>(), 1, 0.01);
  EXPECT_NEAR(at::eq(y, 0).to(at::kFloat).mean().item<float>(), 0.25, 0.01);
  EXPECT_TRUE(at::equal(y, dropped_out(x, 0.25, core::Rng(5))));
  EXPECT_FALSE(at::equal(y, dropped_out(x, 0.25, core::Rng(6))));
}

// Two maps of the same pictures, each with a drop path of its own.
graph::Graph two_drop_paths(double rate) {
  graph::Graph g;
  const auto section = graph::Section::kDecoder;
  const auto x = g.add(graph::Input{3, 4}, {}, section, "x");
  g.outputs = {{"logits", g.add(graph::DropPath{rate}, {x}, section, "first")},
               {"other", g.add(graph::DropPath{rate}, {x}, section, "second")}};
  return g;
}

TEST(DropPath, DropsPicturesAtItsRateTimesTheProgress) {
  constexpr std::int64_t kPictures = 20'000;
  constexpr double kRate = 0.2;
  Network net(two_drop_paths(kRate), core::Rng(1), {});
  const Tensor x = at::ones({kPictures, 3, 2, 1});
  for (const double progress : {0.25, 0.5, 1.0}) {
    const Tensor y = net.logits({x}, Phase::kTraining, StepNoise(core::Rng(7), progress));
    const Tensor of_pictures = y.flatten(1);
    EXPECT_TRUE(at::equal(of_pictures.amax(1), of_pictures.amin(1))) << "whole pictures";
    const double rate = kRate * progress;
    // Within four standard deviations.
    const double spread = 4 * std::sqrt(rate * (1 - rate) / kPictures);
    EXPECT_NEAR(at::eq(y, 0).to(at::kDouble).mean().item<double>(), rate, spread);
    EXPECT_NEAR(y.mean().item<double>(), 1, spread / (1 - rate));
    EXPECT_NEAR(y.max().item<double>(), 1 / (1 - rate), 1e-6);
  }
}

TEST(DropPath, DropsNothingAtTheBeginningInEvaluationOrWithoutNoise) {
  Network net(two_drop_paths(0.5), core::Rng(1), {});
  const Tensor x = at::randn({50, 3, 2, 1});
  const StepNoise noise(core::Rng(7), 1);
  EXPECT_TRUE(at::equal(net.logits({x}, Phase::kTraining, StepNoise(core::Rng(7), 0)), x));
  EXPECT_TRUE(at::equal(net.logits({x}, Phase::kEvaluation, noise), x));
  EXPECT_TRUE(at::equal(net.logits({x}, Phase::kTraining), x));
  EXPECT_FALSE(at::equal(net.logits({x}, Phase::kBatchStatistics, noise), x));
}

TEST(DropPath, AStreamDecidesWhatEachLayerDrops) {
  Network net(two_drop_paths(0.5), core::Rng(1), {});
  const Tensor x = at::ones({50, 3, 2, 1});
  const auto draw = [&](std::uint64_t seed) {
    return net.forward({x}, Phase::kTraining, StepNoise(core::Rng(seed), 1));
  };
  const std::vector<Tensor> once = draw(7), again = draw(7), other = draw(8);
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_TRUE(at::equal(once[i], again[i]));
    EXPECT_FALSE(at::equal(once[i], other[i]));
  }
  EXPECT_FALSE(at::equal(once[0], once[1])) << "layers drop the same pictures";
}

TEST(DropPath, DroppedPicturesHaveNoGradient) {
  Network net(two_drop_paths(0.5), core::Rng(1), {});
  const Tensor x = at::ones({50, 3, 2, 1}).requires_grad_();
  const Tensor y = net.logits({x}, Phase::kTraining, StepNoise(core::Rng(7), 1));
  torch::autograd::backward({y.sum()}, {});
  EXPECT_TRUE(at::equal(x.grad(), y.detach()));  // 0 or 2 times what was 1
}

// All that decoded grids can have.
graph::Graph small_grid(graph::RspMode rsp, PathGate gate, double dropout) {
  graph::GridOptions options;
  options.filters = 4;
  options.cells = 2;
  options.rsp = rsp;
  options.gate.kind = gate;
  options.head = {.scale_channels = 8, .channels = 12, .dropout = dropout};
  return graph::simplify(graph::grid_network(
      space::parse_grid_genotype(
          "{cell:[[2,0,sep3],[2,1,avg3],[3,1,dil5],[3,2,skip],[4,0,max3],[4,3,sep5]],"
          "paths:[[0-0,0-1],[0-0,0-1,1-1,1-2],[0-0,1-0,1-1,2-1,2-2]]}"),
      options,
      5));
}

// Our kernels against LibTorch's in double precision, through whole networks.
TEST(GridNetworks, TrainingAgreesWithTheReference) {
  for (const graph::RspMode rsp :
       {graph::RspMode::kNone, graph::RspMode::kIterative, graph::RspMode::kNested}) {
    const graph::Graph graph = small_grid(rsp, PathGate::kSoftmax, 0);
    const Tensor pictures = at::sin(at::arange(4 * 3 * 66 * 98, at::kFloat)).view({4, 3, 66, 98});
    const auto run = [&](Kernels kernels, at::ScalarType dtype) {
      Network net(graph, core::Rng(7), {.kernels = kernels, .dtype = dtype});
      const Tensor y = net.logits({pictures}, Phase::kTraining);
      torch::autograd::backward({y.square().mean() + y.sin().mean()}, {});
      std::vector<Tensor> all = {y.detach(), net.decoder().gradients.clone()};
      all.push_back(net.logits({pictures}, Phase::kEvaluation).detach());
      const at::NoGradGuard no_grad;  // batch norms are folded
      all.push_back(net.logits({pictures}, Phase::kEvaluation));
      return all;
    };
    const std::vector<Tensor> fast = run(Kernels::kFast, at::kFloat);
    const std::vector<Tensor> exact = run(Kernels::kReference, at::kDouble);
    for (std::size_t i = 0; i < fast.size(); ++i) {
      const double difference = (fast[i].to(at::kDouble) - exact[i]).norm().item<double>();
      // A ReLU that rounding flips changes a gradient by more than rounding: LibTorch's own differ
      // by 2 % between single and double precision here.
      EXPECT_LT(difference, (i == 1 ? 3e-2 : 1e-3) * exact[i].norm().item<double>()) << i;
    }
  }
}

TEST(GridNetworks, DropoutFollowsTheNoiseInTrainingOnly) {
  Network net(
      small_grid(graph::RspMode::kIterative, PathGate::kConditionalSigmoid, 0.3), core::Rng(1), {});
  const Tensor picture = at::sin(at::arange(2 * 3 * 64 * 64, at::kFloat)).view({2, 3, 64, 64});
  const auto trained = [&](std::uint64_t seed) {
    return net.logits({picture}, Phase::kTraining, core::Rng(seed)).detach();
  };
  EXPECT_TRUE(at::equal(trained(1), trained(1)));
  EXPECT_FALSE(at::equal(trained(1), trained(2)));
  EXPECT_TRUE(at::equal(net.logits({picture}, Phase::kTraining).detach(),
                        net.logits({picture}, Phase::kTraining).detach()))
      << "without noise nothing is dropped";
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(net.logits({picture}, Phase::kEvaluation),
                        net.logits({picture}, Phase::kEvaluation, core::Rng(1))));
}

TEST(GridNetworks, SaveAndLoadRoundTrip) {
  const graph::Graph graph = small_grid(graph::RspMode::kNested, PathGate::kReluTanh, 0);
  Network a(graph, core::Rng(1), {}), b(graph, core::Rng(2), {});
  EXPECT_TRUE(a.encoder().empty());
  const Tensor picture = at::sin(at::arange(2 * 3 * 64 * 64, at::kFloat)).view({2, 3, 64, 64});
  a.forward({picture}, Phase::kTraining);  // moves the running statistics
  b.load(a.save(), "memory");
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(
      at::equal(a.logits({picture}, Phase::kEvaluation), b.logits({picture}, Phase::kEvaluation)));
}

}  // namespace
}  // namespace parsimony::network
