// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/grid_costs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/bilevel/search.h"
#include "parsimony/core/error.h"
#include "parsimony/graph/cost.h"
#include "parsimony/graph/grid_network.h"

namespace parsimony::run {
namespace {

const space::GridCell& cell() {
  static const space::GridCell one =
      space::parse_grid_genotype("{cell:[[1,0,sep3],[2,0,skip],[2,1,dil5]],paths:[[0-0]]}").cell;
  return one;
}

constexpr graph::Size kPicture{64, 96};
const space::GridSpaceOptions kSpace{.nodes = 2, .inputs = 1, .layers = 3};

double sum_of(const differentiable::GridCosts& costs) {
  double sum = 0;
  for (const auto& layer : costs.edges)
    for (const double cost : layer) sum += cost;
  for (const auto& layer : costs.nodes)
    for (const double cost : layer) sum += cost;
  return sum;
}

differentiable::GridCosts costs_in(const std::string& cost,
                                   const std::vector<std::string>& devices = {}) {
  return grid_costs(cell(), kSpace, {.filters = 4, .cells = 2}, 5, kPicture, cost, devices);
}

// What is decided about, and stem and head, are the network.
TEST(GridCosts, AddUpToTheNetworkWithoutStemAndHead) {
  const graph::Graph network =
      graph::grid_network({cell(), bilevel::all_paths(kSpace)}, {.filters = 4, .cells = 2}, 5);
  const std::vector<graph::Shape> shapes = graph::infer_shapes(network, kPicture);
  double rest = 0;
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const graph::Node& node = network.nodes[i];
    const auto* conv = std::get_if<graph::Conv>(&node.layer);
    if (conv == nullptr || node.name.starts_with("layer")) continue;
    rest += static_cast<double>(shapes[i].elements() * conv->in_channels / conv->groups *
                                conv->kernel * conv->kernel);
  }
  // Path attention has works of its own, the products of what is pooled, which are no MACs of
  // convolutions: a few hundred.
  const auto macs = static_cast<double>(graph::count_macs(network, kPicture).total());
  EXPECT_NEAR(sum_of(costs_in("macs")) + rest, macs, 0.002 * macs);
}

TEST(GridCosts, OfEdgesAreThoseOfTheirTransitions) {
  const differentiable::GridCosts costs = costs_in("macs");
  ASSERT_EQ(costs.edges.size(), 3U);
  EXPECT_EQ(costs.edges[0][0], 0) << "keeping a map costs nothing";
  // 0-1: a depthwise 3x3 and a 1x1 convolution from 8 to 16 channels on 8 x 12 pixels.
  EXPECT_EQ(costs.edges[0][1], 8 * 12 * (9 * 8 + 8 * 16));
  EXPECT_GT(costs.nodes[1][2], 0);
  EXPECT_EQ(costs.nodes[0][3], 0) << "there is no such node";
}

TEST(GridCosts, MayBeADevicesTime) {
  const differentiable::GridCosts costs = costs_in("latency_ms.gap8", {"gap8"});
  EXPECT_GT(costs.nodes[0][0], costs.nodes[0][1] * 0.5);
  EXPECT_GT(sum_of(costs), 0.01);
  for (const auto& [cost, devices] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"latency_ms.gap8", {}}, {"flops", {"gap8"}}}) {
    try {
      costs_in(cost, devices);
      FAIL();
    } catch (const core::Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("differentiable.cost is " + cost));
    }
  }
}

}  // namespace
}  // namespace parsimony::run
