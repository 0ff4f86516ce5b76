// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/rl/adam.h"

#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/core/rng.h"
#include "parsimony/search/testing.h"

namespace parsimony::search {
namespace {

// The published update rule in double precision, with clipping, over steps with and without
// gradient.
TEST(Adam, AgreesWithThePublishedRule) {
  constexpr std::size_t kCount = 37;
  constexpr double kRate = 1e-2, kClip = 2.0;
  core::Rng rng(3);
  Adam adam(kCount);
  std::vector<float> parameters(kCount, 0.5F);
  std::vector<double> expected(kCount, 0.5), m(kCount), v(kCount);
  for (int t = 1; t <= 60; ++t) {
    std::vector<float> gradient(kCount);
    const bool has_gradient = t % 3 != 0;
    if (has_gradient) {
      for (float& g : gradient) g = static_cast<float>(rng.normal());
      double squares = 0;
      for (const float g : gradient) squares += static_cast<double>(g) * g;
      EXPECT_NEAR(adam.ascend(parameters, gradient, kRate, kClip), std::sqrt(squares), 1e-5);
      const float scale = static_cast<float>(std::min(1.0, kClip / std::sqrt(squares)));
      for (float& g : gradient) g *= scale;
    } else {
      adam.ascend_without_gradient(parameters, kRate);
    }
    for (std::size_t i = 0; i < kCount; ++i) {
      m[i] = 0.9 * m[i] + 0.1 * gradient[i];
      v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i];
      const double corrected = m[i] / (1 - std::pow(0.9, t));
      expected[i] += kRate * corrected / (std::sqrt(v[i] / (1 - std::pow(0.999, t))) + 1e-8);
      ASSERT_NEAR(parameters[i], expected[i], 2e-5) << "step " << t;
    }
  }
  EXPECT_EQ(adam.steps(), 60);
}

// A gradient of zeros and no gradient are the same to the last bit: skipping the backward pass of
// clipped rollouts changes nothing.
TEST(Adam, NoGradientMeansZeros) {
  const ToySpace space(0, {{"a", 2}});
  Adam with(50), without(50);
  std::vector<float> parameters(50, 0.1F), zeros(50), gradient(50);
  core::Rng rng(5);
  for (float& g : gradient) g = static_cast<float>(rng.normal());
  std::vector<float> same = parameters;
  with.ascend(parameters, gradient, 1e-3, 2.0);
  without.ascend(same, gradient, 1e-3, 2.0);
  for (int t = 0; t < 2000; ++t) {
    with.ascend(parameters, zeros, 1e-3, 2.0);
    without.ascend_without_gradient(same, 1e-3);
  }
  EXPECT_EQ(parameters, same);
  StateWriter a("adam", space), b("adam", space);
  with.save(a);
  without.save(b);
  EXPECT_EQ(std::move(a).finish(), std::move(b).finish());
}

}  // namespace
}  // namespace parsimony::search
