// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "parsimony/graph/simplify.h"
#include "parsimony/graph/template_decoder.h"
#include "parsimony/network/genotypes_for_test.h"
#include "parsimony/network/gradients_for_test.h"
#include "parsimony/network/network.h"

namespace parsimony::network {
namespace {

// Loss and gradients of one training step.
struct Step1 {
  Tensor logits;
  std::vector<Tensor> gradients;
  std::vector<Tensor> buffers;
};

Step1 training_step(const graph::Graph& graph, Kernels kernels, const std::vector<Tensor>& inputs) {
  Network net(graph, core::Rng(7), {.kernels = kernels});
  const std::vector<Tensor> out = net.forward(inputs, Phase::kTraining);
  Tensor loss = at::zeros({});
  for (const Tensor& y : out) loss = loss + (y * y).mean() + y.sin().mean();
  torch::autograd::backward({loss}, {});
  Step1 step{out[0].detach(), {}, {}};
  for (const auto& [name, t] : net.decoder().tensors) step.gradients.push_back(t.grad().clone());
  for (const auto& [name, t] : net.buffers()) step.buffers.push_back(t.clone());
  return step;
}

// Our kernels against LibTorch's, through whole decoders with every operation.
TEST(Kernels, TrainingAgreesWithTheReference) {
  std::vector<std::pair<std::string, graph::LoweredNetwork>> networks;
  for (const char* genotype :
       {kArch0, kArch1, "[[7,[1,0,3,4],[2,3,7,2],[5,6,6,0]],[[1,0],[4,2],[5,3]]]"}) {
    networks.emplace_back(genotype,
                          lowered(genotype, 20, 1, 5));  // 20: no multiple of the vector width
  }
  for (const char* genotype :
       {kTemplates0, kTemplates1, "[[[5,2,0],[2,3,1]],[[0,1,0,1,1],[2,1,1,0,0],[1,0,0,0,0]]]"}) {
    const graph::DecoderOptions options{.width = 20};
    networks.emplace_back(
        genotype,
        graph::lower(
            space::parse_template_genotype(genotype), graph::EncoderOptions{}, options, 5));
  }
  for (const auto& [genotype, network] : networks) {
    std::vector<graph::CutPoint> cuts;
    std::vector<Tensor> inputs;
    at::Generator generator = at::detail::createCPUGenerator(3);
    for (const graph::Tap& tap : network.taps) {
      cuts.push_back({tap.node, tap.stride});
      inputs.push_back(
          at::randn({3, tap.channels, 56 / tap.stride + 1, 72 / tap.stride + 1}, generator));
    }
    const graph::Graph decoder = graph::subgraph(network.graph, cuts, network.graph.outputs);
    const Step1 reference = training_step(decoder, Kernels::kReference, inputs);
    const Step1 fast = training_step(decoder, Kernels::kFast, inputs);
    const auto relative = [](const Tensor& a, const Tensor& b) {
      return ((a - b).norm() / (b.norm() + 1e-6)).item<double>();
    };
    EXPECT_LT(relative(fast.logits, reference.logits), 1e-3) << genotype;
    // Batch norm of pooled maps has three values to work with here: rounding is amplified, ReLUs
    // flip.
    for (std::size_t i = 0; i < fast.gradients.size(); ++i) {
      EXPECT_LT(relative(fast.gradients[i], reference.gradients[i]), 5e-2)
          << genotype << " gradient " << i;
    }
    for (std::size_t i = 0; i < fast.buffers.size(); ++i) {
      EXPECT_LT(relative(fast.buffers[i], reference.buffers[i]), 1e-3)
          << genotype << " buffer " << i;
    }
  }
}

struct DepthwiseCase {
  std::int64_t batch, channels, height, width, kernel, dilation;
};
void PrintTo(const DepthwiseCase& c, std::ostream* out) {
  *out << fmt::format("{}x{}x{}x{}, kernel {}, dilation {}",
                      c.batch,
                      c.channels,
                      c.height,
                      c.width,
                      c.kernel,
                      c.dilation);
}

class Depthwise : public ::testing::TestWithParam<DepthwiseCase> {};

TEST_P(Depthwise, AgreesWithLibTorchInDoublePrecision) {
  const auto [batch, channels, height, width, kernel, dilation] = GetParam();
  const graph::Conv conv{.in_channels = channels,
                         .out_channels = channels,
                         .kernel = kernel,
                         .padding = dilation * (kernel / 2),
                         .dilation = dilation,
                         .groups = channels};
  const std::vector<std::int64_t> shape = {batch, channels, height, width};
  const auto run = [&](Kernels kernels, at::ScalarType dtype) {
    const auto leaf = [dtype](const Tensor& values) {
      return values.to(dtype).set_requires_grad(true);
    };
    const Tensor x = leaf(
        at::sin(at::arange(shape[0] * shape[1] * shape[2] * shape[3], at::kFloat)).view(shape));
    const Tensor weight =
        leaf(at::cos(at::arange(conv.groups * conv.kernel * conv.kernel, at::kFloat))
                 .view({conv.groups, 1, conv.kernel, conv.kernel}));
    return value_and_gradients(convolution(x, weight, Tensor(), conv, kernels), {x, weight});
  };
  expect_equal_up_to_rounding(
      run(Kernels::kFast, at::kFloat), run(Kernels::kReference, at::kDouble), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Shapes,
                         Depthwise,
                         ::testing::Values(DepthwiseCase{3, 48, 16, 16, 3, 1},
                                           DepthwiseCase{3, 48, 9, 14, 5, 6},
                                           DepthwiseCase{1, 17, 8, 5, 3, 3},
                                           DepthwiseCase{3, 5, 1, 1, 5, 1},
                                           DepthwiseCase{1, 64, 7, 30, 5, 1},
                                           DepthwiseCase{2, 33, 2, 40, 3, 12}));

TEST(NormClamp, AgreesWithLibTorchInDoublePrecision) {
  for (const Clamp clamp : {Clamp::kNone, Clamp::kRelu, Clamp::kRelu6}) {
    for (const std::int64_t channels : {1, 5, 48, 130}) {
      for (const std::int64_t batch : {1, 2}) {
        const auto run = [&](Kernels kernels, at::ScalarType dtype) {
          const auto leaf = [dtype](const Tensor& values) {
            return values.to(dtype).set_requires_grad(true);
          };
          const Tensor x =
              leaf((4 * at::sin(at::arange(batch * channels * 35, at::kFloat).square()) + 1)
                       .view({batch, channels, 5, 7}));
          NormState state{leaf(at::linspace(0.5, 5, channels, at::kFloat)),
                          leaf(at::linspace(-1, 2, channels, at::kFloat)),
                          at::zeros({channels}, dtype),
                          at::ones({channels}, dtype)};
          std::vector<Tensor> all = value_and_gradients(norm_clamp(x, state, true, clamp, kernels),
                                                        {x, state.weight, state.bias});
          all.push_back(state.running_mean);
          all.push_back(state.running_variance);
          return all;
        };
        expect_equal_up_to_rounding(
            run(Kernels::kFast, at::kFloat), run(Kernels::kReference, at::kDouble), 1e-4);
      }
    }
  }
}

TEST(Kernels, ThreadCountDoesNotChangeAnyBit) {
  Tensor x = at::sin(at::arange(4 * 48 * 40 * 40, at::kFloat)).view({4, 48, 40, 40});
  NormState norm{at::ones({48}), at::zeros({48}), at::zeros({48}), at::ones({48})};
  const auto run = [&](int threads) {
    at::set_num_threads(threads);
    Tensor input = x.detach().clone().set_requires_grad(true);
    Tensor weight =
        at::cos(at::arange(48 * 25, at::kFloat)).view({48, 1, 5, 5}).set_requires_grad(true);
    const graph::Conv conv{.in_channels = 48,
                           .out_channels = 48,
                           .kernel = 5,
                           .padding = 12,
                           .dilation = 6,
                           .groups = 48};
    const Tensor y = norm_clamp(convolution(input, weight, Tensor(), conv, Kernels::kFast),
                                norm,
                                true,
                                Clamp::kRelu,
                                Kernels::kFast);
    torch::autograd::backward({(y * y).sum()}, {});
    return std::vector<Tensor>{y.detach(), input.grad(), weight.grad()};
  };
  const auto one = run(1);
  const auto two = run(2);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], two[i])) << i;
}

