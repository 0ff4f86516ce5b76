// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "parsimony/network/simd/loops.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {
namespace {

class DepthwiseLoops : public testing::TestWithParam<simd::DepthwiseShape> {};

TEST_P(DepthwiseLoops, EveryInstructionSetAgreesWithLibTorch) {
  const simd::DepthwiseShape s = GetParam();
  at::manual_seed(11);
  const Tensor x =
      at::randn({1, s.channels, s.height, s.width}).contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor weight = at::randn({s.channels, 1, s.kernel, s.kernel});
  const Tensor weight64 = weight.to(at::kDouble).requires_grad_();
  const Tensor y64 =
      at::conv2d(x.to(at::kDouble), weight64, {}, 1, s.reach(), s.dilation, s.channels);
  const Tensor dy = at::randn_like(x);
  torch::autograd::backward({y64}, {dy.to(at::kDouble)});
  const Tensor dweight = weight64.grad().squeeze(1).permute({1, 2, 0});
  const Tensor taps = weight.squeeze(1).permute({1, 2, 0}).contiguous();

  const Tensor framed =
      at::constant_pad_nd(x, {s.reach(), s.reach()}).contiguous(at::MemoryFormat::ChannelsLast);
  for (const simd::Loops* loops : simd::supported_loops()) {
    SCOPED_TRACE(loops->level);
    Tensor y = at::empty_like(x);
    // In two parts, as bands of rows are computed.
    const std::int64_t upper = s.height / 2;
    loops->depthwise(
        s, framed.data_ptr<float>(), taps.data_ptr<float>(), 0, upper, y.data_ptr<float>());
    loops->depthwise(s,
                     framed.data_ptr<float>(),
                     taps.data_ptr<float>(),
                     upper,
                     s.height - upper,
                     y.data_ptr<float>() + upper * s.width * s.channels);
    EXPECT_LT((y.to(at::kDouble) - y64).abs().max().item<double>(), 1e-5);
    Tensor sum = at::ones_like(taps);  // the gradient is added to what is there
    loops->depthwise_weight_gradient(
        s, framed.data_ptr<float>(), dy.data_ptr<float>(), sum.data_ptr<float>());
    EXPECT_LT((sum.to(at::kDouble) - 1 - dweight).abs().max().item<double>(), 2e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes,
    DepthwiseLoops,
    testing::Values(simd::DepthwiseShape{16, 16, 48, 3, 1},
                    simd::DepthwiseShape{20, 13, 24, 5, 6},  // vectors and one half
                    simd::DepthwiseShape{9, 31, 7, 3, 2},    // channels that fill no vector
                    simd::DepthwiseShape{5, 5, 19, 5, 12},   // only the middle tap touches
                    simd::DepthwiseShape{3, 2, 33, 7, 1},    // narrower than a strip
                    simd::DepthwiseShape{1, 1, 16, 3, 1}),
    [](const auto& shape) {
      const simd::DepthwiseShape& s = shape.param;
      return fmt::format("{}x{}x{}k{}d{}", s.height, s.width, s.channels, s.kernel, s.dilation);
    });

}  // namespace
}  // namespace parsimony::network
