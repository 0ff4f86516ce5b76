// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/feature_map.h"

#include <gtest/gtest.h>

#include <functional>

#include "parsimony/network/depthwise.h"
#include "parsimony/network/joined_maps.h"
#include "parsimony/network/map_sum.h"
#include "parsimony/network/ops.h"
#include "parsimony/network/pointwise.h"
#include "parsimony/network/scaled_channels.h"
#include "parsimony/network/weighted_sum.h"

namespace parsimony::network {
namespace {

// One who reads a map: a function of it and perhaps of a weight.
struct Reader {
  const char* name;
  std::vector<std::int64_t> map;     // [N, C, H, W]
  std::vector<std::int64_t> weight;  // empty: none
  std::function<Tensor(const FeatureMap& x, const Tensor& weight, Kernels kernels)> read;
};

Reader convolution_reader(const char* name,
                          std::vector<std::int64_t> map,
                          std::int64_t out,
                          std::int64_t kernel,
                          std::int64_t dilation,
                          bool depthwise) {
  const graph::Conv conv{.in_channels = map[1],
                         .out_channels = out,
                         .kernel = kernel,
                         .padding = dilation * (kernel / 2),
                         .dilation = dilation,
                         .groups = depthwise ? map[1] : 1};
  EXPECT_TRUE(applies_activation(conv));
  return {name,
          std::move(map),
          {out, conv.in_channels / conv.groups, kernel, kernel},
          [conv](const FeatureMap& x, const Tensor& weight, Kernels kernels) {
            return convolution(x, weight, Tensor(), conv, kernels);
          }};
}

Reader separable_reader(const char* name,
                        std::vector<std::int64_t> map,
                        std::int64_t out,
                        bool bias) {
  const std::int64_t channels = map[1];
  return {name,
          std::move(map),
          {out + 25, channels},  // the pointwise weights, then the depthwise ones
          [=](const FeatureMap& x, const Tensor& weight, Kernels kernels) {
            const Tensor pointwise = weight.narrow(0, 0, out).view({out, channels, 1, 1});
            const Tensor taps = weight.narrow(0, out, 25).t().reshape({channels, 1, 5, 5});
            const Tensor shift = bias ? weight.narrow(0, 0, out).sum(1) : Tensor();
            if (kernels == Kernels::kFast)
              return separable_convolution(x, taps, 3, pointwise, shift);
            return at::conv2d(at::conv2d(x.values, taps, {}, 1, 6, 3, channels), pointwise, shift);
          }};
}

// A concatenation of the map with itself.
Reader join_reader(const char* name, std::vector<std::int64_t> map, std::int64_t out, bool bias) {
  const std::int64_t channels = map[1];
  return {name,
          std::move(map),
          {out, 2 * channels},
          [=](const FeatureMap& x, const Tensor& weight, Kernels kernels) {
            const Tensor pointwise = weight.view({out, 2 * channels, 1, 1});
            const Tensor shift = bias ? weight.sum(1) : Tensor();
            if (kernels == Kernels::kFast) return pointwise_convolution({x, x}, pointwise, shift);
            return at::conv2d(at::cat({x.values, x.values}, 1), pointwise, shift);
          }};
}

Reader sum_reader(const char* name, std::int64_t height, std::int64_t width, int times) {
  return {name, {3, 12, 9, 7}, {}, [=](const FeatureMap& x, const Tensor&, Kernels kernels) {
            return map_sum(std::vector<FeatureMap>(static_cast<std::size_t>(times), x),
                           height,
                           width,
                           /*relu=*/times > 1,
                           kernels);
          }};
}

std::vector<Reader> readers() {
  return {
      convolution_reader("Pointwise", {3, 24, 17, 19}, 20, 1, 1, false),
      convolution_reader("WinogradSeveralPicturesAtOnce", {9, 16, 8, 8}, 24, 3, 1, false),
      convolution_reader("WinogradLargePictures", {2, 16, 40, 37}, 16, 3, 1, false),
      convolution_reader("WinogradDilated", {2, 16, 26, 25}, 16, 3, 3, false),
      convolution_reader("Taps", {3, 7, 9, 11}, 5, 3, 2, false),
      convolution_reader("TapsBeyondTheMap", {2, 16, 6, 7}, 16, 3, 12, false),
      convolution_reader("PointwiseOfOnePicture", {1, 24, 9, 7}, 20, 1, 1, false),
      convolution_reader("WinogradOfOnePicture", {1, 16, 12, 11}, 16, 3, 1, false),
      convolution_reader("Depthwise", {3, 19, 11, 13}, 19, 5, 2, true),
      convolution_reader("DepthwiseBeyondTheMap", {1, 19, 5, 7}, 19, 5, 12, true),
      join_reader("Joined", {3, 24, 17, 19}, 16, false),
      join_reader("JoinedOddSizes", {2, 5, 7, 9}, 11, true),
      separable_reader("Separable", {3, 16, 11, 13}, 24, false),
      separable_reader("SeparableOddSizes", {2, 19, 40, 37}, 11, false),
      separable_reader("SeparableOfOnePicture", {1, 19, 5, 7}, 11, false),
      separable_reader("SeparableWithBias", {5, 8, 6, 4}, 16, true),
      sum_reader("Twice", 9, 7, 2),
      sum_reader("Resized", 18, 13, 1),
      sum_reader("ResizedAndRelu", 4, 7, 2),
      sum_reader("OneOfTheSameSize", 9, 7, 1),
      {"Concatenated",
       {3, 10, 19, 17},
       {3, 7, 19, 17},
       [](const FeatureMap& x, const Tensor& weight, Kernels kernels) {
         return joined_maps({x, weight, x}, kernels);
       }},
      {"Scaled",
       {3, 10, 19, 17},
       {3, 10},
       [](const FeatureMap& x, const Tensor& weight, Kernels kernels) {
         return scaled_channels(x, weight.view({3, 10, 1, 1}), kernels);
       }},
      {"ScaledByItsOwnMean",
       {2, 13, 20, 9},
       {},
       [](const FeatureMap& x, const Tensor&, Kernels kernels) {
         return scaled_channels(x, pixel_mean(x, kernels), kernels);
       }},
      {"Factors",
       {5, 9, 1, 1},
       {5, 9, 7, 4},
       [](const FeatureMap& x, const Tensor& weight, Kernels kernels) {
         return scaled_channels(weight, x, kernels);
       }},
      {"WeightedTwice",
       {3, 10, 19, 17},
       {2},
       [](const FeatureMap& x, const Tensor& weight, Kernels kernels) {
         return weighted_sum({x, x}, weight, kernels);
       }},
      {"Mean",
       {3, 10, 19, 17},
       {},
       [](const FeatureMap& x, const Tensor&, Kernels kernels) { return pixel_mean(x, kernels); }},
  };
}

class DeferredNorm : public testing::TestWithParam<Reader> {
 protected:
  // Values, then the gradients of map, scale, shift and weight, then the running statistics.
  static std::vector<Tensor> run(const Reader& reader, Clamp clamp, at::ScalarType dtype) {
    at::manual_seed(13);
    const auto leaf = [dtype](const Tensor& values) {
      return values.to(dtype).detach().set_requires_grad(true);
    };
    const std::int64_t channels = reader.map[1];
    std::vector<Tensor> leaves = {leaf(3 * at::randn(reader.map) + 1),
                                  leaf(at::linspace(0.5, 4, channels)),
                                  leaf(at::linspace(-1, 2, channels))};
    if (!reader.weight.empty()) leaves.push_back(leaf(at::randn(reader.weight)));
    const Tensor weight = reader.weight.empty() ? Tensor() : leaves[3];
    NormState norm{leaves[1], leaves[2], at::zeros({channels}), at::ones({channels})};
    norm.running_mean = norm.running_mean.to(dtype);
    norm.running_variance = norm.running_variance.to(dtype);
    Tensor y;
    if (dtype == at::kFloat) {
      const FeatureMap map = deferred_norm_clamp(leaves[0], norm, clamp);
      EXPECT_TRUE(map.activation.defined());
      y = reader.read(map, weight, Kernels::kFast);
    } else {
      y = reader.read(norm_clamp(leaves[0], norm, true, clamp, Kernels::kReference),
                      weight,
                      Kernels::kReference);
    }
    const Tensor dy = at::randn(y.sizes()).to(dtype);
    torch::autograd::backward({y}, {dy});
    std::vector<Tensor> all = {y.detach()};
    for (const Tensor& each : leaves) all.push_back(each.grad());
    all.push_back(norm.running_mean);
    all.push_back(norm.running_variance);
    return all;
  }
};

TEST_P(DeferredNorm, IsDoneByTheReader) {
  const Clamp factors = clamp_of(graph::Relu{.ceiling = 1});
  for (const Clamp clamp : {Clamp::kNone, Clamp::kRelu, Clamp::kRelu6, factors}) {
    const std::vector<Tensor> fast = run(GetParam(), clamp, at::kFloat);
    const std::vector<Tensor> exact = run(GetParam(), clamp, at::kDouble);
    ASSERT_EQ(fast.size(), exact.size());
    for (std::size_t i = 0; i < fast.size(); ++i) {
      ASSERT_EQ(fast[i].sizes(), exact[i].sizes()) << "tensor " << i;
      const double scale = std::max(1.0, exact[i].abs().max().item<double>());
      EXPECT_LT((fast[i].to(at::kDouble) - exact[i]).abs().max().item<double>(), 1e-4 * scale)
          << "tensor " << i << ", at most " << clamp.ceiling;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Readers, DeferredNorm, testing::ValuesIn(readers()), [](const auto& test) {
  return std::string(test.param.name);
});

TEST(DeferredNorm, KeepsNoSecondMap) {
  const Tensor x = at::randn({2, 16, 8, 8}).contiguous(at::MemoryFormat::ChannelsLast);
  NormState norm{at::ones({16}), at::zeros({16}), at::zeros({16}), at::ones({16})};
  norm.weight.set_requires_grad(true);
  const FeatureMap map = deferred_norm_clamp(x, norm, Clamp::kRelu);
  EXPECT_EQ(map.values.data_ptr<float>(), x.data_ptr<float>());
}

// LibTorch's own operations cannot apply an activation; the mistake must not pass in silence.
TEST(DeferredNorm, IsRefusedByAConvolutionThatCannotApplyIt) {
  NormState norm{at::ones({4}), at::zeros({4}), at::zeros({4}), at::ones({4})};
  const FeatureMap map = deferred_norm_clamp(at::randn({1, 4, 6, 6}), norm, Clamp::kRelu);
  const graph::Conv strided{
      .in_channels = 4, .out_channels = 4, .kernel = 3, .stride = 2, .padding = 1};
  EXPECT_FALSE(applies_activation(strided));
  EXPECT_ANY_THROW(convolution(map, at::randn({4, 4, 3, 3}), Tensor(), strided, Kernels::kFast));
}

}  // namespace
}  // namespace parsimony::network
