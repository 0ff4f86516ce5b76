// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/encoder_ghostnet.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/cost.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/graph/template_decoder.h"

namespace parsimony::graph {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kNames[] = {"ghostnet", "ghostnet_a", "ghostnet_b", "ghostnet_c"};

EncoderOptions named(std::string_view name, EncoderTaps taps = EncoderTaps::kPublished) {
  return {.name = std::string(name), .taps = taps};
}

// The encoder with its taps as outputs.
LoweredNetwork encoder(const EncoderOptions& options, std::size_t taps = 4) {
  LoweredNetwork network = begin_network(options, taps);
  for (const Tap& tap : network.taps)
    network.graph.outputs.push_back({fmt::format("tap{}", tap.node), tap.node});
  verify(network.graph);
  return network;
}

template <typename L>
std::int64_t count(const Graph& graph) {
  return std::count_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    return std::holds_alternative<L>(node.layer);
  });
}

std::vector<std::int64_t> channels_of(const std::vector<Tap>& taps) {
  std::vector<std::int64_t> channels;
  for (const Tap& tap : taps) channels.push_back(tap.channels);
  return channels;
}

std::vector<std::int64_t> strides_of(const std::vector<Tap>& taps) {
  std::vector<std::int64_t> strides;
  for (const Tap& tap : taps) strides.push_back(tap.stride);
  return strides;
}

