// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/grid_supernet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/graph/cost.h"
#include "parsimony/graph/grid_network.h"

namespace parsimony::graph {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

std::vector<space::GridLayer> paths_of(int layers) {
  std::vector<space::GridLayer> paths;
  for (int layer = 1; layer <= layers; ++layer) paths.push_back(space::possible_edges({}, layer));
  return paths;
}

template <typename L>
std::int64_t count(const Graph& graph) {
  return std::ranges::count_if(
      graph.nodes, [](const Node& node) { return std::holds_alternative<L>(node.layer); });
}

GridOptions narrow() {
  GridOptions options;
  options.filters = 8;
  options.cells = 1;
  options.gate.kind = PathGate::kConditionalSigmoid;
  return options;
}

TEST(CellSupernet, MixesSevenOperationsOnEveryEdge) {
  const Graph graph = cell_supernet(paths_of(2), {.candidates = {.nodes = 2}}, narrow(), 5);
  EXPECT_THAT(coefficient_names(graph),
              ElementsAre("mixture.node1.from0", "mixture.node2.from0", "mixture.node2.from1"));
  // Five nodes of the grid, one cell each: 2 in layer 1, 3 in layer 2.
  EXPECT_EQ(count<WeightedSum>(graph), 5 * 3);
  for (const Node& node : graph.nodes) {
    if (std::holds_alternative<WeightedSum>(node.layer)) {
      EXPECT_EQ(node.inputs.size(), 8U);
    }
    if (const auto* norm = std::get_if<BatchNorm>(&node.layer)) {
      EXPECT_FALSE(norm->affine);
    }
    if (const auto* gate = std::get_if<PathAttention>(&node.layer)) {
      EXPECT_EQ(gate->gate, PathGate::kUniform);
      EXPECT_FALSE(gate->given_gamma);
    }
  }
  EXPECT_EQ(count<MaxPool>(graph), 5 * 3);
  // Behind each pool is a batch norm.
  for (const Node& node : graph.nodes) {
    if (!std::holds_alternative<BatchNorm>(node.layer)) continue;
    const Layer& before = graph[node.inputs[0]].layer;
    EXPECT_TRUE(std::holds_alternative<Conv>(before) || std::holds_alternative<MaxPool>(before) ||
                std::holds_alternative<AvgPool>(before));
  }
  const std::vector<Shape> shapes = infer_shapes(graph, {64, 96});
  EXPECT_EQ(shapes[static_cast<std::size_t>(graph.output("logits"))], (Shape{5, 16, 24}));
}

TEST(CellSupernet, ChoosesFromItsCandidatesOnly) {
  MixedCells cells{.candidates = {.nodes = 2}};
  cells.candidates.ops = {std::nullopt, space::GridOp::kSkip, space::GridOp::kDilConv3x3};
  const Graph graph = cell_supernet(paths_of(2), cells, narrow(), 5);
  for (const Node& node : graph.nodes) {
    if (const auto* given = std::get_if<Coefficients>(&node.layer)) {
      EXPECT_EQ(given->count, 2);
    }
  }
  EXPECT_EQ(count<MaxPool>(graph), 0);
}

// A quarter of the channels is mixed; the rest is dealt out among it.
TEST(CellSupernet, MixesSomeOfTheChannels) {
  const Graph graph =
      cell_supernet(paths_of(1), {.candidates = {.nodes = 2}, .partial_channels = 4}, narrow(), 5);
  EXPECT_THAT(coefficient_names(graph), Contains("mixture.node2.edges"));
  const std::vector<std::int64_t> channels = infer_channels(graph);
  for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
    if (graph.nodes[id].name != "layer1.scale0.cell0.node2.from0") continue;
    EXPECT_EQ(channels[id], 1);  // filters 8, half of them, a quarter of that
  }
  EXPECT_THROW(
      cell_supernet(paths_of(1), {.candidates = {.nodes = 2}, .partial_channels = 3}, narrow(), 5),
      core::Error);
}