// A batch norm of a map that others read too must leave that map as it is.
TEST(Kernels, ANormOfAMapWithSeveralReadersSpoilsNothing) {
  graph::Graph g;
  const auto decoder = graph::Section::kDecoder;
  const auto x = g.add(graph::Input{.channels = 8, .stride = 4}, {}, decoder, "x");
  const auto conv =
      g.add(graph::Conv{.in_channels = 8, .out_channels = 8, .kernel = 3, .padding = 1},
            {x},
            decoder,
            "a");
  const auto relu = g.add(graph::Relu{}, {conv}, decoder, "relu");
  const auto norm = g.add(graph::BatchNorm{8}, {relu}, decoder, "norm");
  const auto sum = g.add(graph::Add{}, {norm, relu}, decoder, "sum");
  const auto logits =
      g.add(graph::Conv{.in_channels = 8, .out_channels = 3, .bias = true}, {sum}, decoder, "b");
  g.outputs = {{"logits", logits}};
  const auto run = [&](Kernels kernels) {
    Network net(g, core::Rng(3), {.kernels = kernels});
    const Tensor input = at::sin(at::arange(2 * 8 * 9 * 7, at::kFloat)).view({2, 8, 9, 7});
    const Tensor y = net.logits({input}, Phase::kTraining);
    torch::autograd::backward({(y * y).sum()}, {});
    return std::vector<Tensor>{y.detach(), net.decoder().gradients};
  };
  expect_equal_up_to_rounding(run(Kernels::kFast), run(Kernels::kReference), 1e-4);
}

