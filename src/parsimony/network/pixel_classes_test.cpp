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
  const Tensor exact_losses = at::nll_loss(
      at::log_softmax(pixels, 1), labels.to(at::kLong), {}, at::Reduction::None, kIgnored);
  const Tensor loss = exact_losses.sum();
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

    Tensor losses = at::empty({c.size});
    loops->pixel_losses_row(across,
                            c.classes,
                            source.data_ptr<float>(),
                            labels.data_ptr<std::uint8_t>(),
                            losses.data_ptr<float>());
    EXPECT_EQ(losses[0].item<float>(), simd::kNoLoss);
    const Tensor counted = losses.narrow(0, 1, c.size - 1);
    EXPECT_GE(counted.min().item<float>(), 0);
    const Tensor of_pixels = exact_losses.narrow(0, 1, c.size - 1);
    EXPECT_LT(((counted - of_pixels).abs() / (1 + of_pixels)).max().item<double>(), 2e-6);

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

// The rule pixel by pixel, in double precision: losses are sorted, those of the hard pixels
// averaged.
Tensor by_definition(const Tensor& logits, const Tensor& labels, const HardPixels& hard) {
  const Tensor losses =
      at::nll_loss2d(at::log_softmax(resize_bilinear(logits, labels.size(1), labels.size(2)), 1),
                     labels.to(at::kLong),
                     {},
                     at::Reduction::None,
                     kIgnored);
  const Tensor labelled = losses.masked_select(labels != kIgnored);
  const Tensor sorted = std::get<0>(labelled.sort(0, /*descending=*/true));
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < sorted.numel(); ++i) {
    const bool below = std::exp(-sorted[i].item<double>()) <= hard.threshold;
    if (below || static_cast<double>(i) < hard.kept * static_cast<double>(sorted.numel())) ++count;
  }
  return sorted.narrow(0, 0, count).mean();
}

struct HardCase {
  const char* name;
  std::int64_t pictures, classes;
  std::vector<std::int64_t> size;  // of logits, then of labels
  HardPixels hard;
};
class HardPixelCases : public testing::TestWithParam<HardCase> {};

