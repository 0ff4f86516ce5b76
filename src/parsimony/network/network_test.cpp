// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/network.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/network/genotypes_for_test.h"
#include "parsimony/network/gradients_for_test.h"

namespace parsimony::network {
namespace {

TEST(Simplified, ComputesTheSameFromTheUsualInitialisation) {
  const space::CellSpace space;
  core::Rng rng(21);
  const Tensor picture = at::sin(at::arange(2 * 3 * 64 * 64, at::kFloat)).view({2, 3, 64, 64});
  for (int i = 0; i < 12; ++i) {
    const auto genotype = space.genotype(space::sample(space, rng));
    const graph::Graph full =
        graph::lower(genotype, {.name = "small"}, {.width = 8, .auxiliary = false}, 3).graph;
    const graph::Graph small = graph::simplify(full);
    // A head that lost input channels draws other initial weights; compare the others.
    if (graph::is_constant(small)) continue;
    Network a(full, core::Rng(5), {});
    Network b(small, core::Rng(5), {});
    EXPECT_LE((a.logits({picture}, Phase::kTraining) - b.logits({picture}, Phase::kTraining))
                  .abs()
                  .max()
                  .item<float>(),
              2e-4)
        << to_text(genotype);
  }
}

TEST(Network, SaveAndLoadRoundTrip) {
  const graph::Graph graph = graph::simplify(
      graph::lower(space::parse_cell_genotype(kArch1), {.name = "small"}, {.width = 8}, 3).graph);
  Network a(graph, core::Rng(1), {});
  Network b(graph, core::Rng(2), {});
  const Tensor picture = at::sin(at::arange(3 * 64 * 64, at::kFloat)).view({1, 3, 64, 64});
  a.forward({picture}, Phase::kTraining);  // moves the running statistics
  b.load(a.save(), "memory");
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(
      at::equal(a.logits({picture}, Phase::kEvaluation), b.logits({picture}, Phase::kEvaluation)));
}

TEST(Network, LoadNamesMissingAndMisshapenArrays) {
  const graph::Graph graph =
      graph::lower(space::parse_cell_genotype("[[1],[[3,3]]]"), {.name = "small"}, {.width = 8}, 3)
          .graph;
  Network net(graph, core::Rng(1), {});
  weights::ArrayMap arrays = net.save();
  const std::string name = "decoder.adapt0.conv.weight";
  arrays.arrays.at(name).shape = {8, 4, 2, 2};
  const auto message = [&] {
    try {
      net.load(arrays, "w.safetensors");
      return std::string("no error");
    } catch (const core::Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(
      message(),
      "w.safetensors: 'decoder.adapt0.conv.weight' has shape [8, 4, 2, 2], the network needs [8, 16, 1, 1]");
  arrays.arrays.erase(name);
  EXPECT_EQ(message(),
            "w.safetensors: has no array 'decoder.adapt0.conv.weight', which the network needs");
}

TEST(Network, GradientsLandInTheFlatVector) {
  const graph::Graph graph =
      graph::lower(space::parse_cell_genotype("[[1],[[3,3]]]"), {.name = "small"}, {.width = 8}, 3)
          .graph;
  Network net(graph, core::Rng(1), {});
  const Tensor picture = at::sin(at::arange(2 * 3 * 64 * 64, at::kFloat)).view({2, 3, 64, 64});
  torch::autograd::backward({net.logits({picture}, Phase::kTraining).square().mean()}, {});
  EXPECT_GT(net.decoder().gradients.abs().sum().item<float>(), 0);
  EXPECT_GT(net.encoder().gradients.abs().sum().item<float>(), 0);
  const auto& [name, tensor] = net.decoder().tensors.front();
  EXPECT_TRUE(
      at::equal(tensor.grad().flatten(), net.decoder().gradients.narrow(0, 0, tensor.numel())));
}

constexpr Kernels kAllKernels[] = {Kernels::kFast, Kernels::kReference};

// A batch norm behind a convolution, one whose map is read as it is, and one that has its own.
graph::Graph normed(bool affine) {
  graph::Graph g;
  const auto decoder = graph::Section::kDecoder;
  const auto conv = [&](graph::NodeId from, const std::string& name) {
    return g.add(graph::Conv{.in_channels = 6, .out_channels = 6}, {from}, decoder, name);
  };
  const auto norm = [&](graph::NodeId from, const std::string& name) {
    return g.add(graph::BatchNorm{6, affine}, {from}, decoder, name);
  };
  const auto x = g.add(graph::Input{6, 4}, {}, decoder, "x");
  const auto a = norm(conv(x, "conv0"), "norm0");
  const auto relu = g.add(graph::Relu{}, {a}, decoder, "relu");
  const auto pooled = g.add(graph::MaxPool{}, {relu}, decoder, "pool");
  const auto b = norm(pooled, "norm1");
  g.outputs = {{"logits", norm(conv(b, "conv1"), "norm2")}};
  return g;
}

TEST(BatchNorm, WithoutAffinePartIsOneOfWeight1AndBias0) {
  const Tensor x = at::sin(at::arange(3 * 6 * 7 * 9, at::kFloat)).view({3, 6, 7, 9});
  for (const Kernels kernels : kAllKernels) {
    Network plain(normed(false), core::Rng(5), {.kernels = kernels});
    Network affine(normed(true), core::Rng(5), {.kernels = kernels});
    for (const auto& [name, tensor] : plain.decoder().tensors)
      EXPECT_TRUE(name.starts_with("conv")) << name;
    EXPECT_EQ(plain.decoder().tensors.size(), 2u);
    const auto train = [&](Network& net) {
      const Tensor y = net.logits({x}, Phase::kTraining);
      torch::autograd::backward({(y * y.sin()).sum()}, {});
      std::vector<Tensor> all = {y.detach()};
      for (const auto& [name, tensor] : net.decoder().tensors)
        if (name.starts_with("conv")) all.push_back(tensor.grad());
      for (const auto& [name, tensor] : net.buffers()) all.push_back(tensor);
      all.push_back(net.logits({x}, Phase::kEvaluation).detach());
      const at::NoGradGuard no_grad;  // norms are folded
      all.push_back(net.logits({x}, Phase::kEvaluation));
      return all;
    };
    expect_equal_up_to_rounding(train(plain), train(affine), 0);
    EXPECT_TRUE(plain.save().arrays.contains("norm0.running_mean"));
    EXPECT_FALSE(plain.save().arrays.contains("norm0.weight"));
  }
}

TEST(BatchStatistics, TrainWithoutMovingTheRunningOnes) {
  const graph::Graph graph =
      graph::lower(space::parse_cell_genotype(kArch1), {.name = "small"}, {.width = 8}, 3).graph;
  const Tensor picture = at::sin(at::arange(2 * 3 * 64 * 64, at::kFloat)).view({2, 3, 64, 64});
  for (const Kernels kernels : kAllKernels) {
    Network net(graph, core::Rng(5), {.kernels = kernels});
    net.forward({picture}, Phase::kTraining);  // away from 0 and 1
    const auto buffers = [&] {
      std::vector<Tensor> copies;
      for (const auto& [name, tensor] : net.buffers()) copies.push_back(tensor.clone());
      return copies;
    };
    const auto all_equal = [](const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
      return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return at::equal(x, y);
      });
    };
    const auto run = [&](Phase phase) {
      net.decoder().gradients.zero_();
      std::vector<Tensor> outputs = net.forward({picture * 0.5}, phase);
      Tensor loss = at::zeros({});
      for (Tensor& y : outputs) loss = loss + y.square().mean();
      torch::autograd::backward({loss}, {});
      for (Tensor& y : outputs) y = y.detach();
      outputs.push_back(net.decoder().gradients.clone());
      return outputs;
    };
    const std::vector<Tensor> before = buffers();
    const std::vector<Tensor> kept = run(Phase::kBatchStatistics);
    EXPECT_TRUE(all_equal(buffers(), before));
    const std::vector<Tensor> trained = run(Phase::kTraining);
    EXPECT_FALSE(all_equal(buffers(), before));
    EXPECT_TRUE(all_equal(kept, trained));
  }
}

// Of two convolutions, weighed from outside.
graph::Graph weighed() {
  graph::Graph g;
  const auto decoder = graph::Section::kDecoder;
  const auto c = g.add(graph::Coefficients{2}, {}, decoder, "weights");
  const auto x = g.add(graph::Input{5, 4}, {}, decoder, "x");
  const graph::Conv conv{.in_channels = 5, .out_channels = 7};
  const auto a = g.add(conv, {x}, decoder, "a");
  const auto b = g.add(conv, {x}, decoder, "b");
  g.outputs = {
      {"logits", g.add(graph::WeightedSum{}, {a, b, c}, decoder, "sum")}, {"a", a}, {"b", b}};
  return g;
}

TEST(Coefficients, AreInputsThatTheNetworkIsDifferentiableIn) {
  const Tensor x = at::sin(at::arange(2 * 5 * 7 * 3, at::kFloat)).view({2, 5, 7, 3});
  for (const Kernels kernels : kAllKernels) {
    Network net(weighed(), core::Rng(5), {.kernels = kernels});
    const Tensor c = at::tensor({0.25, -2.0}, at::kDouble).requires_grad_();
    const std::vector<Tensor> y = net.forward({c, x}, Phase::kTraining);
    EXPECT_EQ(y[0].scalar_type(), at::kFloat);
    const Tensor expected = 0.25 * y[1] - 2 * y[2];
    EXPECT_LT((y[0] - expected).abs().max().item<double>(), 1e-6);
    const Tensor from_above = at::cos(at::arange(y[0].numel(), at::kFloat)).view(y[0].sizes());
    torch::autograd::backward({y[0]}, {from_above});
    EXPECT_EQ(c.grad().scalar_type(), at::kDouble);
    for (std::int64_t k = 0; k < 2; ++k) {
      const Tensor& map = y[static_cast<std::size_t>(k) + 1];
      EXPECT_NEAR(c.grad()[k].item<double>(), (from_above * map).sum().item<double>(), 1e-5);
    }
    EXPECT_THROW(net.forward({x}, Phase::kTraining), core::Error);
  }
}

// A gate and a dropout behind it.
graph::Graph tunable(double rate, double temperature, bool dynamic = true) {
  graph::Graph g;
  const auto decoder = graph::Section::kDecoder;
  const auto x = g.add(graph::Input{8, 4}, {}, decoder, "x");
  const auto y = g.add(graph::Input{8, 4}, {}, decoder, "y");
  const graph::PathAttention gate{
      .channels = 8, .inputs = 2, .dynamic = dynamic, .temperature = temperature};
  const auto fused = g.add(gate, {x, y}, decoder, "gate");
  g.outputs = {{"logits", g.add(graph::Dropout{rate}, {fused}, decoder, "dropout")}};
  return g;
}

TEST(Retuning, TakesOverRatesAndTemperatures) {
  const std::vector<Tensor> maps = {at::sin(at::arange(3 * 8 * 4, at::kFloat)).view({3, 8, 2, 2}),
                                    at::cos(at::arange(3 * 8 * 4, at::kFloat)).view({3, 8, 2, 2})};
  const auto run = [&](Network& net) {
    return net.logits(maps, Phase::kTraining, core::Rng(9)).detach();
  };
  Network net(tunable(0.5, 1), core::Rng(5), {});
  Network other(tunable(0.25, 0.01), core::Rng(5), {});
  EXPECT_FALSE(at::equal(run(net), run(other)));
  net.retune(tunable(0.25, 0.01));
  EXPECT_TRUE(at::equal(run(net), run(other)));
  net.retune(tunable(0, 1));
  EXPECT_TRUE(at::equal(run(net), net.logits(maps, Phase::kEvaluation).detach()));
}

TEST(Retuning, TakesOverNothingElse) {
  Network net(tunable(0.5, 1), core::Rng(5), {});
  EXPECT_THROW(net.retune(tunable(0.5, 1, /*dynamic=*/false)), core::Error);
  EXPECT_THROW(net.retune(normed(true)), core::Error);
  graph::Graph renamed = tunable(0.5, 1);
  renamed.nodes.back().name = "another";
  EXPECT_THROW(net.retune(renamed), core::Error);
  graph::Graph rewired = tunable(0.5, 1);
  std::swap(rewired.nodes[2].inputs[0], rewired.nodes[2].inputs[1]);
  EXPECT_THROW(net.retune(rewired), core::Error);
  EXPECT_EQ(std::get<graph::Dropout>(net.graph().nodes.back().layer).rate, 0.5);
}

}  // namespace
}  // namespace parsimony::network
