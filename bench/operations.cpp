// SPDX-License-Identifier: Apache-2.0
// Forward and backward of single operations in one thread: LibTorch contiguous, LibTorch
// channels-last, Parsimony's own and, where the processor has tiles, its own in bf16, in turns
// within one run, beside the time that their multiplications would take at the processor's fp32
// rate. Medians over the rounds.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>

#include "parsimony/network/depthwise.h"
#include "parsimony/network/layout.h"
#include "parsimony/network/map_sum.h"
#include "parsimony/network/narrow_convolution.h"
#include "parsimony/network/ops.h"
#include "parsimony/network/pixel_classes.h"
#include "parsimony/network/simd/loops.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/network/threads.h"

namespace {

using namespace parsimony;
using network::Kernels;
using network::Tensor;
using Clock = std::chrono::steady_clock;

struct Operation {
  std::string name;
  std::vector<std::int64_t> input;  // [N, C, H, W]
  double macs;                      // forward, of the plain algorithm
  // Products of a training step in forwards: three for convolutions (two gradients), else one.
  double passes;
  std::function<Tensor(const Tensor& x, Kernels kernels)> run;
  std::function<Tensor(const Tensor& x)> narrow;  // of a bf16 map; empty where there is none
  bool differentiable = true;
};

Tensor narrowed(const Tensor& x) {
  return network::channels_last(x.to(at::kBFloat16));
}

Tensor weight_of(const graph::Conv& conv) {
  return at::randn({conv.out_channels, conv.in_channels / conv.groups, conv.kernel, conv.kernel})
      .mul_(0.1)
      .requires_grad_();
}

graph::Conv conv_of(std::int64_t channels, int kernel, int dilation, bool depthwise) {
  graph::Conv conv;
  conv.in_channels = conv.out_channels = channels;
  conv.kernel = kernel;
  conv.dilation = dilation;
  conv.padding = dilation * (kernel / 2);
  conv.groups = depthwise ? channels : 1;
  return conv;
}

double macs_per_pixel(const graph::Conv& conv) {
  return static_cast<double>(conv.out_channels * (conv.in_channels / conv.groups) * conv.kernel *
                             conv.kernel);
}

Operation convolution(std::string name,
                      std::int64_t batch,
                      std::int64_t channels,
                      std::int64_t side,
                      int kernel,
                      int dilation,
                      bool depthwise) {
  const graph::Conv conv = conv_of(channels, kernel, dilation, depthwise);
  const Tensor weight = weight_of(conv);
  Operation operation{.name = std::move(name),
                      .input = {batch, channels, side, side},
                      .macs = static_cast<double>(batch * side * side) * macs_per_pixel(conv),
                      .passes = 3,
                      .run =
                          [=](const Tensor& x, Kernels kernels) {
                            return network::convolution(x, weight, Tensor(), conv, kernels);
                          },
                      .narrow = {}};
  if (!depthwise) {
    operation.narrow = [=](const Tensor& x) {
      return network::narrow_convolution(
          {x},
          {.depthwise = {}, .weight = weight, .dilation = dilation, .bias = {}},
          /*wide=*/false,
          network::Clamp::kNone);
    };
  }
  return operation;
}

// A depthwise convolution and the pointwise one behind it.
Operation separable(std::string name,
                    std::int64_t batch,
                    std::int64_t channels,
                    std::int64_t side,
                    int kernel,
                    int dilation) {
  const graph::Conv first = conv_of(channels, kernel, dilation, true);
  const graph::Conv second = conv_of(channels, 1, 1, false);
  const Tensor depthwise = weight_of(first);
  const Tensor weight = weight_of(second);
  return {.name = std::move(name),
          .input = {batch, channels, side, side},
          .macs = static_cast<double>(batch * side * side) *
                  (macs_per_pixel(first) + macs_per_pixel(second)),
          .passes = 3,
          .run =
              [=](const Tensor& x, Kernels kernels) {
                if (kernels == Kernels::kFast)
                  return network::separable_convolution(x, depthwise, dilation, weight, Tensor());
                const Tensor between = network::convolution(x, depthwise, Tensor(), first, kernels);
                return network::convolution(between, weight, Tensor(), second, kernels);
              },
          .narrow =
              [=](const Tensor& x) {
                return network::narrow_convolution({x},
                                                   {.depthwise = depthwise,
                                                    .depthwise_dilation = dilation,
                                                    .weight = weight,
                                                    .bias = {}},
                                                   /*wide=*/false,
                                                   network::Clamp::kNone);
              }};
}

std::vector<Operation> operations(std::int64_t batch) {
  constexpr std::int64_t kWidth = 48;  // of a candidate's decoder
  std::vector<Operation> all = {
      convolution("conv 1x1", batch, kWidth, 64, 1, 1, false),
      convolution("conv 3x3", batch, kWidth, 64, 3, 1, false),
      convolution("conv 3x3, 32x32", batch, kWidth, 32, 3, 1, false),
      convolution("conv 3x3, dilation 3", batch, kWidth, 64, 3, 3, false),
      convolution("conv 3x3, dilation 12", batch, kWidth, 64, 3, 12, false),
      convolution("depthwise 3x3", batch, kWidth, 64, 3, 1, true),
      convolution("depthwise 3x3, dilation 3", batch, kWidth, 64, 3, 3, true),
      convolution("depthwise 5x5", batch, kWidth, 64, 5, 1, true),
      convolution("depthwise 5x5, dilation 6", batch, kWidth, 64, 5, 6, true),
      separable("separable 3x3", batch, kWidth, 64, 3, 1),
      separable("separable 5x5, dilation 6", batch, kWidth, 64, 5, 6),
  };
  network::NormState norm{at::ones({kWidth}).requires_grad_(),
                          at::zeros({kWidth}).requires_grad_(),
                          at::zeros({kWidth}),
                          at::ones({kWidth})};
  all.push_back({"batch norm + ReLU",
                 {batch, kWidth, 64, 64},
                 0,
                 1,
                 [norm](const Tensor& x, Kernels kernels) mutable {
                   return network::norm_clamp(x, norm, true, network::Clamp::kRelu, kernels);
                 },
                 {}});
  all.push_back(
      {"resize 32x32 to 64x64",
       {batch, kWidth, 32, 32},
       0,
       1,
       [](const Tensor& x, Kernels kernels) {
         return network::map_sum({x}, 64, 64, false, kernels);
       },
       [](const Tensor& x) { return network::map_sum({x}, 64, 64, false, Kernels::kFast); }});
  const Tensor other = at::randn({batch, kWidth, 64, 64});
  const Tensor other_last = other.contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor other_narrow = narrowed(other);
  all.push_back({"resize 32x32 to 64x64 + add + ReLU",
                 {batch, kWidth, 32, 32},
                 0,
                 1,
                 [=](const Tensor& x, Kernels kernels) {
                   const bool last = x.is_contiguous(at::MemoryFormat::ChannelsLast);
                   return network::map_sum({x, last ? other_last : other}, 64, 64, true, kernels);
                 },
                 [=](const Tensor& x) {
                   return network::map_sum({x, other_narrow}, 64, 64, true, Kernels::kFast);
                 }});
  const std::int64_t classes = 11;
  const Tensor labels = at::randint(0, classes, {batch, 256, 256}, at::kByte);
  all.push_back({"cross-entropy at 256x256 of 64x64, 11 classes",
                 {batch, classes, 64, 64},
                 0,
                 1,
                 [labels](const Tensor& x, Kernels kernels) {
                   return network::pixel_cross_entropy(x, labels, kernels);
                 },
                 {}});
  all.push_back({"classes at 256x256 of 64x64, 11 classes",
                 {batch, classes, 64, 64},
                 0,
                 1,
                 [](const Tensor& x, Kernels kernels) {
                   return network::pixel_classes(x, 256, 256, kernels);
                 },
                 {},
                 false});
  return all;
}

// Seconds of one forward and, where there is one, backward pass.
template <typename Run>
double step(bool differentiable, const Tensor& x, Run run) {
  if (!differentiable) {
    const at::NoGradGuard no_grad;
    const auto start = Clock::now();
    run(x);
    return std::chrono::duration<double>(Clock::now() - start).count();
  }
  const Tensor leaf = x.detach().requires_grad_();
  const auto start = Clock::now();
  const Tensor y = run(leaf);
  torch::autograd::backward({y}, {y.dim() == 0 ? Tensor() : y.detach()});
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Multiply-accumulates per second of our matrix product on data that stays in the first cache.
double product_rate() {
  const network::simd::Loops& loops = network::simd::loops();
  constexpr std::int64_t kRows = 96;
  constexpr std::int64_t kSide = 48;
  std::vector<float> a(kRows * kSide, 0.5F);
  std::vector<float> b(kSide * kSide, 0.5F);
  std::vector<float> c(kRows * kSide);
  std::vector<float> packed(static_cast<std::size_t>(loops.packed_size(kSide, kSide)));
  loops.pack(kSide, kSide, b.data(), kSide, 1, packed.data());
  double best = 0;
  for (int round = 0; round < 200; ++round) {
    constexpr int kRepeats = 50;
    const auto start = Clock::now();
    for (int i = 0; i < kRepeats; ++i)
      loops.gemm(kRows, kSide, kSide, a.data(), kSide, packed.data(), c.data(), kSide, false);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, static_cast<double>(kRepeats * kRows * kSide * kSide) / seconds);
  }
  return best;
}

std::string milliseconds(double seconds) {
  return fmt::format("{:.2f}", 1000 * seconds);
}

}  // namespace

