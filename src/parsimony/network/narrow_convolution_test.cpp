// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/narrow_convolution.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "parsimony/network/layout.h"

namespace parsimony::network {
namespace {

// bf16 keeps 8 bits: rounding to nearest changes a value by at most one part in 2^8.
constexpr double kRounding = 1.0 / 256;

Tensor rounded(const Tensor& x) {
  return x.to(at::kBFloat16).to(at::kFloat);
}
Tensor narrowed(const Tensor& x) {
  return channels_last(x.to(at::kBFloat16));
}

// Largest difference, in units of the largest value.
double difference(const Tensor& actual, const Tensor& wanted) {
  EXPECT_EQ(actual.sizes(), wanted.sizes());
  const Tensor wide = wanted.to(at::kDouble);
  return (actual.to(at::kDouble) - wide).abs().max().item<double>() /
         wide.abs().max().item<double>();
}

struct Case {
  std::int64_t batch, in, out, height, width, kernel, dilation;
  std::int64_t depthwise = 0;  // side of a depthwise kernel before; 0: none
  std::int64_t parts = 1;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << fmt::format("{}x{}x{}x{} in {} parts to {}, kernel {}, dilation {}, depthwise {}",
                      c.batch,
                      c.in,
                      c.height,
                      c.width,
                      c.parts,
                      c.out,
                      c.kernel,
                      c.dilation,
                      c.depthwise);
}

class Narrow : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (simd::bf16_loops() == nullptr)
      GTEST_SKIP() << "this processor has no bf16 products (AMX, AVX-512 BF16)";
    const Case& c = GetParam();
    at::manual_seed(7);
    for (std::int64_t i = 0; i < c.parts; ++i)
      maps.push_back(narrowed(at::randn({c.batch, c.in, c.height, c.width})).requires_grad_());
    // Weights that are bf16 already: every factor of a product is then known exactly.
    weight = rounded(at::randn({c.out, c.in * c.parts, c.kernel, c.kernel})).requires_grad_();
    bias = at::randn({c.out}).requires_grad_();
    if (c.depthwise > 0)
      depthwise = rounded(at::randn({c.in, 1, c.depthwise, c.depthwise})).requires_grad_();
    dy = rounded(at::randn({c.batch, c.out, c.height, c.width}));
  }

  NarrowConvolution convolution(bool with_bias) const {
    const Case& c = GetParam();
    return {depthwise,
            c.dilation,
            weight,
            c.depthwise > 0 ? 1 : c.dilation,
            with_bias ? bias : Tensor()};
  }
  std::vector<FeatureMap> features() const { return {maps.begin(), maps.end()}; }

  // The same with LibTorch in double precision, of the same factors.
  struct Exact {
    std::vector<Tensor> maps;
    Tensor weight, depthwise, bias, y;
  };
  Exact exact() const {
    const Case& c = GetParam();
    Exact e;
    for (const Tensor& map : maps)
      e.maps.push_back(map.detach().to(at::kDouble).contiguous().requires_grad_());
    e.weight = weight.detach().to(at::kDouble).requires_grad_();
    e.bias = bias.detach().to(at::kDouble).requires_grad_();
    Tensor x = at::cat(e.maps, 1);
    std::int64_t dilation = c.dilation;
    if (depthwise.defined()) {
      e.depthwise = depthwise.detach().to(at::kDouble).requires_grad_();
      x = at::conv2d(x, e.depthwise, {}, 1, c.depthwise / 2 * dilation, dilation, c.in);
      dilation = 1;
    }
    e.y = at::conv2d(x, e.weight, e.bias, 1, c.kernel / 2 * dilation, dilation);
    return e;
  }

  std::vector<Tensor> maps;
  Tensor weight, depthwise, bias, dy;
};

// Factors are exact, sums are of fp32: what is left is rounding of sums, and, behind a depthwise
// convolution, of the map between the two. That is the whole of what bf16 products change.
TEST_P(Narrow, IsTheProductOfRoundedFactors) {
  const Exact e = exact();
  const double inner = GetParam().depthwise > 0 ? 2 * kRounding : 1e-6;
  EXPECT_LT(difference(narrow_convolution(features(), convolution(true), /*wide=*/true, {}), e.y),
            inner);
  const Tensor narrow = narrow_convolution(features(), convolution(true), /*wide=*/false, {});
  EXPECT_TRUE(is_narrow(narrow));
  EXPECT_LT(difference(narrow, e.y), inner + kRounding);
  // Clamped on the way, as at evaluation.
  const at::NoGradGuard no_grad;
  const Tensor clamped_sum =
      narrow_convolution(features(), convolution(true), /*wide=*/true, Clamp::kRelu6);
  EXPECT_LT((clamped_sum.to(at::kDouble) - e.y.clamp(0, 6)).abs().max().item<double>(),
            inner * e.y.abs().max().item<double>());
}

TEST_P(Narrow, GradientsAreProductsOfRoundedFactorsToo) {
  const Exact e = exact();
  torch::autograd::backward({e.y}, {dy.to(at::kDouble)});
  const Tensor y = narrow_convolution(features(), convolution(true), /*wide=*/true, {});
  torch::autograd::backward({y}, {dy});
  const double inner = GetParam().depthwise > 0 ? 2 * kRounding : 1e-6;
  EXPECT_LT(difference(weight.grad(), e.weight.grad()), inner + 1e-5);
  EXPECT_LT(difference(bias.grad(), e.bias.grad()), 1e-5);
  for (std::size_t i = 0; i < maps.size(); ++i) {
    EXPECT_TRUE(is_narrow(maps[i].grad()));
    EXPECT_LT(difference(maps[i].grad(), e.maps[i].grad()), inner + kRounding);
  }
  if (!depthwise.defined()) return;
  EXPECT_LT(difference(depthwise.grad(), e.depthwise.grad()), 2 * kRounding);
}

