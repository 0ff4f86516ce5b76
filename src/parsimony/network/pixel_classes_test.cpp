// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/pixel_classes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/network/interpolation.h"

namespace parsimony::network {
namespace {

struct Case {
  std::int64_t classes, source, size;
  float scale;  // of logits
};

class RowLoops : public testing::TestWithParam<Case> {};

// Every instruction set against the definition in double precision.
TEST_P(RowLoops, EveryInstructionSetComputesTheDefinition) {
  const Case c = GetParam();
  at::manual_seed(5);
  const Tensor logits = at::randn({c.source, c.classes}) * c.scale;
  const Tensor labels = at::randint(0, c.classes, {c.size}, at::kByte);
  labels[0] = kIgnored;
  labels[c.size - 1] = c.classes - 1;
  const InterpolationTable table(c.source, c.size);
  const simd::Interpolation across = table.view();

  const Tensor exact = logits.to(at::kDouble).requires_grad_();
  const auto indices = [&](const std::int32_t* from) {
    return at::from_blob(const_cast<std::int32_t*>(from), {c.size}, at::kInt).to(at::kLong);
  };
  const Tensor share =
      at::from_blob(const_cast<float*>(across.share), {c.size, 1}, at::kFloat).to(at::kDouble);
  const Tensor first = exact.index_select(0, indices(across.first));
  const Tensor second = exact.index_select(0, indices(across.second));
  const Tensor pixels = first + share * (second - first);
  const Tensor loss = at::nll_loss(
      at::log_softmax(pixels, 1), labels.to(at::kLong), {}, at::Reduction::Sum, kIgnored);
  torch::autograd::backward({loss}, {});

  for (const simd::Loops* loops : simd::supported_loops()) {
    SCOPED_TRACE(loops->level);
    const std::int64_t width = (c.classes + loops->lanes - 1) / loops->lanes * loops->lanes;
    Tensor source = at::full({c.source, width}, simd::kNoClass);
    source.narrow(1, 0, c.classes).copy_(logits);
    Tensor gradient = at::ones_like(source);  // the gradient is added to what is there
    const double sum = loops->cross_entropy_row(across,
                                                c.classes,
                                                source.data_ptr<float>(),
                                                labels.data_ptr<std::uint8_t>(),
                                                gradient.data_ptr<float>());
    EXPECT_NEAR(sum, loss.item<double>(), 2e-6 * std::abs(loss.item<double>()) + 1e-6);
    const Tensor difference = gradient.narrow(1, 0, c.classes).to(at::kDouble) - 1 - exact.grad();
    EXPECT_LT(difference.abs().max().item<double>(), 3e-6);

    Tensor classes = at::empty({c.size}, at::kByte);
    loops->largest_class_row(
        across, c.classes, source.data_ptr<float>(), classes.data_ptr<std::uint8_t>());
    EXPECT_TRUE(at::equal(classes, pixels.argmax(1).to(at::kByte)));
  }
}

INSTANTIATE_TEST_SUITE_P(Rows,
                         RowLoops,
                         testing::Values(Case{2, 5, 20, 1},
                                         Case{8, 16, 64, 3},
                                         Case{11, 7, 23, 3},
                                         Case{19, 9, 9, 1},    // same size
                                         Case{21, 30, 11, 1},  // shrinks
                                         Case{8, 1, 6, 1},     // one pixel
                                         Case{5, 4, 16, 300},  // far beyond exp's range
                                         Case{255, 3, 8, 2}),
                         [](const auto& row) {
                           return fmt::format("{}classes{}to{}scale{}",
                                              row.param.classes,
                                              row.param.source,
                                              row.param.size,
                                              row.param.scale);
                         });

TEST(PixelCrossEntropy, HasLibTorchsValueAndGradient) {
  at::manual_seed(6);
  const Tensor logits = at::randn({3, 11, 6, 5});
  const Tensor labels = at::randint(0, 11, {3, 22, 18}, at::kByte);
  labels[1].narrow(0, 3, 5).fill_(kIgnored);
  const Tensor fast = logits.clone().requires_grad_();
  const Tensor exact = logits.to(at::kDouble).requires_grad_();
  const Tensor fast_loss = pixel_cross_entropy(fast, labels, Kernels::kFast);
  const Tensor exact_loss = pixel_cross_entropy(exact, labels, Kernels::kReference);
  EXPECT_NEAR(fast_loss.item<double>(), exact_loss.item<double>(), 1e-6);
  torch::autograd::backward({3 * fast_loss}, {});
  torch::autograd::backward({3 * exact_loss}, {});
  EXPECT_LT((fast.grad() - exact.grad()).abs().max().item<double>(), 1e-8);
}

class EveryKernel : public testing::TestWithParam<Kernels> {};
INSTANTIATE_TEST_SUITE_P(Kernels,
                         EveryKernel,
                         testing::Values(Kernels::kReference, Kernels::kFast),
                         [](const auto& kernels) {
                           return kernels.param == Kernels::kFast ? "Fast" : "Reference";
                         });

TEST_P(EveryKernel, IgnoredPixelsAreLeftOut) {
  const Tensor logits = at::sin(at::arange(2 * 3 * 4 * 4, at::kFloat)).view({2, 3, 4, 4});
  Tensor labels = at::zeros({2, 4, 4}, at::kByte);
  labels[1].fill_(kIgnored);
  const float only_first =
      pixel_cross_entropy(logits.narrow(0, 0, 1), labels.narrow(0, 0, 1), GetParam()).item<float>();
  EXPECT_FLOAT_EQ(pixel_cross_entropy(logits, labels, GetParam()).item<float>(), only_first);
  labels.fill_(kIgnored);
  EXPECT_FLOAT_EQ(pixel_cross_entropy(logits, labels, GetParam()).item<float>(), 0);
}

TEST_P(EveryKernel, CertainPredictionsCostNothing) {
  Tensor logits = at::zeros({1, 2, 3, 3});
  logits.select(1, 1).fill_(100);
  const Tensor labels = at::ones({1, 6, 6}, at::kByte);
  EXPECT_NEAR(pixel_cross_entropy(logits, labels, GetParam()).item<float>(), 0, 1e-6);
}

// A loss that is not finite ends a candidate, so it must not be lost on the way.
TEST_P(EveryKernel, NotANumberStaysOne) {
  Tensor logits = at::zeros({1, 3, 2, 2});
  logits[0][2][1][1] = std::nanf("");
  const Tensor labels = at::zeros({1, 4, 4}, at::kByte);
  EXPECT_TRUE(std::isnan(pixel_cross_entropy(logits, labels, GetParam()).item<float>()));
}

TEST(PixelClasses, AreThoseOfResizedLogits) {
  at::manual_seed(7);
  const Tensor logits = at::randn({2, 9, 7, 10});
  const Tensor fast = pixel_classes(logits, 41, 37, Kernels::kFast);
  const Tensor reference = pixel_classes(logits, 41, 37, Kernels::kReference);
  EXPECT_EQ(fast.sizes(), at::IntArrayRef({2, 41, 37}));
  EXPECT_LE(fast.ne(reference).sum().item<int>(), 1);  // rounding can decide between equals
}

}  // namespace
}  // namespace parsimony::network