int main(int argc, char** argv) {
  std::int64_t batch = 16;
  int rounds = 9;
  CLI::App app("Single operations, forward and backward, one thread.");
  app.add_option("--batch", batch, "pictures")->capture_default_str()->check(CLI::Range(1, 1024));
  app.add_option("--rounds", rounds, "measurements per operation")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  CLI11_PARSE(app, argc, argv);
  network::keep_tensor_memory();
  network::set_threads(1);
  at::manual_seed(1);

  const double rate = product_rate();
  const bool has_bf16 = network::simd::bf16_loops() != nullptr;
  fmt::print(
      "one thread, batch {}, kernels {}, {}, fp32 matrix products at {:.1f} GFLOP/s, median of {}\n\n",
      batch,
      network::simd::loops().level,
      has_bf16 ? "bf16 products" : "no bf16 products on this machine",
      2 * rate / 1e9,
      rounds);
  fmt::print(
      "| operation, forward + backward, ms | contiguous | channels-last | ours | ours, bf16 | bound | "
      "contiguous / ours | channels-last / ours | channels-last / bf16 |\n"
      "|---|---|---|---|---|---|---|---|---|\n");
  for (const Operation& operation : operations(batch)) {
    const Tensor contiguous = at::randn(operation.input);
    const Tensor last = contiguous.contiguous(at::MemoryFormat::ChannelsLast);
    const bool has_narrow = has_bf16 && operation.narrow;
    const Tensor narrow = has_narrow ? narrowed(contiguous) : Tensor();
    const auto with = [&](Kernels kernels) {
      return [&, kernels](const Tensor& x) { return operation.run(x, kernels); };
    };
    std::vector<double> plain;
    std::vector<double> plain_last;
    std::vector<double> own;
    std::vector<double> own_narrow;
    for (int round = -1; round < rounds; ++round) {
      const bool counts = round >= 0;  // the first only touches memory
      const auto measure = [&](const Tensor& x, auto run, std::vector<double>& seconds) {
        const double taken = step(operation.differentiable, x, run);
        if (counts) seconds.push_back(taken);
      };
      measure(contiguous, with(Kernels::kReference), plain);
      measure(last, with(Kernels::kReference), plain_last);
      measure(last, with(Kernels::kFast), own);
      if (has_narrow) measure(narrow, operation.narrow, own_narrow);
    }
    const double ours = median(own);
    const std::string missing = operation.narrow ? "n/a" : "-";
    fmt::print(
        "| {} | {} | {} | {} | {} | {} | {:.1f} | {:.1f} | {} |\n",
        operation.name,
        milliseconds(median(plain)),
        milliseconds(median(plain_last)),
        milliseconds(ours),
        has_narrow ? milliseconds(median(own_narrow)) : missing,
        operation.macs > 0 ? milliseconds(operation.passes * operation.macs / rate) : "-",
        median(plain) / ours,
        median(plain_last) / ours,
        has_narrow ? fmt::format("{:.1f}", median(plain_last) / median(own_narrow)) : missing);
  }
  return 0;
}
