// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/sharpness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "parsimony/core/error.h"

namespace parsimony::differentiable {
namespace {

struct Return {
  int in = 0, to = 0;  // epochs
  bool operator==(const Return&) const = default;
};

// Evaluates every so many epochs, from `first` on, until the search has to go back.
std::optional<Return> first_return(const std::function<double(int)>& eigenvalue,
                                   const SharpnessOptions& options,
                                   int first,
                                   int epochs,
                                   int earliest) {
  std::vector<SharpnessPoint> series;
  for (int epoch = first; epoch < epochs; epoch += options.every) {
    series.push_back({epoch, eigenvalue(epoch)});
    if (const auto to = epoch_to_return_to(series, options, earliest)) return Return{epoch, *to};
  }
  return std::nullopt;
}

std::optional<Return> with_published_values(const std::function<double(int)>& eigenvalue) {
  return first_return(eigenvalue, {.every = 2, .start = 10}, 0, 50, 10);
}

// Spec rspnet 10, test 3.
TEST(Sharpness, MeetsTheGoldenSeries) {
  EXPECT_EQ(with_published_values([](int epoch) { return 0.2 * std::pow(1.05, epoch); }),
            (Return{.in = 22, .to = 10}));
  EXPECT_EQ(with_published_values([](int epoch) { return 0.2 * std::pow(1.02, epoch); }),
            std::nullopt);
  EXPECT_EQ(with_published_values([](int epoch) { return epoch < 30 ? 0.2 : 0.5; }),
            (Return{.in = 32, .to = 20}));
}

TEST(Sharpness, BreaksEvenAtAGrowthOfAThirtiethAnEpoch) {
  const double even = std::pow(1.3, 1.0 / 8);
  EXPECT_NEAR(even, 1.0333, 5e-5);
  EXPECT_FALSE(with_published_values([&](int e) { return 0.2 * std::pow(even - 1e-4, e); }));
  EXPECT_FALSE(with_published_values([&](int e) { return 0.2 * std::pow(even, e); }));
  EXPECT_TRUE(with_published_values([&](int e) { return 0.2 * std::pow(even + 1e-4, e); }));
}

// 20 epochs of alphas from epoch 20 on, each evaluated: the first decision is 10 epochs in, and
// goes back to the 5th.
TEST(Sharpness, DecidesInTimeForAShortSearch) {
  const SharpnessOptions options;
  const auto steep = [](int epoch) { return 0.2 * std::pow(1.2, epoch); };
  EXPECT_EQ(first_return(steep, options, 20, 40, 20 + options.start), (Return{.in = 30, .to = 24}));
  EXPECT_EQ(first_return(steep, options, 20, 40, 0), (Return{.in = 26, .to = 20}));
}

// Hundredfold growth is nothing near 0, and a curvature below it does not hide a real one.
TEST(Sharpness, TakesWhatIsNearZeroForTheLeast) {
  EXPECT_FALSE(with_published_values([](int epoch) { return 6e-5 * std::pow(1.15, epoch); }));
  EXPECT_FALSE(with_published_values([](int epoch) { return epoch < 40 ? -0.2 : 0.06; }));
  EXPECT_TRUE(with_published_values([](int epoch) { return epoch < 40 ? -0.2 : 0.2; }));
  EXPECT_FALSE(with_published_values([](int) { return 0.0; }));
  const std::vector<SharpnessPoint> diverged{{0, std::nan("")}};
  EXPECT_THROW(epoch_to_return_to(diverged, {}, 0), core::Error);
}

TEST(Sharpness, ReliesOnEstimatesThatHaveConverged) {
  const SharpnessOptions options;
  EXPECT_TRUE(reliable({.value = 0.4, .error = 0.03}, options));
  EXPECT_FALSE(reliable({.value = 0.4, .error = 0.05}, options));
  EXPECT_TRUE(reliable({.value = -0.001, .error = 0.004}, options));
  EXPECT_FALSE(reliable({.value = -0.001, .error = 0.01}, options));
}

TEST(Sharpness, NeedsACentreOfItsWindow) {
  EXPECT_THROW(check(SharpnessOptions{.window = 4}), core::Error);
  EXPECT_THROW(epoch_to_return_to({}, {.window = 4}, 0), core::Error);
  EXPECT_NO_THROW(check(SharpnessOptions{.window = 1}));
  EXPECT_FALSE(epoch_to_return_to({}, {}, 0));
}

// 3e-4, 3e-3, 3e-2, and no further.
TEST(WeightDecay, EscalatesTwice) {
  const SharpnessOptions options;
  const auto second = escalated_weight_decay(3e-4, options);
  ASSERT_TRUE(second);
  EXPECT_DOUBLE_EQ(*second, 3e-3);
  const auto third = escalated_weight_decay(*second, options);
  ASSERT_TRUE(third);
  EXPECT_DOUBLE_EQ(*third, 3e-2);
  EXPECT_FALSE(escalated_weight_decay(*third, options));
}

}  // namespace
}  // namespace parsimony::differentiable
