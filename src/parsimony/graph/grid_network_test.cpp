// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/grid_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <set>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/graph/cost.h"
#include "parsimony/graph/lower.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/space/grid_space.h"

namespace parsimony::graph {
namespace {

using space::GridGenotype;
using ::testing::HasSubstr;
using ::testing::Not;

// REF and D1 of spec rspnet 4.10.
constexpr const char* kRef =
    "[[1,0,sep3],[2,0,sep5],[2,1,dil3],[3,0,skip],[3,2,sep3],[4,1,dil5],[4,3,sep3]]";
constexpr const char* kD1 =
    "[[0-0,0-1],[0-0,0-1,1-1,1-2],[0-0,0-1,1-1,1-2,2-2,2-3],[0-0,1-0,1-1,2-1,2-2,3-2]]";
constexpr int kCityscapes = 19;

GridGenotype genotype_of(std::string_view cell, std::string_view paths) {
  return space::parse_grid_genotype(fmt::format("{{cell:{},paths:{}}}", cell, paths));
}

GridGenotype full_grid(int layers = 4) {
  GridGenotype genotype = genotype_of(kRef, "[[0-0]]");
  genotype.layers.clear();
  for (int layer = 1; layer <= layers; ++layer)
    genotype.layers.push_back(space::possible_edges({}, layer));
  return genotype;
}

GridOptions with_filters(int filters, RspMode rsp = RspMode::kIterative) {
  GridOptions options;
  options.filters = filters;
  options.rsp = rsp;
  return options;
}

struct SizeCase {
  const char* name;
  bool full;  // or D1
  int filters;
  RspMode rsp;
  std::int64_t parameters;
  double gmac;  // at 1024x2048, rounded as stated
};
void PrintTo(const SizeCase& known, std::ostream* out) {
  *out << known.name;
}

class Sizes : public ::testing::TestWithParam<SizeCase> {};

TEST_P(Sizes, AreThoseOfTheSpec) {
  const SizeCase& known = GetParam();
  const GridGenotype genotype = known.full ? full_grid() : genotype_of(kRef, kD1);
  const Graph graph = grid_network(genotype, with_filters(known.filters, known.rsp), kCityscapes);
  EXPECT_EQ(count_parameters(graph).total(), known.parameters);
  EXPECT_NEAR(
      static_cast<double>(count_macs(graph, {1024, 2048}).total()) / 1e9, known.gmac, 0.0501);
  EXPECT_EQ(infer_shapes(graph, {1024, 2048}).back(), (Shape{kCityscapes, 256, 512}));
  // Nothing of it can be left out.
  const Graph simple = simplify(graph);
  EXPECT_EQ(count_parameters(simple).total(), known.parameters);
  EXPECT_EQ(count_macs(simple, {256, 512}), count_macs(graph, {256, 512}));
}

// Spec rspnet 4.10.
INSTANTIATE_TEST_SUITE_P(
    Spec,
    Sizes,
    ::testing::Values(SizeCase{"Full8", true, 8, RspMode::kIterative, 722'097, 12.8},
                      SizeCase{"Full16", true, 16, RspMode::kIterative, 2'477'617, 28.3},
                      SizeCase{"Full20", true, 20, RspMode::kIterative, 3'758'397, 39.3},
                      SizeCase{"Full24", true, 24, RspMode::kIterative, 5'307'593, 52.5},
                      SizeCase{"FullNone16", true, 16, RspMode::kNone, 3'981'873, 43.7},
                      SizeCase{"FullNested16", true, 16, RspMode::kNested, 2'161'169, 23.9},
                      SizeCase{"D1of16", false, 16, RspMode::kIterative, 1'657'989, 24.5},
                      SizeCase{"D1of20", false, 20, RspMode::kIterative, 2'508'113, 34.0}),
    [](const auto& known) { return std::string(known.param.name); });

// Of one node's module: its cells and what closes them.
std::int64_t module_parameters(int filters, bool close, RspMode rsp) {
  GridOptions options = with_filters(filters, rsp);
  options.close = close;
  const Graph graph = grid_network(genotype_of(kRef, "[[0-0]]"), options, kCityscapes);
  std::int64_t count = 0;
  for (const Node& node : graph.nodes) {
    if (!node.name.starts_with("layer1.scale0.")) continue;
    Graph alone;
    alone.nodes.push_back(node);
    count += count_parameters(alone).total();
  }
  return count;
}

// Spec rspnet 4.6, of 64, 128, 256 and 512 channels.
TEST(Modules, HaveTheirShareOfAFullWidthNodesParameters) {
  const std::vector<std::pair<int, double>> open = {{16, .35}, {32, .32}, {64, .29}, {128, .27}};
  for (const auto& [filters, share] : open) {
    const auto whole = static_cast<double>(module_parameters(filters, true, RspMode::kNone));
    const auto part = [&](bool close) {
      return static_cast<double>(module_parameters(filters, close, RspMode::kIterative)) / whole;
    };
    EXPECT_NEAR(part(true), .53, .0051) << filters;
    EXPECT_NEAR(part(false), share, .0051) << filters;
  }
}

TEST(Modules, NestedOnesEndWhereNodesWouldBeTooNarrow) {
  const auto cells = [](int filters, int most) {
    GridOptions options = with_filters(filters, RspMode::kNested);
    options.cells = most;
    const Graph graph = grid_network(genotype_of(kRef, "[[0-0]]"), options, kCityscapes);
    std::set<std::string> names;
    for (const Node& node : graph.nodes) {
      if (node.name.ends_with(".input0.conv")) names.insert(node.name);
    }
    return names.size();
  };
  EXPECT_EQ(cells(64, 8), 4u);  // nodes of 32, 16, 8 and 4 channels
  EXPECT_EQ(cells(64, 2), 2u);
  EXPECT_EQ(cells(20, 8), 2u);  // 10 and 5
  EXPECT_EQ(cells(36, 8), 2u);  // 18 and 9, which cannot be halved
  EXPECT_EQ(cells(2, 8), 1u);   // one in any case
}

TEST(GridNetwork, PicturesOfAnySizeFit) {
  core::Rng rng(1);
  for (int i = 0; i < 12; ++i) {
    const bool full = rng.chance(0.5), multires = rng.chance(0.5);
    GridOptions options = with_filters(2, static_cast<RspMode>(i % 3));
    options.cells = 2;
    options.rules = {full ? space::GridConnectivity::kFull : space::GridConnectivity::kNeighbour,
                     multires ? space::GridStart::kMultires : space::GridStart::kTriangular};
    const GridGenotype genotype{space::random_cell(3, 1 + i % 2, rng),
                                space::random_paths(3, options.rules, rng)};
    const Graph graph = grid_network(genotype, options, 5);
    EXPECT_EQ(infer_shapes(graph, {65, 99}).back(), (Shape{5, 17, 25})) << to_text(genotype);
    const Graph simple = simplify(graph);
    EXPECT_EQ(infer_shapes(simple, {65, 99}).back(), (Shape{5, 17, 25}));
    EXPECT_EQ(canonical_text(simplify(simple)), canonical_text(simple));
    EXPECT_FALSE(is_constant(simple));
  }
}

TEST(GridNetwork, NodesWithSeveralEdgesHaveAGateOfTheOptions) {
  GridOptions options = with_filters(2);
  options.gate = {.kind = PathGate::kHardTopK, .dynamic = false, .kept = 2, .temperature = 0.5};
  const Graph graph = grid_network(genotype_of(kRef, kD1), options, kCityscapes);
  std::vector<std::string> gates;
  for (const Node& node : graph.nodes) {
    const auto* gate = std::get_if<PathAttention>(&node.layer);
    if (gate == nullptr) continue;
    gates.push_back(node.name);
    EXPECT_EQ(gate->gate, PathGate::kHardTopK);
    EXPECT_EQ(gate->kept, 2);
    EXPECT_EQ(gate->temperature, 0.5);
    EXPECT_FALSE(gate->reads_content());
  }
  EXPECT_THAT(gates,
              ::testing::ElementsAre("layer2.scale1.attention",
                                     "layer3.scale1.attention",
                                     "layer3.scale2.attention",
                                     "layer4.scale0.attention",
                                     "layer4.scale1.attention",
                                     "layer4.scale2.attention"));
}

TEST(GridNetwork, TheSecondInputComesFromTwoLayersBefore) {
  const Graph graph =
      grid_network(genotype_of("[[2,0,skip],[2,1,skip]]", "[[0-0,0-1],[0-0,1-1],[0-0,1-1]]"),
                   with_filters(2, RspMode::kNone),
                   kCityscapes);
  const auto source_of = [&](std::string_view name) -> std::string {
    for (const Node& node : graph.nodes) {
      if (node.name == name) return graph[node.inputs[0]].name;
    }
    return "no such node";
  };
  EXPECT_EQ(source_of("layer1.scale0.cell0.input1.relu"), "stem.conv2.bn");
  EXPECT_EQ(source_of("layer2.scale0.cell0.input1.relu"), "stem.conv2.bn");
  EXPECT_EQ(source_of("layer2.scale1.cell0.input1.relu"), "layer1.scale1.cell3.node2");
  EXPECT_EQ(source_of("layer3.scale1.cell0.input1.relu"), "layer1.scale1.cell3.node2");
  EXPECT_EQ(source_of("layer3.scale1.cell1.input1.relu"), "layer2.scale1.cell3.node2");
  EXPECT_EQ(source_of("layer3.scale1.cell2.input1.relu"), "layer3.scale1.cell0.node2");
}

// Golden values of spec rspnet 8: four layers of four cells, of which the last keeps 0.8 of its
// paths when the training ends; a network drops a picture with its layer's rate times the progress.
TEST(GridNetwork, DropPathGrowsFromCellToCell) {
  for (const RspMode rsp : {RspMode::kNone, RspMode::kIterative}) {
    GridOptions options = with_filters(2, rsp);
    options.drop_path = 0.2;
    const Graph graph = simplify(grid_network(full_grid(), options, kCityscapes));
    std::map<int, double> rates;  // by cell, counted through all layers
    int drops = 0, modules = 0;
    for (const Node& node : graph.nodes) {
      if (node.name.ends_with(".cell0.input0.conv")) ++modules;
      const auto* drop = std::get_if<DropPath>(&node.layer);
      if (drop == nullptr) continue;
      ++drops;
      int layer = 0, scale = 0, cell = 0;
      ASSERT_EQ(std::sscanf(node.name.c_str(), "layer%d.scale%d.cell%d.", &layer, &scale, &cell),
                3);
      const int index = 4 * (layer - 1) + cell;
      const auto [known, is_new] = rates.emplace(index, drop->rate);
      EXPECT_EQ(known->second, drop->rate) << node.name;
      EXPECT_THAT(node.name, Not(HasSubstr("node3.from0"))) << "a skip is dropped";
    }
    EXPECT_EQ(drops, modules * 4 * 6);  // seven edges, of which one is a skip
    ASSERT_EQ(rates.size(), 16u);
    EXPECT_NEAR(1 - rates[0], 0.9875, 1e-12);
    EXPECT_NEAR(1 - rates[7], 0.9, 1e-12);
    EXPECT_NEAR(1 - rates[15], 0.8, 1e-12);
    EXPECT_NEAR(1 - 0.5 * rates[15], 0.9, 1e-12);  // half-way
  }
}

TEST(GridNetwork, NothingIsDroppedUnlessAsked) {
  for (const Node& node : grid_network(full_grid(), with_filters(2), kCityscapes).nodes)
    EXPECT_FALSE(std::holds_alternative<DropPath>(node.layer)) << node.name;
}

TEST(GridNetwork, WholeNetworksAreTheDecodersSection) {
  const SectionCounts counts =
      count_parameters(grid_network(genotype_of(kRef, kD1), with_filters(2), kCityscapes));
  EXPECT_EQ(counts.encoder, 0);
  EXPECT_GT(counts.decoder, 0);
}

TEST(GridNetwork, DifferentCellsAndPathsAreDifferentNetworks) {
  const auto id = [](std::string_view cell, std::string_view paths, const GridOptions& options) {
    return canonical_id(simplify(grid_network(genotype_of(cell, paths), options, kCityscapes)));
  };
  const GridOptions options = with_filters(2);
  GridOptions other_gate = options;
  other_gate.gate.kind = PathGate::kReluTanh;
  const std::set<std::string> ids = {
      id(kRef, kD1, options),
      id("[[1,0,sep3]]", kD1, options),
      id("[[1,0,sep5]]", kD1, options),
      id("[[1,0,avg3]]", kD1, options),
      id("[[1,0,max3]]", kD1, options),
      id(kRef, "[[0-0]]", options),
      id(kRef, "[[0-0,0-1],[0-0,1-0]]", options),
      id(kRef, "[[0-0,0-1],[0-0,1-0]]", other_gate),
      id(kRef, "[[0-0,0-1],[0-0,1-0,1-1]]", options),
  };
  EXPECT_EQ(ids.size(), 9u);
}

TEST(GridNetwork, UserErrorsNameWhatDoesNotFit) {
  const auto message = [](std::string_view paths, const GridOptions& options) -> std::string {
    try {
      grid_network(genotype_of(kRef, paths), options, kCityscapes);
      return "no error";
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
      return error.what();
    }
  };
  EXPECT_THAT(message("[[0-0,0-1],[0-2,1-1]]", {}), HasSubstr("layer 2 has the path 0-2"));
  EXPECT_THAT(message("[[0-0]]", with_filters(5)),
              HasSubstr("grid.filters is 5: with grid.rsp = iterative half of"));
  EXPECT_EQ(message("[[0-0]]", with_filters(5, RspMode::kNone)), "no error");
}

TEST(GridNetwork, LowersFromADescription) {
  NetworkDescription description{.classes = kCityscapes};
  core::Config config = core::Config::from_text("{}", "--set");
  for (const char* setting : {"grid.filters=16", "grid.rsp=nested", "grid.gate.kind=sigmoid_cond"})
    config.set(setting);
  config.read_into(description);
  const space::Genotype genotype = full_grid();
  EXPECT_EQ(count_parameters(lower(genotype, description).graph).total(), 2'161'169);
  EXPECT_TRUE(lower(genotype, description).taps.empty());
  EXPECT_EQ(count_parameters(simplified_network(genotype, description)).total(), 2'161'169);
}

}  // namespace
}  // namespace parsimony::graph
