// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "parsimony/latency/work.h"

// Published networks whose times on devices are known, as lists of work.
namespace parsimony::latency {

// A network without branches but for sums with an earlier result.
class ChainBuilder {
 public:
  ChainBuilder(std::int64_t channels, std::int64_t height, std::int64_t width)
      : shape_{channels, height, width} {}

  ChainBuilder& conv(std::int64_t channels,
                     std::int64_t kernel,
                     std::int64_t stride = 1,
                     std::int64_t dilation = 1) {
    return convolution(kernel == 1 ? WorkKind::kPointwise : WorkKind::kConvolution,
                       channels,
                       kernel,
                       stride,
                       dilation,
                       1);
  }
  ChainBuilder& depthwise(std::int64_t kernel, std::int64_t stride = 1, std::int64_t dilation = 1) {
    return convolution(
        WorkKind::kDepthwise, shape_.channels, kernel, stride, dilation, shape_.channels);
  }
  ChainBuilder& linear(std::int64_t outputs) {
    shape_ = {shape_.elements(), 1, 1};
    return convolution(WorkKind::kLinear, outputs, 1, 1, 1, 1);
  }
  ChainBuilder& pool(std::int64_t height, std::int64_t width) {
    return push({.kind = WorkKind::kPool,
                 .in = shape_,
                 .out = {shape_.channels, height, width},
                 .inputs = {latest()},
                 .name = "pool"});
  }
  ChainBuilder& resize(std::int64_t height, std::int64_t width) {
    return push({.kind = WorkKind::kResize,
                 .in = shape_,
                 .out = {shape_.channels, height, width},
                 .inputs = {latest()},
                 .name = "resize"});
  }
  // The sum with the result of an earlier work.
  ChainBuilder& add(int other) {
    return push({.kind = WorkKind::kAdd,
                 .in = shape_,
                 .out = shape_,
                 .inputs = {other, latest()},
                 .name = "sum"});
  }
  // What comes next reads a map of this shape, however it was made.
  ChainBuilder& from(const graph::Shape& shape) {
    shape_ = shape;
    return *this;
  }

  int latest() const { return static_cast<int>(works_.size()) - 1; }
  const graph::Shape& shape() const { return shape_; }
  const std::vector<Work>& works() const { return works_; }

 private:
  ChainBuilder& convolution(WorkKind kind,
                            std::int64_t channels,
                            std::int64_t kernel,
                            std::int64_t stride,
                            std::int64_t dilation,
                            std::int64_t groups) {
    const auto strided = [&](std::int64_t side) { return (side + stride - 1) / stride; };
    return push({.kind = kind,
                 .in = shape_,
                 .out = {channels, strided(shape_.height), strided(shape_.width)},
                 .kernel = kernel,
                 .stride = stride,
                 .dilation = dilation,
                 .groups = groups,
                 .inputs = {latest()},
                 .name = "convolution"});
  }
  ChainBuilder& push(Work work) {
    shape_ = work.out;
    works_.push_back(std::move(work));
    return *this;
  }

