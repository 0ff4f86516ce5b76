// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parsimony/graph/encoder.h"
#include "parsimony/graph/graph.h"

namespace parsimony::graph {

// A feature map of a decoder. Maps of one network have equal sizes when they have equal numbers of
// halvings, and the one with more halvings is never the larger one, whatever the picture's size.
struct Feature {
  NodeId node = 0;
  std::int64_t channels = 0;
  int halvings = 0;  // of the picture, each rounding up
};
Feature feature_of(const Tap& tap);

// A separable convolution: `repeats` times depthwise and pointwise convolution with nothing between
// them, batch norm and ReLU. Every depthwise convolution has the stride.
struct Separable {
  std::int64_t kernel = 3, dilation = 1, stride = 1;
  int repeats = 1;
};

// The layers that decoders of all spaces are built from, appended to one section of a graph.
class DecoderLayers {
 public:
  explicit DecoderLayers(Graph& graph) : graph_(graph) {}

  // What is appended from now on belongs to `section`; the decoder at first.
  void set_section(Section section) { section_ = section; }

  NodeId add(const Layer& layer, std::vector<NodeId> inputs, const std::string& name);
  NodeId conv_bn(NodeId x, const Conv& conv, const std::string& name);
  NodeId conv_bn_relu(NodeId x, const Conv& conv, const std::string& name);
  Feature separable(const Feature& x,
                    std::int64_t out_channels,
                    const Separable& separable,
                    const std::string& name);
  // Spatial mean, 1x1 conv-BN-ReLU, spread to the size of x again.
  Feature global_pool(const Feature& x, std::int64_t out_channels, const std::string& name);
  // x at the size of `reference`; x itself when it has that size.
  Feature resized(const Feature& x, const Feature& reference, const std::string& name);
  // 3x3 convolution with bias.
  NodeId classifier(NodeId x, std::int64_t channels, int classes, const std::string& name);
  // Maps joined one after the other, each time at the larger of two sizes, then ReLU, 1x1
  // conv-BN-ReLU to `width` channels and the classifier, whose result it returns.
  NodeId head(const std::vector<Feature>& collected, std::int64_t width, int classes);

 private:
  Graph& graph_;
  Section section_ = Section::kDecoder;
};

}  // namespace parsimony::graph
