// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/inverted_residuals.h"

#include <fmt/format.h>

namespace parsimony::graph {

NodeId InvertedResiduals::stem(NodeId picture, std::int64_t channels) {
  channels_ = channels;
  return conv_bn_relu(
      picture,
      Conv{.in_channels = 3, .out_channels = channels_, .kernel = 3, .stride = 2, .padding = 1},
      "encoder.features.0.0",
      "encoder.features.0.1");
}

NodeId InvertedResiduals::group(NodeId x, const InvertedResidualGroup& group) {
  for (std::int64_t i = 0; i < group.repeats; ++i)
    x = block(x, group.expansion, group.channels, walk_.next(i == 0 ? group.stride : 1));
  return x;
}

// 1x1 expand - depthwise 3x3 - 1x1 project, ReLU6 after the first two, shortcut where shapes allow.
NodeId InvertedResiduals::block(NodeId x,
                                std::int64_t expansion,
                                std::int64_t out,
                                const StrideWalk::Step& step) {
  const std::string name = fmt::format("encoder.features.{}", blocks_.size() + 1);
  const std::string prefix = name + ".conv.";
  const std::int64_t in = channels_;
  const std::int64_t hidden = in * expansion;
  const auto first = static_cast<NodeId>(graph_.nodes.size());
  int part = 0;
  NodeId y = x;
  if (expansion != 1 || options_.first_expansion) {
    y = conv_bn_relu(y,
                     Conv{.in_channels = in, .out_channels = hidden},
                     fmt::format("{}{}.0", prefix, part),
                     fmt::format("{}{}.1", prefix, part));
    ++part;
  }
  y = conv_bn_relu(y,
                   Conv{.in_channels = hidden,
                        .out_channels = hidden,
                        .kernel = 3,
                        .stride = step.stride,
                        .padding = step.dilation,
                        .dilation = step.dilation,
                        .groups = hidden},
                   fmt::format("{}{}.0", prefix, part),
                   fmt::format("{}{}.1", prefix, part));
  ++part;
  y = graph_.add(Conv{.in_channels = hidden, .out_channels = out},
                 {y},
                 Section::kEncoder,
                 fmt::format("{}{}", prefix, part));
  y = graph_.add(BatchNorm{out}, {y}, Section::kEncoder, fmt::format("{}{}", prefix, part + 1));
  const bool shortcut = step.stride == 1 && in == out;
  if (shortcut) y = graph_.add(Add{}, {x, y}, Section::kEncoder, prefix + "add");
  channels_ = out;
  blocks_.push_back({name, x, y, first, expansion, shortcut});
  return y;
}

NodeId InvertedResiduals::conv_bn_relu(NodeId x,
                                       const Conv& conv,
                                       const std::string& conv_name,
                                       const std::string& norm_name) {
  NodeId y = graph_.add(conv, {x}, Section::kEncoder, conv_name);
  y = graph_.add(BatchNorm{conv.out_channels}, {y}, Section::kEncoder, norm_name);
  return graph_.add(Relu{.ceiling = 6}, {y}, Section::kEncoder, norm_name + ".relu6");
}

}  // namespace parsimony::graph