// A map whose norm is left to a mean and a product, factors with a norm and a clamp at 1, and a sum
// of the product and the map.
TEST(Kernels, ProductsAgreeWithTheReference) {
  graph::Graph g;
  const auto decoder = graph::Section::kDecoder;
  const auto conv_bn = [&](graph::NodeId from, const std::string& name) {
    const graph::Conv conv{.in_channels = 12, .out_channels = 12};
    return g.add(graph::BatchNorm{12}, {g.add(conv, {from}, decoder, name)}, decoder, name + ".bn");
  };
  const auto x = g.add(graph::Input{.channels = 12, .stride = 4}, {}, decoder, "x");
  const auto map = g.add(graph::Relu{}, {conv_bn(x, "map")}, decoder, "relu");
  const auto mean = g.add(graph::GlobalPool{}, {map}, decoder, "mean");
  const auto factors =
      g.add(graph::Relu{.ceiling = 1}, {conv_bn(mean, "factors")}, decoder, "clamp");
  const auto product = g.add(graph::Multiply{}, {map, factors}, decoder, "product");
  const auto sum = g.add(graph::Add{}, {product, map}, decoder, "sum");
  const auto most = g.add(graph::Relu{.ceiling = 2}, {sum}, decoder, "at most two");
  const auto logits =
      g.add(graph::Conv{.in_channels = 12, .out_channels = 3, .bias = true}, {most}, decoder, "b");
  g.outputs = {{"logits", logits}};
  const Tensor input = at::sin(at::arange(6 * 12 * 11 * 7, at::kFloat)).view({6, 12, 11, 7});
  const auto run = [&](Kernels kernels) {
    Network net(g, core::Rng(3), {.kernels = kernels});
    const Tensor y = net.logits({input}, Phase::kTraining);
    torch::autograd::backward({(y * y).sum()}, {});
    const at::NoGradGuard no_grad;
    return std::vector<Tensor>{
        y.detach(), net.decoder().gradients, net.logits({input}, Phase::kEvaluation)};
  };
  expect_equal_up_to_rounding(run(Kernels::kFast), run(Kernels::kReference), 2e-4);
}

// Whole networks on ghost modules with squeeze-and-excite, against LibTorch in double precision.
TEST(Kernels, GhostNetAgreesWithTheReference) {
  for (const graph::EncoderTaps taps :
       {graph::EncoderTaps::kPublished, graph::EncoderTaps::kPyramid}) {
    const graph::Graph network = graph::simplify(
        graph::lower(space::parse_cell_genotype("[[1,[0,0,2,5]],[[3,2],[1,0],[4,5]]]"),
                     {.name = "ghostnet_c", .taps = taps},
                     {.width = 20, .auxiliary = false},
                     5)
            .graph);
    const Tensor pictures = at::sin(at::arange(4 * 3 * 97 * 131, at::kFloat)).view({4, 3, 97, 131});
    const auto run = [&](Kernels kernels, at::ScalarType dtype) {
      Network net(network, core::Rng(7), {.kernels = kernels, .dtype = dtype});
      const Tensor y = net.logits({pictures}, Phase::kTraining);
      torch::autograd::backward({y.square().mean() + y.sin().mean()}, {});
      std::vector<Tensor> all = {
          y.detach(), net.encoder().gradients.clone(), net.decoder().gradients.clone()};
      for (const auto& [name, buffer] : net.buffers()) all.push_back(buffer.clone());
      all.push_back(net.logits({pictures}, Phase::kEvaluation).detach());
      const at::NoGradGuard no_grad;  // batch norms are folded
      all.push_back(net.logits({pictures}, Phase::kEvaluation));
      return all;
    };
    const std::vector<Tensor> fast = run(Kernels::kFast, at::kFloat);
    const std::vector<Tensor> exact = run(Kernels::kReference, at::kDouble);
    ASSERT_EQ(fast.size(), exact.size());
    for (std::size_t i = 0; i < fast.size(); ++i) {
      const double difference = (fast[i].to(at::kDouble) - exact[i]).norm().item<double>();
      // A clamp that rounding flips changes a gradient by more than rounding. Some means are zero.
      const double tolerance = i == 1 || i == 2 ? 1e-2 : 1e-4;
      EXPECT_LT(difference, tolerance * exact[i].norm().item<double>() + 1e-6) << i;
    }
  }
}

}  // namespace
}  // namespace parsimony::network