TEST_P(HardPixelCases, HaveTheDefinitionsValueAndGradient) {
  const HardCase& c = GetParam();
  at::manual_seed(9);
  const Tensor logits = 2 * at::randn({c.pictures, c.classes, c.size[0], c.size[1]});
  const Tensor labels = at::randint(0, c.classes, {c.pictures, c.size[2], c.size[3]}, at::kByte);
  labels[0].narrow(1, 1, 2).fill_(kIgnored);
  Tensor exact = logits.to(at::kDouble).requires_grad_();
  const Tensor expected = by_definition(exact, labels, c.hard);
  torch::autograd::backward({3 * expected}, {});
  for (const Kernels kernels : {Kernels::kFast, Kernels::kReference}) {
    const Tensor x = logits.clone().requires_grad_();
    const Tensor loss = hard_pixel_cross_entropy(x, labels, c.hard, kernels);
    EXPECT_NEAR(loss.item<double>(), expected.item<double>(), 2e-6);
    torch::autograd::backward({3 * loss}, {});
    EXPECT_LT((x.grad() - exact.grad()).abs().max().item<double>(), 2e-7);
  }
  const Tensor x = logits.to(at::kDouble).requires_grad_();
  const Tensor loss = hard_pixel_cross_entropy(x, labels, c.hard, Kernels::kFast);
  EXPECT_NEAR(loss.item<double>(), expected.item<double>(), 1e-12);
  torch::autograd::backward({3 * loss}, {});
  EXPECT_LT((x.grad() - exact.grad()).abs().max().item<double>(), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(
    Rules,
    HardPixelCases,
    testing::Values(HardCase{"Published", 3, 19, {6, 5, 22, 18}, {}},
                    HardCase{"OnePictureOfOddSize", 1, 5, {5, 7, 19, 27}, {0.3, 0.1}},
                    HardCase{"ByThresholdAlone", 2, 11, {4, 4, 13, 9}, {0.05, 0}},
                    HardCase{"ByShareAlone", 2, 11, {4, 4, 13, 9}, {0, 0.1}},
                    HardCase{"MoreThanTheThresholdLeaves", 2, 8, {3, 5, 11, 7}, {0.01, 0.5}},
                    HardCase{"AllByThreshold", 2, 2, {3, 5, 11, 7}, {1, 0}},
                    HardCase{"AllByShare", 2, 2, {3, 5, 11, 7}, {0, 1}},
                    HardCase{"LabelsOfTheLogitsSize", 4, 3, {9, 7, 9, 7}, {0.4, 0.2}}),
    [](const auto& rule) { return std::string(rule.param.name); });

// Of a picture whose pixels' true class has the probabilities .9, .7, .5, .3 and .1.
Tensor logits_of_known_pixels() {
  const Tensor right = at::tensor({0.9F, 0.7F, 0.5F, 0.3F, 0.1F});
  return at::stack({right, 1 - right}).log().view({1, 2, 1, 5});
}

TEST_P(EveryKernel, HardPixelsAreTheUnlikelyOnesAndAtLeastAShare) {
  const Tensor logits = logits_of_known_pixels();
  const Tensor labels = at::zeros({1, 1, 5}, at::kByte);
  const auto loss = [&](double threshold, double kept) {
    return hard_pixel_cross_entropy(logits, labels, {threshold, kept}, GetParam()).item<double>();
  };
  const auto mean_of = [](std::vector<double> probabilities) {
    double sum = 0;
    for (const double p : probabilities) sum -= std::log(p);
    return sum / static_cast<double>(probabilities.size());
  };
  EXPECT_NEAR(loss(0.6, 0), mean_of({0.5, 0.3, 0.1}), 1e-6);
  EXPECT_NEAR(loss(0.6, 0.4), mean_of({0.5, 0.3, 0.1}), 1e-6);
  EXPECT_NEAR(loss(0.2, 0.4), mean_of({0.3, 0.1}), 1e-6);
  EXPECT_NEAR(loss(0.2, 0.41), mean_of({0.5, 0.3, 0.1}), 1e-6) << "a share is rounded up";
  EXPECT_NEAR(loss(0.2, 0), mean_of({0.1}), 1e-6);
  EXPECT_EQ(loss(0.05, 0), 0) << "no pixel is hard";
  EXPECT_NEAR(loss(1, 0), mean_of({0.9, 0.7, 0.5, 0.3, 0.1}), 1e-6);
}

// The share is one of the labelled pixels, of the whole batch and not of each picture.
TEST_P(EveryKernel, HardPixelsAreAShareOfTheLabelledOnesOfABatch) {
  const Tensor known = logits_of_known_pixels();
  const Tensor logits = at::cat({known, known.flip({3})});
  Tensor labels = at::zeros({2, 1, 5}, at::kByte);
  labels[0][0][4] = kIgnored;  // one of the two hardest
  labels[1][0].narrow(0, 1, 4).fill_(kIgnored);
  // .9, .7, .5 and .3 of the first picture and .1 of the second are left: two of five.
  const HardPixels hard{0, 0.4};
  EXPECT_NEAR(hard_pixel_cross_entropy(logits, labels, hard, GetParam()).item<double>(),
              -(std::log(0.3) + std::log(0.1)) / 2,
              1e-6);
}

TEST_P(EveryKernel, EquallyHardPixelsCountAlike) {
  const Tensor logits = at::zeros({1, 2, 4, 4}).requires_grad_();
  const Tensor labels = at::zeros({1, 4, 4}, at::kByte);
  torch::autograd::backward({hard_pixel_cross_entropy(logits, labels, {0, 0.3}, GetParam())}, {});
  const Tensor expected = at::full({4, 4}, -0.5 / 16);
  EXPECT_LT((logits.grad()[0][0] - expected).abs().max().item<double>(), 1e-8);
}

TEST_P(EveryKernel, WithoutLabelsNoPixelIsHard) {
  const Tensor logits = at::ones({2, 3, 4, 4}).requires_grad_();
  const Tensor labels = at::full({2, 8, 8}, kIgnored, at::kByte);
  const Tensor loss = hard_pixel_cross_entropy(logits, labels, {}, GetParam());
  EXPECT_EQ(loss.item<float>(), 0);
  torch::autograd::backward({loss}, {});
  EXPECT_EQ(logits.grad().abs().max().item<float>(), 0);
}

TEST_P(EveryKernel, NotANumberIsHard) {
  Tensor logits = at::zeros({1, 3, 2, 2});
  logits[0][2][1][1] = std::nanf("");
  const Tensor labels = at::zeros({1, 8, 8}, at::kByte);
  for (const HardPixels hard : {HardPixels{}, HardPixels{0.01, 0.01}, HardPixels{0.01, 0}}) {
    EXPECT_TRUE(
        std::isnan(hard_pixel_cross_entropy(logits, labels, hard, GetParam()).item<float>()));
  }
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
