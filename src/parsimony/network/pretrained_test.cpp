// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/pretrained.h"

#include <gtest/gtest.h>

#include "parsimony/graph/encoder.h"

namespace parsimony::network {
namespace {

graph::Graph encoder_graph(const graph::EncoderOptions& options) {
  graph::LoweredNetwork network = graph::begin_network(options, 4);
  network.graph.outputs.push_back({"tap3", network.taps[3].node});
  return network.graph;
}

// The released code names its layers as we do and has matrices where we have 1x1 convolutions.
TEST(EncoderWeights, OfAGhostNetMayHaveFullyConnectedLayers) {
  const graph::EncoderOptions options{.name = "ghostnet_c"};
  Network trained(encoder_graph(options), core::Rng(1), {});
  weights::ArrayMap file;
  int matrices = 0;
  for (auto& [name, array] : trained.save().arrays) {
    const bool matrix = name.find(".fc.") != std::string::npos && name.ends_with(".weight");
    if (matrix) array.shape.resize(2);
    matrices += matrix ? 1 : 0;
    file.arrays["module." + name.substr(std::string("encoder.").size())] = array;
  }
  EXPECT_EQ(matrices, 8);
  Network loaded(encoder_graph(options), core::Rng(2), {});
  loaded.load(encoder_weights(file, options, "ghostnet.pth").arrays, "ghostnet.pth");
  EXPECT_TRUE(at::equal(loaded.encoder().values, trained.encoder().values));
}

}  // namespace
}  // namespace parsimony::network