  graph::Shape shape_;
  std::vector<Work> works_;
};

// Channel counts of MobileNet: multiples of 8, at least nine tenths of the wanted number.
inline std::int64_t rounded_to_8(double channels) {
  const auto rounded = std::max<std::int64_t>(8, static_cast<std::int64_t>((channels + 4) / 8) * 8);
  return static_cast<double>(rounded) < 0.9 * channels ? rounded + 8 : rounded;
}

inline std::vector<Work> mobilenet_v1(std::int64_t side,
                                      double width,
                                      std::int64_t classes = 1001) {
  const auto channels = [&](int wanted) {
    return std::max<std::int64_t>(8, static_cast<std::int64_t>(wanted * width));
  };
  ChainBuilder net(3, side, side);
  net.conv(channels(32), 3, 2);
  constexpr std::array<std::pair<int, int>, 13> kBlocks = {{{64, 1},
                                                            {128, 2},
                                                            {128, 1},
                                                            {256, 2},
                                                            {256, 1},
                                                            {512, 2},
                                                            {512, 1},
                                                            {512, 1},
                                                            {512, 1},
                                                            {512, 1},
                                                            {512, 1},
                                                            {1024, 2},
                                                            {1024, 1}}};
  for (const auto& [out, stride] : kBlocks) net.depthwise(3, stride).conv(channels(out), 1);
  return net.pool(1, 1).linear(classes).works();
}

struct InvertedResidual {
  int expansion, channels, repeats, stride;
};
inline constexpr std::array<InvertedResidual, 7> kMobileNetV2 = {{{1, 16, 1, 1},
                                                                  {6, 24, 2, 2},
                                                                  {6, 32, 3, 2},
                                                                  {6, 64, 4, 2},
                                                                  {6, 96, 3, 1},
                                                                  {6, 160, 3, 2},
                                                                  {6, 320, 1, 1}}};

// Blocks of MobileNet V2; where the output stride is reached, dilation takes the place of stride.
struct V2State {
  std::int64_t stride = 2, dilation = 1, output_stride = 32;
};
inline void add_v2_blocks(
    ChainBuilder& net, std::size_t first, std::size_t last, double width, V2State& state) {
  for (std::size_t b = first; b < last; ++b) {
    const InvertedResidual& block = kMobileNetV2[b];
    const std::int64_t out = rounded_to_8(block.channels * width);
    for (int i = 0; i < block.repeats; ++i) {
      const bool halves = i == 0 && block.stride == 2;
      const std::int64_t in = net.shape().channels;
      const std::int64_t dilation = state.dilation;
      std::int64_t stride = 1;
      if (halves && state.stride == state.output_stride) {
        state.dilation *= 2;
      } else if (halves) {
        stride = 2;
        state.stride *= 2;
      }
      const int before = net.latest();
      if (block.expansion != 1) net.conv(in * block.expansion, 1);
      net.depthwise(3, stride, dilation).conv(out, 1);
      if (!halves && in == out) net.add(before);
    }
  }
}

inline std::vector<Work> mobilenet_v2(std::int64_t side,
                                      double width,
                                      std::int64_t classes = 1001) {
  ChainBuilder net(3, side, side);
  net.conv(rounded_to_8(32 * width), 3, 2);
  V2State state;
  add_v2_blocks(net, 0, kMobileNetV2.size(), width, state);
  return net.conv(rounded_to_8(1280 * std::max(1.0, width)), 1).pool(1, 1).linear(classes).works();
}

inline std::vector<Work> mobilenet_v3_large_minimalistic() {
  struct Block {
    int expanded, channels, stride;
  };
  constexpr std::array<Block, 15> kBlocks = {{{16, 16, 1},
                                              {64, 24, 2},
                                              {72, 24, 1},
                                              {72, 40, 2},
                                              {120, 40, 1},
                                              {120, 40, 1},
                                              {240, 80, 2},
                                              {200, 80, 1},
                                              {184, 80, 1},
                                              {184, 80, 1},
                                              {480, 112, 1},
                                              {672, 112, 1},
                                              {672, 160, 2},
                                              {960, 160, 1},
                                              {960, 160, 1}}};
  ChainBuilder net(3, 224, 224);
  net.conv(16, 3, 2);
  for (const Block& block : kBlocks) {
    const std::int64_t in = net.shape().channels;
    const int before = net.latest();
    if (block.expanded != in) net.conv(block.expanded, 1);
    net.depthwise(3, block.stride).conv(block.channels, 1);
    if (block.stride == 1 && in == block.channels) net.add(before);
  }
  return net.conv(960, 1).pool(1, 1).linear(1280).linear(1001).works();
}

// The navigation networks of the PULP group: a strided stem and three blocks.
enum class DroneBlocks { kResidual, kPlain, kSeparable };
inline std::vector<Work> drone_network(std::int64_t width,
                                       std::int64_t height,
                                       std::int64_t channels,
                                       DroneBlocks blocks,
                                       std::int64_t outputs) {
  ChainBuilder net(1, height, width);
  net.conv(channels, 5, 2);
  net.pool(net.shape().height / 2, net.shape().width / 2);
  for (const int factor : {1, 2, 4}) {
    const std::int64_t out = factor * channels;
    if (blocks == DroneBlocks::kSeparable) {
      net.depthwise(3, 2).conv(out, 1).depthwise(3).conv(out, 1);
      continue;
    }
    const graph::Shape in = net.shape();
    net.conv(out, 3, 2).conv(out, 3);
    if (blocks != DroneBlocks::kResidual) continue;
    const int body = net.latest();
    net.from(in).conv(out, 1, 2).add(body);
  }
  return net.linear(outputs).works();
}

// DeepLabV3+ with MobileNet V2, 21 classes.
struct DeepLab {
  std::int64_t side = 224;
  double width = 1;
  bool separable = false;
  std::int64_t pyramid = 256, decoder = 256;
};
inline std::vector<Work> deeplab(const DeepLab& of) {
  constexpr std::int64_t kLowLevel = 48;
  ChainBuilder net(3, of.side, of.side);
  net.conv(rounded_to_8(32 * of.width), 3, 2);
  V2State state{.output_stride = 16};
  add_v2_blocks(net, 0, 2, of.width, state);
  const graph::Shape low = net.shape();
  add_v2_blocks(net, 2, kMobileNetV2.size(), of.width, state);
  const graph::Shape high = net.shape();
  const auto conv3 = [&](std::int64_t out, std::int64_t dilation) {
    if (of.separable) {
      net.depthwise(3, 1, dilation).conv(out, 1);
    } else {
      net.conv(out, 3, 1, dilation);
    }
  };
  net.conv(of.pyramid, 1);
  for (const std::int64_t rate : {6, 12, 18}) {
    net.from(high);
    conv3(of.pyramid, rate);
  }
  net.from(high).pool(1, 1).conv(of.pyramid, 1);
  net.from({5 * of.pyramid, high.height, high.width}).conv(of.pyramid, 1);
  const graph::Shape context = net.shape();
  net.from(low).conv(kLowLevel, 1);
  net.from(context).resize(low.height, low.width);
  net.from({of.pyramid + kLowLevel, low.height, low.width});
  conv3(of.decoder, 1);
  if (of.separable) conv3(of.decoder, 1);
  return net.conv(21, 1).works();
}

}  // namespace parsimony::latency
