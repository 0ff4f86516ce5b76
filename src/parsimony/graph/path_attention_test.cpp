// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/path_attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "parsimony/core/error.h"
#include "parsimony/graph/cost.h"
#include "parsimony/graph/simplify.h"

namespace parsimony::graph {
namespace {

using ::testing::DoubleNear;
using ::testing::Pointwise;

std::vector<double> weights_of(PathGate gate,
                               const std::vector<double>& scores,
                               double temperature = 1,
                               std::int64_t kept = 1) {
  return fusion_weights({.channels = 1,
                         .inputs = static_cast<std::int64_t>(scores.size()),
                         .gate = gate,
                         .kept = kept,
                         .temperature = temperature},
                        scores);
}

// Spec rspnet 4.5.
TEST(FusionWeights, OfTheConditionalSigmoidAreTheSpecs) {
  const double third = .571429;
  EXPECT_THAT(weights_of(PathGate::kConditionalSigmoid, {0, 0, 0}),
              Pointwise(DoubleNear(1e-6), {third, third, third}));
  EXPECT_THAT(weights_of(PathGate::kConditionalSigmoid, {2, -2}),
              Pointwise(DoubleNear(1e-6), {.984124, .133187}));
  EXPECT_THAT(weights_of(PathGate::kConditionalSigmoid, {1, -1}, 0.5),
              Pointwise(DoubleNear(1e-6), {.984124, .133187}));
}

TEST(FusionWeights, OfASingleMapAreOne) {
  for (const double score : {1.5, 0.0, -40.0, 40.0}) {
    for (const PathGate gate : {PathGate::kConditionalSigmoid,
                                PathGate::kSoftmax,
                                PathGate::kHardTopK,
                                PathGate::kUniform})
      EXPECT_THAT(weights_of(gate, {score}), Pointwise(DoubleNear(1e-12), {1.0})) << score;
  }
}

TEST(FusionWeights, OfClosedGatesKeepTheirProportions) {
  // p is e^score: 1 - product of (1 - p) is their sum, far below what 1 - p can hold.
  EXPECT_THAT(weights_of(PathGate::kConditionalSigmoid, {-50, -50}),
              Pointwise(DoubleNear(1e-12), {0.5, 0.5}));
}

TEST(FusionWeights, OfTheOtherGates) {
  EXPECT_THAT(weights_of(PathGate::kSoftmax, {std::log(1.0), std::log(3.0)}),
              Pointwise(DoubleNear(1e-12), {0.25, 0.75}));
  EXPECT_THAT(weights_of(PathGate::kSoftmax, {std::log(1.0), std::log(3.0)}, 0.5),
              Pointwise(DoubleNear(1e-12), {0.1, 0.9}));
  EXPECT_THAT(weights_of(PathGate::kReluTanh, {-1, 0, 1.5}),
              Pointwise(DoubleNear(1e-12), {0.0, 0.0, std::tanh(1.5)}));
  EXPECT_THAT(weights_of(PathGate::kUniform, {3, 1, 4, 1}),
              Pointwise(DoubleNear(1e-12), {.25, .25, .25, .25}));
  EXPECT_THAT(weights_of(PathGate::kHardTopK, {1, 3, 3}), ::testing::ElementsAre(0, 1, 0));
  EXPECT_THAT(weights_of(PathGate::kHardTopK, {1, 3, 3}, 1, 2),
              ::testing::ElementsAre(0, 0.5, 0.5));
  EXPECT_THAT(weights_of(PathGate::kHardTopK, {1, 3}, 1, 4), ::testing::ElementsAre(0.5, 0.5));
}

// Two maps of a picture, fused.
Graph fused(const PathAttention& gate) {
  Graph g;
  const NodeId x = g.add(Input{3, 1}, {}, Section::kDecoder, "picture");
  std::vector<NodeId> maps;
  for (std::int64_t k = 0; k < gate.inputs; ++k) {
    const Conv conv{.in_channels = 3, .out_channels = gate.channels};
    maps.push_back(g.add(conv, {x}, Section::kDecoder, "map" + std::to_string(k)));
  }
  g.outputs = {{"logits", g.add(gate, maps, Section::kDecoder, "gate")}};
  return g;
}

// rC + 2r + 1 + K with r = max(8, C / 16), spec rspnet 4.10.
TEST(PathAttention, CountsItsParameters) {
  const auto parameters = [](const PathAttention& gate) {
    return count_parameters(fused(gate)).total() - 3 * gate.channels * gate.inputs;
  };
  EXPECT_EQ(parameters({.channels = 64, .inputs = 3}), 8 * 64 + 2 * 8 + 1 + 3);
  EXPECT_EQ(parameters({.channels = 512, .inputs = 2}), 32 * 512 + 2 * 32 + 1 + 2);
  EXPECT_EQ(parameters({.channels = 64, .inputs = 3, .dynamic = false}), 3);
  EXPECT_EQ(parameters({.channels = 64, .inputs = 3, .gate = PathGate::kUniform}), 0);
  EXPECT_FALSE(has_weights(PathAttention{.channels = 64, .inputs = 3, .gate = PathGate::kUniform}));
  EXPECT_EQ(count_macs(fused({.channels = 4, .inputs = 2}), {5, 5}).total(), 2 * 12 * 25);
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const core::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(PathAttention, NeedsMapsOfOneShape) {
  const Graph good = fused({.channels = 4, .inputs = 2});
  EXPECT_EQ(infer_shapes(good, {7, 9}).back(), (Shape{4, 7, 9}));
  Graph few = good;
  few.nodes.back().inputs.pop_back();
  EXPECT_EQ(error_of([&] { verify(few); }), "node 3 'gate' has 1 inputs, expected 2");
  Graph wide = good;
  std::get<PathAttention>(wide.nodes.back().layer).channels = 5;
  EXPECT_EQ(error_of([&] { verify(wide); }), "node 3 'gate' expects 5 channels, gets 4");
  Graph small = good;
  std::get<Conv>(small.nodes[2].layer).stride = 2;
  EXPECT_EQ(error_of([&] {
              infer_shapes(small, {7, 9});
            }),
            "node 3 'gate' joins maps of 7x9 and 4x5");
}

TEST(Layers, PickAndDealOutChannels) {
  Graph g;
  const NodeId x = g.add(Input{8, 1}, {}, Section::kDecoder, "x");
  const NodeId part = g.add(Slice{2, 4}, {x}, Section::kDecoder, "part");
  const NodeId dealt = g.add(Shuffle{2}, {part}, Section::kDecoder, "dealt");
  const NodeId mean = g.add(AvgPool{.stride = 2}, {dealt}, Section::kDecoder, "mean");
  g.outputs = {{"logits", g.add(Dropout{0.1}, {mean}, Section::kDecoder, "dropout")}};
  EXPECT_EQ(infer_shapes(g, {7, 9}).back(), (Shape{4, 4, 5}));
  EXPECT_EQ(count_parameters(g).total(), 0);
  // The picture, its part, the dealt part; then the mean in place of nothing, dropout in place.
  EXPECT_EQ(peak_activation_bytes(g, {8, 8}), 4 * (8 + 4) * 64);
  Graph beyond = g;
  std::get<Slice>(beyond.nodes[1].layer).first = 5;
  EXPECT_EQ(error_of([&] { verify(beyond); }), "node 1 'part' takes 4 channels from 5 on, of 8");
  Graph odd = g;
  std::get<Shuffle>(odd.nodes[2].layer).groups = 3;
  EXPECT_EQ(error_of([&] { verify(odd); }), "node 2 'dealt' shuffles 4 channels in 3 groups");
}

// A concatenation of two maps in either order, and what `append` makes of it.
std::string text_of(bool swapped, const std::function<NodeId(Graph&, NodeId)>& append) {
  Graph g;
  const NodeId x = g.add(Input{4, 1}, {}, Section::kDecoder, "x");
  const NodeId a = g.add(Conv{4, 4, 1}, {x}, Section::kDecoder, "a");
  const NodeId b = g.add(Conv{4, 4, 3, 1, 1}, {x}, Section::kDecoder, "b");
  const NodeId joint =
      g.add(Concat{}, swapped ? std::vector{b, a} : std::vector{a, b}, Section::kDecoder, "joint");
  const NodeId relu = g.add(Relu{}, {joint}, Section::kDecoder, "relu");
  g.outputs = {{"logits", append(g, relu)}};
  verify(g);
  return canonical_text(g);
}

TEST(CanonicalId, TheOrderOfAConcatenationMattersWhereChannelsArePicked) {
  const auto dense = [](Graph& g, NodeId x) {
    return g.add(Conv{8, 3, 1}, {x}, Section::kDecoder, "dense");
  };
  const auto slice = [](Graph& g, NodeId x) {
    return g.add(Slice{0, 4}, {x}, Section::kDecoder, "slice");
  };
  const auto gate = [](Graph& g, NodeId x) {
    const NodeId other = g.add(Conv{8, 8, 1}, {x}, Section::kDecoder, "other");
    return g.add(PathAttention{.channels = 8, .inputs = 2}, {x, other}, Section::kDecoder, "gate");
  };
  EXPECT_EQ(text_of(false, dense), text_of(true, dense));
  EXPECT_NE(text_of(false, slice), text_of(true, slice));
  EXPECT_NE(text_of(false, gate), text_of(true, gate));
}

TEST(Simplify, AGateOfZerosIsZero) {
  Graph g = fused({.channels = 4, .inputs = 2});
  for (const NodeId map : {1, 2}) g.nodes[static_cast<std::size_t>(map)].layer = Zero{};
  g.nodes[0].layer = Input{4, 1};
  EXPECT_TRUE(is_constant(simplify(g)));
}

}  // namespace
}  // namespace parsimony::graph