// With a batch norm behind it, against LibTorch's in double precision: statistics, the activation
// that is left to the readers, and gradients through it.
TEST_P(Narrow, ComputesTheBatchNormBehindIt) {
  const Case& c = GetParam();
  if (c.batch * c.height * c.width == 1) GTEST_SKIP() << "a variance of one value";
  NormState norm{at::rand({c.out}).add_(0.5).requires_grad_(),
                 at::randn({c.out}).requires_grad_(),
                 at::zeros({c.out}),
                 at::ones({c.out})};
  const Exact e = exact();
  const Tensor norm_weight = norm.weight.detach().to(at::kDouble).requires_grad_();
  const Tensor norm_bias = norm.bias.detach().to(at::kDouble).requires_grad_();
  const Tensor mean = at::zeros({c.out}, at::kDouble);
  const Tensor variance = at::ones({c.out}, at::kDouble);
  const Tensor y = at::relu(at::batch_norm(e.y - e.bias.view({1, -1, 1, 1}),
                                           norm_weight,
                                           norm_bias,
                                           mean,
                                           variance,
                                           true,
                                           kNormMomentum,
                                           kNormEpsilon,
                                           true));
  torch::autograd::backward({y}, {dy.to(at::kDouble)});

  const FeatureMap map =
      narrow_convolution_norm(features(), convolution(false), norm, Clamp::kRelu);
  EXPECT_TRUE(map.activation.defined());
  const Tensor finished = finished_narrow(map);
  torch::autograd::backward({finished}, {narrowed(dy)});
  EXPECT_LT(difference(finished, y.detach()), 4 * kRounding);
  EXPECT_LT(difference(norm.running_mean, mean), 4 * kRounding);
  EXPECT_LT(difference(norm.running_variance, variance), 4 * kRounding);
  // A value near the clamp may fall to its other side: gradients are compared by their length.
  const auto apart = [](const Tensor& actual, const Tensor& wanted) {
    return ((actual.to(at::kDouble) - wanted).norm() / wanted.norm()).item<double>();
  };
  // Few pixels leave few values of which one at the clamp is a large part.
  const double bound = c.batch * c.height * c.width < 64 ? 0.2 : 0.05;
  EXPECT_LT(apart(norm.weight.grad(), norm_weight.grad()), bound);
  EXPECT_LT(apart(norm.bias.grad(), norm_bias.grad()), bound);
  EXPECT_LT(apart(weight.grad(), e.weight.grad()), bound);
  for (std::size_t i = 0; i < maps.size(); ++i)
    EXPECT_LT(apart(maps[i].grad(), e.maps[i].grad()), bound);
}

TEST_P(Narrow, ResultsDoNotDependOnThreads) {
  const Case& c = GetParam();
  const auto results = [&](int threads) {
    at::set_num_threads(threads);
    NormState norm{at::ones({c.out}), at::zeros({c.out}), {}, {}};
    norm.weight.requires_grad_();
    norm.bias.requires_grad_();
    std::vector<FeatureMap> fresh;
    for (const Tensor& map : maps) fresh.emplace_back(map.detach().clone().requires_grad_());
    NarrowConvolution conv = convolution(false);
    conv.weight = weight.detach().clone().requires_grad_();
    const FeatureMap y = narrow_convolution_norm(fresh, conv, norm, Clamp::kRelu);
    torch::autograd::backward({y.values}, {narrowed(dy)});
    return std::vector<Tensor>{
        y.values, y.activation.scale, conv.weight.grad(), fresh[0].values.grad()};
  };
  const std::vector<Tensor> one = results(1);
  const std::vector<Tensor> three = results(3);
  at::set_num_threads(1);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], three[i]));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes,
    Narrow,
    testing::Values(Case{2, 48, 48, 16, 32, 3, 1},
                    Case{5, 24, 48, 9, 13, 1, 1},    // widths that leave rows over
                    Case{3, 5, 7, 11, 6, 3, 1},      // channels that fill no tile
                    Case{2, 48, 19, 17, 15, 3, 3},   // dilated, uneven maps
                    Case{2, 20, 50, 8, 8, 3, 12},    // only the middle tap touches
                    Case{1, 33, 40, 30, 40, 3, 12},  // reaches over a part
                    Case{1, 64, 40, 21, 33, 5, 2},   // even dilation, wide kernel
                    Case{2, 300, 90, 5, 4, 1, 1},    // more columns of tiles than a block
                    Case{1, 16, 16, 1, 1, 3, 1},
                    Case{1, 24, 24, 40, 40, 1, 1, 0, 3},  // a concatenation
                    Case{2, 48, 48, 24, 20, 1, 1, 3},     // separable
                    Case{1, 24, 11, 9, 31, 1, 6, 5},
                    Case{3, 7, 5, 3, 2, 1, 1, 3}));

TEST(NarrowConvolution, WhatIsNotANumberShows) {
  if (simd::bf16_loops() == nullptr)
    GTEST_SKIP() << "this processor has no bf16 products (AMX, AVX-512 BF16)";
  const at::NoGradGuard no_grad;
  Tensor x = at::zeros({1, 16, 4, 4});
  x[0][3][1][2] = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = narrow_convolution(
      {narrowed(x)}, {{}, 1, at::ones({8, 16, 1, 1}), 1, {}}, /*wide=*/true, Clamp::kRelu);
  EXPECT_TRUE(std::isnan(y[0][0][1][2].item<float>()));
}

}  // namespace
}  // namespace parsimony::network
