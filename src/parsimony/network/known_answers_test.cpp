// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "parsimony/graph/template_decoder.h"
#include "parsimony/network/genotypes_for_test.h"
#include "parsimony/network/network.h"

namespace parsimony::network {
namespace {

// Whole networks in double precision against the numbers of spec rl-cell-search 11.4.

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

}  // namespace
}  // namespace parsimony::network
