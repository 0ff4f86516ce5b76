// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/map_sum.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/network/interpolation.h"

namespace parsimony::network {
namespace {

TEST(InterpolationTable, DoublingTakesThreeQuartersOfTheNearer) {
  const InterpolationTable table(2, 4);
  const simd::Interpolation i = table.view();
  EXPECT_EQ(std::vector<std::int32_t>(i.first, i.first + 4),
            (std::vector<std::int32_t>{0, 0, 0, 1}));
  EXPECT_EQ(std::vector<std::int32_t>(i.second, i.second + 4),
            (std::vector<std::int32_t>{1, 1, 1, 1}));
  EXPECT_EQ(std::vector<float>(i.share, i.share + 4), (std::vector<float>{0, 0.25F, 0.75F, 0}));
}

struct Case {
  const char* name;
  std::vector<std::pair<std::int64_t, std::int64_t>> sizes;  // of the terms
  std::int64_t channels;
  bool relu;
};

class MapSums : public testing::TestWithParam<Case> {};

TEST_P(MapSums, HaveLibTorchsValuesAndGradients) {
  const Case& c = GetParam();
  constexpr std::int64_t kHeight = 13;
  constexpr std::int64_t kWidth = 10;
  at::manual_seed(8);
  std::vector<Tensor> fast;
  std::vector<Tensor> exact;
  for (const auto& [height, width] : c.sizes) {
    fast.push_back(at::randn({3, c.channels, height, width}).requires_grad_());
    exact.push_back(fast.back().detach().to(at::kDouble).requires_grad_());
  }
  const Tensor y = map_sum({fast.begin(), fast.end()}, kHeight, kWidth, c.relu, Kernels::kFast);
  const Tensor y64 =
      map_sum({exact.begin(), exact.end()}, kHeight, kWidth, c.relu, Kernels::kReference);
  EXPECT_LT((y - y64).abs().max().item<double>(), 2e-6);
  const Tensor dy = at::randn_like(y);
  torch::autograd::backward({y}, {dy});
  torch::autograd::backward({y64}, {dy.to(at::kDouble)});
  for (std::size_t i = 0; i < fast.size(); ++i)
    EXPECT_LT((fast[i].grad() - exact[i].grad()).abs().max().item<double>(), 2e-5) << "term " << i;
}

INSTANTIATE_TEST_SUITE_P(
    Terms,
    MapSums,
    testing::Values(Case{"Two", {{13, 10}, {13, 10}}, 16, false},
                    Case{"OneResize", {{7, 5}}, 48, false},
                    Case{"ResizeAndRelu", {{7, 5}}, 12, true},
                    Case{"FourSizes", {{13, 10}, {7, 5}, {4, 3}, {1, 1}}, 7, true},
                    Case{"Shrinks", {{29, 30}, {13, 10}}, 9, false},
                    Case{"LargerAndSmaller", {{3, 30}}, 5, true}),
    [](const auto& sum) { return std::string(sum.param.name); });

TEST(MapSum, OfOneMapOfTheRightSizeIsThatMap) {
  const Tensor x = at::randn({1, 3, 4, 5});
  EXPECT_TRUE(map_sum({x}, 4, 5, false, Kernels::kFast).is_same(x));
}

TEST(MapSum, NotANumberStaysOne) {
  Tensor x = at::ones({1, 8, 2, 2});
  x[0][3][1][1] = std::nanf("");
  for (const Kernels kernels : {Kernels::kReference, Kernels::kFast})
    EXPECT_TRUE(map_sum({x, x}, 2, 2, true, kernels).isnan().any().item<bool>());
}

// The same map as several terms: its gradient counts every time.
TEST(MapSum, AMapMayBeSeveralTerms) {
  const Tensor x = at::ones({1, 2, 3, 3}).requires_grad_();
  const Tensor y = map_sum({x, x, x}, 3, 3, true, Kernels::kFast);
  torch::autograd::backward({y.sum()}, {});
  EXPECT_TRUE(at::equal(x.grad(), at::full({1, 2, 3, 3}, 3.0F)));
}

}  // namespace
}  // namespace parsimony::network
