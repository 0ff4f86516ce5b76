// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/graph/template_decoder.h"

namespace parsimony::network {
namespace {

constexpr const char* kArch0 = "[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]";
constexpr const char* kArch1 = "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]";
// Template space, spec 7.2.
constexpr const char* kTemplates0 =
    "[[[3,0,1],[4,1,1],[3,1,1]],"
    "[[0,1,0,0,1],[2,1,2,1,0],[3,1,1,1,0],[1,1,2,0,0],[3,0,2,0,0],[5,3,2,1,0],[0,5,0,1,0]]]";
constexpr const char* kTemplates1 =
    "[[[1,1,0],[1,3,0],[3,4,0]],"
    "[[1,1,0,0,0],[0,1,1,1,1],[3,1,2,3,0],[3,0,2,2,0],[0,1,2,0,0],[2,1,1,3,0],[4,0,2,2,0]]]";
constexpr const char* kHelen =
    "[[5,[1,0,3,5],[1,0,10,10],[6,6,0,10]],[[1,0],[4,2],[3,2],[0,2],[1,4]]]";

// The number generator of spec rl-cell-search 11.4.
std::vector<double> formula(std::int64_t n, std::int64_t salt) {
  std::vector<double> values;
  for (std::int64_t t = 0; t < n; ++t) {
    std::uint64_t h = static_cast<std::uint64_t>(t + 1 + 31 * salt) * 2654435761ULL & 0xffffffffULL;
    h ^= h >> 16;
    h = h * 2246822519ULL & 0xffffffffULL;
    h ^= h >> 13;
    values.push_back(2.0 * static_cast<double>(h) / 4294967296.0 - 1.0);
  }
  return values;
}

Tensor formula_tensor(std::vector<std::int64_t> shape,
                      std::int64_t salt,
                      double factor = 1,
                      double offset = 0) {
  Tensor tensor = at::empty(shape, at::kDouble);
  const std::vector<double> values = formula(tensor.numel(), salt);
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.data_ptr<double>()[i] = offset + factor * values[static_cast<std::size_t>(i)];
  }
  return tensor;
}

void fill_by_formula(Network& network) {
  const auto fill = [](const std::string& name, const Tensor& t, bool of_norm) {
    const std::int64_t n = t.numel();
    const auto ends = [&](std::string_view suffix) { return name.ends_with(suffix); };
    if (t.dim() == 4) {
      const auto fan_in = static_cast<double>(t.size(1) * t.size(2) * t.size(3));
      t.detach().copy_(formula_tensor(t.sizes().vec(), n, std::sqrt(6.0 / fan_in)));
    } else if (ends(".a.weight") || ends(".b.weight")) {  // factors of a scaled sum
      t.detach().copy_(formula_tensor({n}, n + (ends(".a.weight") ? 4 : 5), 0.2, 1));
    } else if (!of_norm) {
      t.detach().copy_(formula_tensor({n}, n, 0.1));
    } else if (ends(".weight")) {
      t.detach().copy_(formula_tensor({n}, n, 0.2, 1));
    } else if (ends(".bias")) {
      t.detach().copy_(formula_tensor({n}, n + 1, 0.1));
    } else if (ends(".running_mean")) {
      t.detach().copy_(formula_tensor({n}, n + 2, 0.1));
    } else {
      t.detach().copy_(formula_tensor({n}, n + 3, 0.2, 1));
    }
  };
  std::map<std::string, bool> is_norm;
  for (const graph::Node& node : network.graph().nodes) {
    is_norm[node.name] = std::holds_alternative<graph::BatchNorm>(node.layer);
  }
  for (ParameterGroup* group : {&network.encoder(), &network.decoder()}) {
    for (const auto& [name, t] : group->tensors)
      fill(name, t, is_norm[name.substr(0, name.rfind('.'))]);
  }
  for (const auto& [name, t] : network.buffers()) fill(name, t, true);
}

struct Expected {
  std::vector<std::int64_t> shape;
  double sum, norm, first, middle;
};

void expect_close(const Tensor& y, const Expected& expected) {
  ASSERT_EQ(y.sizes().vec(), expected.shape);
  const auto near = [](double actual, double wanted) {
    EXPECT_NEAR(actual, wanted, 1e-8 * std::max(1.0, std::abs(wanted)));
  };
  near(y.sum().item<double>(), expected.sum);
  near(y.norm().item<double>(), expected.norm);
  near(y[0][0][0][0].item<double>(), expected.first);
  near(y[0][y.size(1) - 1][y.size(2) / 2][y.size(3) / 2].item<double>(), expected.middle);
}

graph::LoweredNetwork lowered(const char* genotype, int width, int repeats, int classes) {
  return graph::lower(space::parse_cell_genotype(genotype),
                      graph::EncoderOptions{},
                      graph::DecoderOptions{.width = width, .repeats = repeats},
                      classes);
}

Network::Options double_precision() {
  return {.kernels = Kernels::kFast, .dtype = at::kDouble};
}

Network decoder_of(const graph::LoweredNetwork& network) {
  std::vector<graph::CutPoint> cuts;
  for (const graph::Tap& tap : network.taps) cuts.push_back({tap.node, tap.stride});
  Network decoder(graph::subgraph(network.graph, cuts, network.graph.outputs),
                  core::Rng(1),
                  double_precision());
  fill_by_formula(decoder);
  return decoder;
}

std::vector<Tensor> tap_inputs() {
  return {formula_tensor({1, 24, 16, 16}, 1000003),
          formula_tensor({1, 32, 8, 8}, 1000004),
          formula_tensor({1, 96, 4, 4}, 1000005),
          formula_tensor({1, 320, 2, 2}, 1000006)};
}

TEST(KnownAnswers, FormulaGenerator) {
  EXPECT_NEAR(formula(4, 4)[0], 0.287076109555, 1e-12);
  EXPECT_NEAR(formula(4, 4)[3], -0.539983762428, 1e-12);
  EXPECT_NEAR(formula(3, 1000003)[1], 0.879931667354, 1e-12);
}

TEST(KnownAnswers, EncoderTaps) {
  const graph::LoweredNetwork network = lowered(kArch0, 48, 1, 2);
  std::vector<graph::Output> taps;
  for (const graph::Tap& tap : network.taps)
    taps.push_back({fmt::format("tap{}", taps.size()), tap.node});
  Network encoder(graph::subgraph(network.graph, {}, taps), core::Rng(1), double_precision());
  fill_by_formula(encoder);
  const at::NoGradGuard no_grad;
  const auto y = encoder.forward({formula_tensor({1, 3, 64, 64}, 1000003)}, Phase::kEvaluation);
  expect_close(
      y[0], {{1, 24, 16, 16}, -2.138946577e+01, 1.201393726e+02, 3.458239370e+00, 2.876047636e-01});
  expect_close(y[1],
               {{1, 32, 8, 8}, 4.539334997e+01, 1.970271184e+02, 1.403252723e+00, 9.259415122e+00});
  expect_close(
      y[2], {{1, 96, 4, 4}, -9.651098605e+02, 2.237155459e+02, 4.765410862e+00, -6.890371606e-01});
  expect_close(
      y[3],
      {{1, 320, 2, 2}, -1.003952455e+02, 1.010002198e+02, -6.642836549e-01, -2.052794233e+00});
}

TEST(KnownAnswers, Arch0AndArch1Wide) {
  const at::NoGradGuard no_grad;
  Network arch0 = decoder_of(lowered(kArch0, 64, 2, 21));
  expect_close(
      arch0.logits(tap_inputs(), Phase::kEvaluation),
      {{1, 21, 16, 16}, -2.681895832e+03, 2.997591588e+02, -3.826041482e-01, -4.175934539e+00});
}

TEST(KnownAnswers, AuxiliaryOutputsOfArch0) {
  // With gradients on nothing is folded: the other path through evaluation.
  Network net = decoder_of(lowered(kArch0, 48, 1, 11));
  std::vector<Tensor> inputs = tap_inputs();
  const auto y = net.forward(inputs, Phase::kEvaluation);
  expect_close(
      y[0], {{1, 11, 16, 16}, -8.016139221e+02, 2.461762873e+02, 3.295851961e+00, 7.067022215e-01});
  expect_close(
      y[1], {{1, 11, 2, 2}, -2.179138254e+01, 2.759423363e+01, 3.653751977e+00, 9.102390411e-01});
  expect_close(
      y[2], {{1, 11, 4, 4}, -1.701515689e+02, 8.521451792e+01, 3.295151635e+00, 1.172462540e+00});
  expect_close(
      y[3],
      {{1, 11, 16, 16}, -1.132478462e+04, 9.378983706e+02, 1.423914922e+01, -8.254381427e+00});
}

// arch1 reads taps 1 to 3; the cut keeps only the inputs that are given, so all four stay inputs.
TEST(KnownAnswers, Arch1AndHelen) {
  const at::NoGradGuard no_grad;
  Network wide = decoder_of(lowered(kArch1, 64, 2, 21));
  expect_close(
      wide.logits(tap_inputs(), Phase::kEvaluation),
      {{1, 21, 8, 8}, -8.891498824e+02, 6.354553657e+02, 1.447509595e+00, -3.377836351e+01});
  Network narrow = decoder_of(lowered(kArch1, 48, 1, 11));
  const auto y = narrow.forward(tap_inputs(), Phase::kEvaluation);
  expect_close(y[0],
               {{1, 11, 8, 8}, 1.620356756e+03, 4.847326267e+02, 1.212757198e+01, 1.432461728e+01});
  expect_close(
      y[1], {{1, 11, 4, 4}, -2.200207836e+02, 1.401889783e+02, 6.952268806e+00, 5.193261661e+00});
  expect_close(
      y[2], {{1, 11, 8, 8}, -5.405116963e+02, 4.229003731e+02, 9.035299203e+00, 8.990787473e+00});
  expect_close(
      y[3], {{1, 11, 4, 4}, -6.992544960e+02, 8.651018538e+02, 3.312217861e+01, 6.601104038e+01});
  Network helen = decoder_of(lowered(kHelen, 48, 1, 11));
  expect_close(
      helen.logits(tap_inputs(), Phase::kEvaluation),
      {{1, 11, 16, 16}, -3.574402092e+01, 1.421061825e+02, 3.980326765e+00, -1.546724570e+00});
}

// The published networks, and the searched ones, whose separable convolutions have one repeat.
TEST(KnownAnswers, Templates) {
  const at::NoGradGuard no_grad;
  const auto logits = [](const char* genotype, const graph::DecoderOptions& options) {
    Network net = decoder_of(graph::lower(
        space::parse_template_genotype(genotype), graph::EncoderOptions{}, options, 19));
    return net.logits(
        {formula_tensor({1, 24, 32, 32}, 1000003), formula_tensor({1, 32, 16, 16}, 1000004)},
        Phase::kEvaluation);
  };
  expect_close(
      logits(kTemplates0, {.width = 64, .repeats = 2}),
      {{1, 19, 32, 32}, -3.984256556e+03, 8.806887012e+02, 4.784659040e+00, 4.738563149e+00});
  expect_close(
      logits(kTemplates0, {}),
      {{1, 19, 32, 32}, 1.983407499e+04, 1.055008530e+03, 2.663205278e+00, -4.410260710e+00});
  expect_close(
      logits(kTemplates1, {}),
      {{1, 19, 32, 32}, 9.272923927e+03, 1.295706921e+03, -2.807869059e+00, 4.715883301e+00});
}

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

// Value and gradients of one operation applied to x, with a fixed gradient from above.
std::vector<Tensor> value_and_gradients(const Tensor& y, const std::vector<Tensor>& leaves) {
  const Tensor from_above = at::cos(at::arange(y.numel(), at::kFloat)).view(y.sizes());
  torch::autograd::backward({(y * from_above).sum()}, {});
  std::vector<Tensor> all = {y.detach()};
  for (const Tensor& leaf : leaves) all.push_back(leaf.grad());
  return all;
}

void expect_equal_up_to_rounding(const std::vector<Tensor>& a,
                                 const std::vector<Tensor>& b,
                                 double tolerance) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = (a[i] - b[i]).abs().max().item<double>();
    EXPECT_LE(difference, tolerance * std::max(1.0, b[i].abs().max().item<double>()))
        << "tensor " << i;
  }
}

