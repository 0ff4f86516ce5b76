// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "parsimony/graph/graph.h"
#include "parsimony/graph/stride_walk.h"

namespace parsimony::graph {

// A run of inverted residuals.
struct InvertedResidualGroup {
  std::int64_t expansion = 1, channels = 0, repeats = 1;
  std::int64_t stride = 1;  // of the first
};

// MobileNet-v2 behind its stem (Sandler et al., CVPR 2018, table 2) and without the last 1x1
// convolution.
inline constexpr std::int64_t kMobilenetV2Stem = 32;
inline constexpr std::array<InvertedResidualGroup, 7> kMobilenetV2Groups = {{
    {1, 16, 1, 1},
    {6, 24, 2, 2},
    {6, 32, 3, 2},
    {6, 64, 4, 2},
    {6, 96, 3, 1},
    {6, 160, 3, 2},
    {6, 320, 1, 1},
}};

// Where a block stands in the graph.
struct InvertedResidual {
  std::string name;  // "encoder.features.3"
  NodeId input = 0, output = 0;
  NodeId first = 0;  // its first convolution: the 1x1 expansion where it has one
  std::int64_t expansion = 1;
  bool shortcut = false;  // the input is added to the result
};

// Builds MobileNet-v2-like encoders. Names follow torchvision's ("features.3.conv.1.0"), so that
// its weights load without a table.
class InvertedResiduals {
 public:
  struct Options {
    // Whether a block with expansion 1 still has a 1x1 convolution in front.
    bool first_expansion = false;
    std::int64_t output_stride = std::numeric_limits<std::int64_t>::max();  // see StrideWalk
  };
  InvertedResiduals(Graph& graph, const Options& options)
      : graph_(graph), options_(options), walk_(2, options.output_stride) {}

  NodeId stem(NodeId picture, std::int64_t channels);
  NodeId group(NodeId x, const InvertedResidualGroup& group);

  std::int64_t channels() const { return channels_; }  // of the latest map
  std::int64_t stride() const { return walk_.stride(); }
  const std::vector<InvertedResidual>& blocks() const { return blocks_; }

 private:
  NodeId block(NodeId x, std::int64_t expansion, std::int64_t out, const StrideWalk::Step& step);
  NodeId conv_bn_relu(NodeId x,
                      const Conv& conv,
                      const std::string& conv_name,
                      const std::string& norm_name);

  Graph& graph_;
  Options options_;
  StrideWalk walk_;
  std::int64_t channels_ = 0;
  std::vector<InvertedResidual> blocks_;
};

}  // namespace parsimony::graph
