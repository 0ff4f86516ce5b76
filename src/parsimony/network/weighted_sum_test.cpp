// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/weighted_sum.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "parsimony/network/simd/loops.h"

namespace parsimony::network {
namespace {

struct Case {
  std::int64_t maps;
  std::vector<std::int64_t> size;  // [N, C, H, W]
  bool activations = false;        // of every second map
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << fmt::format("{} of {}", c.maps, fmt::join(c.size, "x"));
}

// A sum's leaves: finished maps in double precision, and what a fast sum reads of the same maps.
struct Maps {
  explicit Maps(const Case& c) {
    at::manual_seed(21);
    const std::int64_t channels = c.size[1];
    for (std::int64_t k = 0; k < c.maps; ++k) {
      const Tensor values = at::randn(c.size).requires_grad_();
      values_of_fast.push_back(values);
      Tensor finished = values.detach().to(at::kDouble);
      if (!c.activations || k % 2 == 0) {
        fast.emplace_back(values);
      } else {
        const Activation todo{
            at::linspace(-2, 2, channels), at::linspace(-1, 1, channels), 0, 1.5F};
        fast.emplace_back(values, todo);
        finished = (finished * todo.scale.view({1, -1, 1, 1}) + todo.shift.view({1, -1, 1, 1}))
                       .clamp(todo.floor, todo.ceiling);
      }
      exact.push_back(finished.requires_grad_());
    }
    weights = at::randn({c.maps});
    from_above = at::randn(c.size);
  }

  std::vector<FeatureMap> fast;
  std::vector<Tensor> values_of_fast;
  std::vector<Tensor> exact;
  Tensor weights, from_above;
};

class WeightedSums : public testing::TestWithParam<Case> {};

TEST_P(WeightedSums, HaveTheReferencesValuesAndGradients) {
  const Maps maps(GetParam());
  const Tensor weights = maps.weights.clone().requires_grad_();
  const Tensor weights64 = maps.weights.to(at::kDouble).requires_grad_();
  const Tensor y = weighted_sum(maps.fast, weights, Kernels::kFast);
  const Tensor y64 =
      weighted_sum({maps.exact.begin(), maps.exact.end()}, weights64, Kernels::kReference);
  EXPECT_LT((y - y64).abs().max().item<double>(), 5e-6);
  torch::autograd::backward({y}, {maps.from_above});
  torch::autograd::backward({y64}, {maps.from_above.to(at::kDouble)});
  for (std::size_t k = 0; k < maps.exact.size(); ++k) {
    const Tensor difference = maps.values_of_fast[k].grad() - maps.exact[k].grad();
    EXPECT_LT(difference.abs().max().item<double>(), 1e-6) << "map " << k;
  }
  EXPECT_LT((weights.grad() - weights64.grad()).abs().max().item<double>(), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Cases,
                         WeightedSums,
                         testing::Values(Case{1, {2, 16, 8, 8}},
                                         Case{2, {3, 7, 13, 9}},
                                         Case{3, {1, 48, 5, 11}},
                                         Case{5, {2, 19, 17, 3}},
                                         Case{8, {3, 21, 15, 13}},
                                         Case{4, {1, 1, 1, 1}},
                                         Case{2, {1, 2500, 3, 1}},  // longer than a run of pixels
                                         Case{2, {3, 7, 13, 9}, true},
                                         Case{3, {2, 33, 9, 7}, true},
                                         Case{8, {2, 16, 11, 5}, true}),
                         [](const auto& c) {
                           return fmt::format("{}of{}{}",
                                              c.param.maps,
                                              fmt::join(c.param.size, "x"),
                                              c.param.activations ? "activated" : "");
                         });

// A search that has given an operation up still asks what it would be worth.
TEST(WeightedSum, AMapWithoutWeightHasAGradientOfItsWeight) {
  for (const Kernels kernels : {Kernels::kFast, Kernels::kReference}) {
    const Tensor x = at::full({2, 5, 3, 3}, 2.0F).requires_grad_();
    const Tensor other = at::full({2, 5, 3, 3}, 7.0F);
    const Tensor weights = at::zeros({2}).requires_grad_();
    const Tensor y = weighted_sum({x, other}, weights, kernels);
    EXPECT_EQ(y.abs().max().item<float>(), 0);
    torch::autograd::backward({y.sum()}, {});
    EXPECT_EQ(x.grad().abs().max().item<float>(), 0);
    EXPECT_TRUE(at::equal(weights.grad(), at::tensor({180.0F, 630.0F})));
  }
}

TEST(WeightedSum, AMapMayBeSeveralTerms) {
  for (const Kernels kernels : {Kernels::kFast, Kernels::kReference}) {
    const Tensor x = at::ones({1, 2, 3, 3}).requires_grad_();
    const Tensor y = weighted_sum({x, x}, at::tensor({0.5F, 2.0F}), kernels);
    torch::autograd::backward({y.sum()}, {});
    EXPECT_TRUE(at::equal(x.grad(), at::full({1, 2, 3, 3}, 2.5F)));
  }
}

TEST(WeightedSum, NotANumberStaysOne) {
  Tensor x = at::ones({1, 8, 2, 2});
  x[0][3][1][1] = std::nanf("");
  for (const Kernels kernels : {Kernels::kReference, Kernels::kFast}) {
    const Tensor y = weighted_sum({at::ones_like(x), x}, at::tensor({1.0F, 0.0F}), kernels);
    EXPECT_TRUE(y.isnan().any().item<bool>());
  }
}

TEST(WeightedSum, ThreadCountDoesNotChangeAnyBit) {
  const auto run = [](int threads) {
    at::set_num_threads(threads);
    const Maps maps({5, {3, 19, 31, 23}, true});
    const Tensor weights = maps.weights.clone().requires_grad_();
    const Tensor y = weighted_sum(maps.fast, weights, Kernels::kFast);
    torch::autograd::backward({y}, {maps.from_above});
    std::vector<Tensor> all = {y.detach(), weights.grad()};
    for (const Tensor& values : maps.values_of_fast) all.push_back(values.grad());
    return all;
  };
  const std::vector<Tensor> one = run(1);
  const std::vector<Tensor> three = run(3);
  at::set_num_threads(1);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], three[i])) << i;
}

TEST(Dot, EveryInstructionSetComputesIt) {
  at::manual_seed(22);
  for (const std::int64_t size : {0, 1, 7, 63, 64, 65, 200, 4099}) {
    const Tensor x = at::randn({size});
    const Tensor y = at::randn({size});
    const double expected = (x.to(at::kDouble) * y.to(at::kDouble)).sum().item<double>();
    for (const simd::Loops* loops : simd::supported_loops()) {
      EXPECT_NEAR(loops->dot(size, x.data_ptr<float>(), y.data_ptr<float>()), expected, 1e-4)
          << loops->level << ", " << size << " values";
    }
  }
}

}  // namespace
}  // namespace parsimony::network