TEST(GhostNet, HasThePublishedParameterCounts) {
  const std::map<std::string, std::int64_t> published = {
      {"ghostnet_a", 261'344}, {"ghostnet_b", 127'107}, {"ghostnet_c", 27'296}};
  for (const auto& [name, parameters] : published)
    EXPECT_EQ(count_parameters(encoder(named(name)).graph).encoder, parameters) << name;
}

// Spec 8.1: 0.18 M, and with the adaptation to 48 channels 194.8 k +- 0.1 k.
TEST(GhostNet, OursFitsTheParameterCountsOfThePublishedLogs) {
  const LoweredNetwork network = lower(
      space::parse_cell_genotype("[[1],[[0,1],[2,3]]]"), named("ghostnet"), {.width = 48}, 19);
  EXPECT_EQ(count_parameters(network.graph).encoder, 176'507);
  Graph adaptation = network.graph;
  adaptation.nodes.erase(
      std::remove_if(adaptation.nodes.begin(),
                     adaptation.nodes.end(),
                     [](const Node& node) { return !node.name.starts_with("decoder.adapt"); }),
      adaptation.nodes.end());
  EXPECT_EQ(count_parameters(adaptation).decoder, 194'747 - 176'507);
}

TEST(GhostNet, TapsAreThePublishedOnesOrAPyramid) {
  const std::vector<Tap> published = encoder(named("ghostnet_c")).taps;
  EXPECT_THAT(channels_of(published), ElementsAre(12, 20, 32, 48));
  EXPECT_THAT(strides_of(published), ElementsAre(4, 16, 32, 32));
  const std::vector<Tap> pyramid = encoder(named("ghostnet_c", EncoderTaps::kPyramid)).taps;
  EXPECT_THAT(channels_of(pyramid), ElementsAre(12, 20, 24, 48));
  EXPECT_THAT(strides_of(pyramid), ElementsAre(4, 8, 16, 32));
}

TEST(GhostNet, TapsOfOddPicturesHaveTheSizesOfTheirStrides) {
  for (const std::string_view name : kNames) {
    for (const EncoderTaps taps : {EncoderTaps::kPublished, EncoderTaps::kPyramid}) {
      const LoweredNetwork network = encoder(named(name, taps));
      for (const Size picture : {Size{97, 131}, Size{64, 33}, Size{1, 2}}) {
        const std::vector<Shape> shapes = infer_shapes(network.graph, picture);
        for (const Tap& tap : network.taps) {
          EXPECT_EQ(shapes[static_cast<std::size_t>(tap.node)],
                    (Shape{tap.channels,
                           strided(picture.height, tap.stride),
                           strided(picture.width, tap.stride)}))
              << name << " at stride " << tap.stride;
        }
      }
    }
  }
}

TEST(Encoders, HaveNoLayerThatTheirTapsDoNotNeed) {
  for (const EncoderFamily& family : encoder_families()) {
    for (const EncoderTaps choice : {EncoderTaps::kPublished, EncoderTaps::kPyramid}) {
      for (std::size_t taps = 1; taps <= 4; ++taps) {
        const Graph graph = encoder(named(family.name, choice), taps).graph;
        EXPECT_EQ(subgraph(graph, {}, graph.outputs).nodes.size(), graph.nodes.size())
            << family.name << ", " << taps << " taps";
      }
    }
  }
}

TEST(Encoders, CanHaveAnyWidth) {
  for (const EncoderFamily& family : encoder_families()) {
    std::int64_t before = 0;
    for (const double width : {0.1, 0.25, 0.5, 1.5, 4.0}) {
      EncoderOptions options = named(family.name);
      options.width = width;
      const std::int64_t parameters = count_parameters(encoder(options).graph).encoder;
      EXPECT_GE(parameters, before) << family.name << " x " << width;
      before = parameters;
    }
  }
}

// Both halves of a ghost module, clamps and products stay as they are.
TEST(GhostNet, IsNotChangedBySimplification) {
  const Graph graph = encoder(named("ghostnet")).graph;
  const Graph simple = simplify(graph);
  EXPECT_EQ(simple.nodes.size(), graph.nodes.size());
  EXPECT_EQ(count<Multiply>(simple), 4);
  EXPECT_EQ(count<Concat>(simple), 16);
  EXPECT_EQ(count<Relu>(simple), 1 + 16 + 2 * 4);
}

TEST(GhostNet, MacsIncludeTheFullyConnectedLayers) {
  // Of a picture of one pixel every map is one pixel too, and every weight is used once.
  const Graph graph = encoder(named("ghostnet_c")).graph;
  std::int64_t weights = 0;
  for (const Node& node : graph.nodes) {
    if (const Conv* conv = std::get_if<Conv>(&node.layer))
      weights +=
          conv->out_channels * conv->in_channels / conv->groups * conv->kernel * conv->kernel;
  }
  EXPECT_EQ(count_macs(graph, {1, 1}).encoder, weights);
  EXPECT_EQ(weights, 25'038);
}

TEST(TwoTapsOfOneStride, AreJoinedWithoutResizing) {
  const Graph joined =
      lower(space::parse_cell_genotype("[[1],[[2,3]]]"), named("ghostnet_c"), {.width = 8}, 3)
          .graph;
  EXPECT_EQ(count<Resize>(joined), 0);
  EXPECT_EQ(infer_shapes(joined, {97, 131})[static_cast<std::size_t>(joined.output("logits"))],
            (Shape{3, 4, 5}));
}

TEST(TwoTapsOfOneStride, SuitDecodersOfAllKinds) {
  const Graph cells = lower(space::parse_cell_genotype(
                                "[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[2,0],[4,1]]]"),
                            named("ghostnet"),
                            {},
                            11)
                          .graph;
  const Graph templates =
      lower(
          space::parse_template_genotype(
              "[[[3,0,1],[4,1,1],[3,1,1]],"
              "[[0,1,0,0,1],[2,1,2,1,0],[3,1,1,1,0],[1,1,2,0,0],[3,0,2,0,0],[5,3,2,1,0],[0,5,0,1,0]]]"),
          named("ghostnet"),
          {},
          11)
          .graph;
  for (const Graph* graph : {&cells, &templates}) {
    const Size picture{97, 131};
    const auto logits = [&](const Graph& of) {
      return infer_shapes(of, picture)[static_cast<std::size_t>(of.output("logits"))];
    };
    EXPECT_EQ(logits(*graph), (Shape{11, 25, 33}));
    EXPECT_EQ(logits(simplify(*graph)), logits(*graph));
    EXPECT_GT(peak_activation_bytes(*graph, picture), 4 * 16 * 49 * 66);
  }
}

}  // namespace
}  // namespace parsimony::graph