TEST(CellSupernet, DropsSkipConnectionsWhereItIsAsked) {
  const auto dropouts = [](double rate) {
    GridOptions options = narrow();
    options.head.dropout = 0;
    return count<Dropout>(
        cell_supernet(paths_of(1), {.candidates = {.nodes = 2}, .skip_dropout = rate}, options, 5));
  };
  EXPECT_EQ(dropouts(0), 0);
  EXPECT_EQ(dropouts(0.3), 2 * 3);
}

TEST(PathSupernet, IsGivenItsGammas) {
  const space::GridCell cell =
      space::parse_grid_genotype("{cell:[[1,0,sep3],[2,0,skip],[2,1,dil5]],paths:[[0-0]]}").cell;
  const Graph graph = path_supernet(paths_of(3), cell, narrow(), 5);
  EXPECT_THAT(coefficient_names(graph),
              ElementsAre("layer2.scale0.attention.gamma",
                          "layer2.scale1.attention.gamma",
                          "layer3.scale0.attention.gamma",
                          "layer3.scale1.attention.gamma",
                          "layer3.scale2.attention.gamma"));
  for (const Node& node : graph.nodes) {
    if (const auto* gate = std::get_if<PathAttention>(&node.layer)) {
      EXPECT_TRUE(gate->given_gamma);
      EXPECT_EQ(node.inputs.size(), static_cast<std::size_t>(gate->inputs) + 1);
    }
  }
  // Beside affine parts and gammas it has the parameters of the network of all these paths.
  std::int64_t channels = 0, gammas = 0;
  const Graph network = grid_network({cell, paths_of(3)}, narrow(), 5);
  for (const Node& node : network.nodes) {
    if (const auto* norm = std::get_if<BatchNorm>(&node.layer)) channels += norm->channels;
    if (const auto* gate = std::get_if<PathAttention>(&node.layer)) gammas += gate->inputs;
  }
  EXPECT_EQ(count_parameters(graph).total() + 2 * channels + gammas,
            count_parameters(network).total());
}

// Nodes of layer 1 are read by layer 2, those of layer 2 by the head; the stem is always there.
TEST(PathSupernet, IsGivenHowFarItsNodesArePresent) {
  const space::GridCell cell = space::parse_grid_genotype("{cell:[[1,0,sep3]],paths:[[0-0]]}").cell;
  const Graph graph = path_supernet(paths_of(2), cell, narrow(), 5, NodePresence::kGiven);
  EXPECT_THAT(coefficient_names(graph),
              ElementsAre("layer1.scale0.presence",
                          "layer1.scale1.presence",
                          "layer2.scale0.attention.gamma",
                          "layer2.scale0.presence",
                          "layer2.scale1.attention.gamma",
                          "layer2.scale1.presence",
                          "layer2.scale2.presence"));
  std::vector<std::string> weighed;
  for (const Node& node : graph.nodes) {
    if (!std::holds_alternative<WeightedSum>(node.layer)) continue;
    weighed.push_back(node.name + " by " + graph[node.inputs[1]].name);
  }
  EXPECT_THAT(weighed,
              ElementsAre("layer2.path0-0.present by layer1.scale0.presence",
                          "layer2.path0-1.present by layer1.scale0.presence",
                          "layer2.path1-0.present by layer1.scale1.presence",
                          "layer2.path1-1.present by layer1.scale1.presence",
                          "layer2.path1-2.present by layer1.scale1.presence",
                          "head.scale0.present by layer2.scale0.presence",
                          "head.scale1.present by layer2.scale1.presence",
                          "head.scale2.present by layer2.scale2.presence"));
}

TEST(Graph, CoefficientsMustFitWhatTheyWeigh) {
  Graph graph;
  const NodeId x = graph.add(Input{4, 1}, {}, Section::kDecoder, "x");
  const NodeId weights = graph.add(Coefficients{3}, {}, Section::kDecoder, "weights");
  const NodeId sum = graph.add(WeightedSum{}, {x, x, weights}, Section::kDecoder, "sum");
  graph.outputs.push_back({"logits", sum});
  EXPECT_THROW(verify(graph), core::Error);
  graph.nodes[1].layer = Coefficients{2};
  EXPECT_NO_THROW(verify(graph));
  graph.nodes[2].inputs = {weights, x};
  EXPECT_THROW(verify(graph), core::Error) << "the last input has to be the coefficients";
}

}  // namespace
}  // namespace parsimony::graph
