// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/dense_convolution.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace parsimony::network {
namespace {

struct Case {
  std::int64_t batch, in, out, height, width, kernel, stride, padding, dilation;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << fmt::format("{}x{}x{}x{} to {}, kernel {}, stride {}, padding {}, dilation {}",
                      c.batch,
                      c.in,
                      c.height,
                      c.width,
                      c.out,
                      c.kernel,
                      c.stride,
                      c.padding,
                      c.dilation);
}

class Dense : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    at::manual_seed(7);
    x = at::randn({c.batch, c.in, c.height, c.width}).contiguous(at::MemoryFormat::ChannelsLast);
    weight = at::randn({c.out, c.in, c.kernel, c.kernel});
    bias = at::randn({c.out});
    const Tensor x64 = x.to(at::kDouble).requires_grad_();
    const Tensor weight64 = weight.to(at::kDouble).requires_grad_();
    const Tensor y64 =
        at::conv2d(x64, weight64, bias.to(at::kDouble), c.stride, c.padding, c.dilation);
    dy = at::randn_like(y64).to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
    torch::autograd::backward({y64}, {dy.to(at::kDouble)});
    y = y64.detach();
    dx = x64.grad();
    dweight = weight64.grad();
  }

  // Rounding grows with the number of products and, for Winograd, with the size of its
  // coefficients.
  static void expect_close(const Tensor& actual, const Tensor& wanted) {
    ASSERT_EQ(actual.sizes(), wanted.sizes());
    const double error = (actual.to(at::kDouble) - wanted).abs().max().item<double>();
    EXPECT_LT(error, 2e-5 * wanted.abs().max().item<double>());
  }

  void check(const DenseConvolution& conv) const {
    expect_close(conv.forward(x, weight, bias), y);
    expect_close(conv.forward(x, weight, Tensor()), y - bias.to(at::kDouble).view({1, -1, 1, 1}));
    expect_close(conv.weight_gradient(x, dy), dweight);
    if (conv.has_input_gradient()) expect_close(conv.input_gradient(dy, weight), dx);
  }

  Tensor x, weight, bias, dy;  // fp32
  Tensor y, dx, dweight;       // what LibTorch gives in double precision
};

TEST_P(Dense, EveryAlgorithmAndInstructionSetAgreesWithLibTorch) {
  const Case& c = GetParam();
  for (const simd::Loops* loops : simd::supported_loops()) {
    DenseConvolution conv(x.sizes(), weight.sizes(), c.stride, c.padding, c.dilation, *loops);
    SCOPED_TRACE(loops->level);
    conv.use(DenseConvolution::Algorithm::kDirect);
    check(conv);
    if (!conv.suits_winograd()) continue;
    SCOPED_TRACE("Winograd");
    conv.use(DenseConvolution::Algorithm::kWinograd);
    check(conv);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes,
    Dense,
    testing::Values(Case{2, 48, 48, 16, 16, 3, 1, 1, 1},
                    Case{1, 24, 48, 9, 13, 1, 1, 0, 1},   // widths that leave rows over
                    Case{3, 5, 7, 11, 6, 3, 1, 1, 1},     // channels that fill no vector
                    Case{2, 48, 19, 17, 15, 3, 1, 3, 3},  // dilated, uneven maps
                    Case{2, 20, 50, 8, 8, 3, 1, 12, 12},  // only the middle tap touches
                    Case{1, 33, 40, 30, 30, 3, 1, 12, 12},
                    Case{2, 300, 90, 5, 4, 1, 1, 0, 1},   // more rows than a block of b
                    Case{2, 17, 18, 10, 12, 3, 2, 1, 1},  // stride 2
                    Case{1, 6, 9, 12, 10, 5, 1, 1, 2},    // less padding than "same"
                    Case{1, 16, 16, 1, 1, 3, 1, 1, 1}));

TEST(DenseConvolution, ResultsDoNotDependOnThreads) {
  at::manual_seed(3);
  const Tensor x = at::randn({5, 32, 24, 24}).contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor weight = at::randn({32, 32, 3, 3});
  const auto results = [&](int threads) {
    at::set_num_threads(threads);
    const DenseConvolution conv(x.sizes(), weight.sizes(), 1, 1, 1);
    return std::vector<Tensor>{conv.forward(x, weight, Tensor()),
                               conv.weight_gradient(x, x),
                               conv.input_gradient(x, weight)};
  };
  const std::vector<Tensor> one = results(1);
  const std::vector<Tensor> three = results(3);
  at::set_num_threads(1);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], three[i]));
}

TEST(DenseConvolution, WinogradIsChosenWhereItSavesWork) {
  const auto chosen = [](std::int64_t size, std::int64_t dilation, std::int64_t kernel) {
    return DenseConvolution(
               {8, 48, size, size}, {48, 48, kernel, kernel}, 1, dilation * (kernel / 2), dilation)
        .algorithm();
  };
  EXPECT_EQ(chosen(64, 1, 3), DenseConvolution::Algorithm::kWinograd);
  EXPECT_EQ(chosen(64, 3, 3), DenseConvolution::Algorithm::kWinograd);
  EXPECT_EQ(chosen(64, 1, 1), DenseConvolution::Algorithm::kDirect);
  EXPECT_EQ(chosen(16, 12, 3), DenseConvolution::Algorithm::kDirect);  // most taps lie outside
}

}  // namespace
}  // namespace parsimony::network