struct DepthwiseCase {
  std::int64_t channels, height, width, kernel, dilation;
};
void PrintTo(const DepthwiseCase& c, std::ostream* out) {
  *out << fmt::format(
      "{}x{}x{}, kernel {}, dilation {}", c.channels, c.height, c.width, c.kernel, c.dilation);
}

class Depthwise : public ::testing::TestWithParam<DepthwiseCase> {};

TEST_P(Depthwise, AgreesWithTheReference) {
  const auto [channels, height, width, kernel, dilation] = GetParam();
  const auto run = [&, c = channels, h = height, w = width, k = kernel, d = dilation](
                       Kernels kernels) {
    Tensor x =
        at::sin(at::arange(3 * c * h * w, at::kFloat)).view({3, c, h, w}).set_requires_grad(true);
    Tensor weight =
        at::cos(at::arange(c * k * k, at::kFloat)).view({c, 1, k, k}).set_requires_grad(true);
    const graph::Conv conv{.in_channels = c,
                           .out_channels = c,
                           .kernel = k,
                           .padding = d * (k / 2),
                           .dilation = d,
                           .groups = c};
    return value_and_gradients(convolution(x, weight, Tensor(), conv, kernels), {x, weight});
  };
  expect_equal_up_to_rounding(run(Kernels::kFast), run(Kernels::kReference), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Shapes,
                         Depthwise,
                         ::testing::Values(DepthwiseCase{48, 16, 16, 3, 1},
                                           DepthwiseCase{48, 9, 14, 5, 6},
                                           DepthwiseCase{17, 8, 5, 3, 3},
                                           DepthwiseCase{5, 1, 1, 5, 1},
                                           DepthwiseCase{64, 7, 30, 5, 1},
                                           DepthwiseCase{33, 2, 40, 3, 12}));

TEST(NormClamp, AgreesWithTheReference) {
  for (const Clamp clamp : {Clamp::kNone, Clamp::kRelu, Clamp::kRelu6}) {
    for (const std::int64_t channels : {1, 5, 48, 130}) {
      const auto run = [&](Kernels kernels) {
        Tensor x = (4 * at::sin(at::arange(2 * channels * 35, at::kFloat).square()) + 1)
                       .view({2, channels, 5, 7});
        x.set_requires_grad(true);
        NormState state{at::linspace(0.5, 5, channels, at::kFloat).set_requires_grad(true),
                        at::linspace(-1, 2, channels, at::kFloat).set_requires_grad(true),
                        at::zeros({channels}),
                        at::ones({channels})};
        std::vector<Tensor> all = value_and_gradients(norm_clamp(x, state, true, clamp, kernels),
                                                      {x, state.weight, state.bias});
        all.push_back(state.running_mean);
        all.push_back(state.running_variance);
        return all;
      };
      expect_equal_up_to_rounding(run(Kernels::kFast), run(Kernels::kReference), 1e-4);
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
