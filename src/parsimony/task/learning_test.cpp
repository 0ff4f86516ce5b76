// SPDX-License-Identifier: Apache-2.0
#include "parsimony/task/learning.h"

#include <gtest/gtest.h>

#include <cmath>

namespace parsimony::task {
namespace {

TEST(Distillation, ComparesLogitsOrSoftenedSoftmaxes) {
  // One pixel, two classes; the softmaxes at temperature 2 are (e/(e+1), 1/(e+1)) and (1/2, 1/2).
  const Tensor teacher = at::tensor({2.0, 0.0}).reshape({1, 2, 1, 1});
  const Tensor student = at::tensor({3.0, 3.0}).reshape({1, 2, 1, 1});
  const auto loss = [&](DistillationLoss form, const Tensor& from) {
    return distillation(from, teacher, {.loss = form, .temperature = 2}).item<double>();
  };
  EXPECT_DOUBLE_EQ(loss(DistillationLoss::kLogits, student), (1 + 9) / 2.0);
  const double e = std::exp(1.0);
  const double p = e / (e + 1);
  EXPECT_NEAR(loss(DistillationLoss::kSoftmax, student),
              4 * (p * std::log(2 * p) + (1 - p) * std::log(2 * (1 - p))),
              1e-6);
  EXPECT_EQ(loss(DistillationLoss::kLogits, teacher), 0);
  EXPECT_EQ(loss(DistillationLoss::kSoftmax, teacher), 0);
  // A softmax does not see what all logits share; their difference does.
  EXPECT_NEAR(loss(DistillationLoss::kSoftmax, teacher + 5), 0, 1e-6);
  EXPECT_DOUBLE_EQ(loss(DistillationLoss::kLogits, teacher + 5), 25);
}

TEST(Distillation, IsAMeanOverPixelsAtTheTeachersSize) {
  const at::Generator generator = at::detail::createCPUGenerator(3);
  const auto options = at::TensorOptions(at::kDouble);
  const Tensor teacher = at::randn({2, 3, 8, 8}, generator, options);
  const Tensor student = at::randn({2, 3, 4, 4}, generator, options);
  for (const DistillationLoss form : {DistillationLoss::kLogits, DistillationLoss::kSoftmax}) {
    const DistillationOptions how{.loss = form, .temperature = 3};
    const double once = distillation(student, teacher, how).item<double>();
    EXPECT_GT(once, 0);
    EXPECT_NEAR(
        distillation(at::cat({student, student}), at::cat({teacher, teacher}), how).item<double>(),
        once,
        1e-12);
    EXPECT_NEAR(distillation(network::resize_bilinear(student, 8, 8), teacher, how).item<double>(),
                once,
                1e-12);
    // Stored in half precision, as in the feature cache.
    EXPECT_NEAR(distillation(student, teacher.to(at::kHalf), how).item<double>(), once, 1e-3);
    Tensor learning = student.clone().requires_grad_(true);
    distillation(learning, teacher, how).backward();
    const Tensor step = student - 0.5 * learning.grad();
    EXPECT_LT(distillation(step, teacher, how).item<double>(), once);
  }
}

TEST(Distillation, CountsPixelsWithinThePictureOnly) {
  const Tensor student = at::randn({2, 3, 4, 4});
  const Tensor teacher = at::randn({2, 3, 4, 4});
  Tensor inside = at::zeros({2, 1, 4, 4});
  inside.narrow(2, 0, 2).fill_(1);
  for (const DistillationLoss form : {DistillationLoss::kLogits, DistillationLoss::kSoftmax}) {
    const DistillationOptions how{.loss = form};
    EXPECT_NEAR(distillation(student, teacher, how, inside).item<double>(),
                distillation(student.narrow(2, 0, 2), teacher.narrow(2, 0, 2), how).item<double>(),
                1e-6);
    EXPECT_EQ(distillation(student, teacher, how, at::zeros_like(inside)).item<double>(), 0);
  }
}

}  // namespace
}  // namespace parsimony::task
