// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "parsimony/core/error.h"
#include "parsimony/space/grid_space.h"

namespace parsimony::space {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// REF and D1 of spec rspnet 4.10.
constexpr const char* kD1 =
    "{cell:[[1,0,sep3],[2,0,sep5],[2,1,dil3],[3,0,skip],[3,2,sep3],[4,1,dil5],[4,3,sep3]],"
    "paths:[[0-0,0-1],[0-0,0-1,1-1,1-2],[0-0,0-1,1-1,1-2,2-2,2-3],[0-0,1-0,1-1,2-1,2-2,3-2]]}";

std::string error_of(std::string_view text) {
  try {
    parse_grid_genotype(text);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    return error.what();
  }
  return "no error";
}

std::string with_cell(std::string_view cell) {
  return error_of(fmt::format("{{cell:{},paths:[[0-0]]}}", cell));
}

std::string with_paths(std::string_view paths) {
  return error_of(fmt::format("{{cell:[[1,0,skip]],paths:{}}}", paths));
}

TEST(GridGenotype, ReadsCellAndPaths) {
  const GridGenotype d1 = parse_grid_genotype(kD1);
  EXPECT_EQ(d1.cell.inputs, 1);
  EXPECT_EQ(d1.cell.nodes(), 4);
  EXPECT_EQ(d1.cell.edges[2], (GridCellEdge{2, 1, GridOp::kDilConv3x3}));
  ASSERT_EQ(d1.layers.size(), 4u);
  EXPECT_EQ(d1.layers[3][1], (GridEdge{1, 0}));
  EXPECT_EQ(sink_set(d1.layers[3]), 0b0111u);
  EXPECT_EQ(source_set(d1.layers[3]), 0b1111u);
}

TEST(GridGenotype, TextRoundTripIgnoresBlanksAndTheOrderOfSets) {
  EXPECT_EQ(to_text(parse_grid_genotype(kD1)), kD1);
  EXPECT_EQ(to_text(parse_grid_genotype(" { cell : [ [1,0,skip], [2, 1,max3],[2,0,avg3]], "
                                        "paths: [[0-1, 0 - 0], [1-0,0-0]] } ")),
            "{cell:[[1,0,skip],[2,0,avg3],[2,1,max3]],paths:[[0-0,0-1],[0-0,1-0]]}");
}

TEST(GridGenotype, ACellWithTwoInputsBeginsWithNodeTwo) {
  const GridCell cell =
      parse_grid_genotype("{cell:[[2,0,sep3],[2,1,skip],[3,2,sep5]],paths:[[0-0]]}").cell;
  EXPECT_EQ(cell.inputs, 2);
  EXPECT_EQ(cell.nodes(), 2);
}

TEST(GridGenotype, ErrorsSayWhatIsWrongWithTheCell) {
  EXPECT_THAT(with_cell("[[1,0,spe3]]"),
              HasSubstr("column 13: unknown operation 'spe3' (did you mean 'sep3'?). Known: max3"));
  EXPECT_THAT(with_cell("[[1,0,]]"), HasSubstr("expected the name of an operation, found ']'"));
  EXPECT_THAT(with_cell("[[1,1,skip]]"), HasSubstr("index 1 points past the 1 inputs and nodes"));
  EXPECT_THAT(with_cell("[[0,0,skip]]"), HasSubstr("the cell's first node is 0, expected 1"));
  EXPECT_THAT(with_cell("[[3,0,skip]]"), HasSubstr("the cell's first node is 3, expected 1"));
  EXPECT_THAT(with_cell("[[1,0,skip],[3,0,skip]]"), HasSubstr("node 3 follows node 1"));
  EXPECT_THAT(with_cell("[[1,0,skip],[2,1,skip],[1,0,skip]]"), HasSubstr("node 1 follows node 2"));
  EXPECT_THAT(with_cell("[[1,0,skip],[1,0,sep3]]"), HasSubstr("the cell's node 1 reads 0 twice"));
  EXPECT_THAT(with_cell("[]"), HasSubstr("expected '[', found ']'"));
  EXPECT_THAT(error_of("{cells:[[1,0,skip]]"),
              HasSubstr("column 2: expected 'cell', found 'c'. The form is {cell:"));
}

TEST(GridGenotype, ErrorsSayWhatIsWrongWithThePaths) {
  EXPECT_THAT(with_paths("[[0-4]]"), HasSubstr("index 4 points past the 4 scales"));
  EXPECT_THAT(with_paths("[[0-0,0-0]]"), HasSubstr("layer 1 has the path 0-0 twice"));
  EXPECT_THAT(with_paths("[[0-0],[1-1]]"),
              HasSubstr("layer 2 reads the scales {1}, but layer 1 makes {0}"));
  EXPECT_THAT(with_paths("[[0-0,0-1],[0-0]]"),
              HasSubstr("layer 2 reads the scales {0}, but layer 1 makes {0,1}"));
  EXPECT_THAT(with_paths("[[0-0,]]"), HasSubstr("expected a number, found ']'"));
  EXPECT_THAT(error_of(std::string(kD1) + "x"), HasSubstr("expected the end of the text"));
}

// Spec rspnet 4.3: 2, 5, 8, 10, 10 edges.
TEST(GridRules, SayHowManyEdgesALayerMayHave) {
  const auto counts_of = [](const GridRules& rules, int layers) {
    std::vector<std::size_t> counts;
    for (int layer = 1; layer <= layers; ++layer)
      counts.push_back(possible_edges(rules, layer).size());
    return counts;
  };
  EXPECT_THAT(counts_of({}, 5), ElementsAre(2, 5, 8, 10, 10));
  EXPECT_THAT(counts_of({.connectivity = GridConnectivity::kFull}, 5),
              ElementsAre(2, 6, 12, 16, 16));
  EXPECT_THAT(counts_of({.start = GridStart::kMultires}, 2), ElementsAre(10, 10));
  EXPECT_THAT(counts_of({GridConnectivity::kFull, GridStart::kMultires}, 1), ElementsAre(16));
}

TEST(GridRules, NameThePathThatIsNotAllowed) {
  const auto message = [](std::string_view paths, const GridRules& rules) -> std::string {
    try {
      check_paths(parse_grid_genotype(fmt::format("{{cell:[[1,0,skip]],paths:{}}}", paths)), rules);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
      return error.what();
    }
    return "allowed";
  };
  const GridRules full{GridConnectivity::kFull, GridStart::kTriangular};
  EXPECT_EQ(message("[[0-0,0-1],[0-0,1-2]]", {}), "allowed");
  EXPECT_THAT(
      message("[[0-0,0-1],[0-2,1-1]]", {}),
      HasSubstr("layer 2 has the path 0-2, which a neighbour grid with a triangular start"));
  EXPECT_EQ(message("[[0-0,0-1],[0-2,1-1]]", full), "allowed");
  EXPECT_THAT(message("[[0-2]]", full), HasSubstr("layer 1 has the path 0-2"));
  EXPECT_THAT(message("[[2-2]]", {}), HasSubstr("layer 1 has the path 2-2"));
  EXPECT_EQ(message("[[2-2]]", {.start = GridStart::kMultires}), "allowed");
}

// Spec rspnet 4.10.
TEST(GridSpace, CountsCells) {
  EXPECT_EQ(count_cells(3, 1), 50'421);
  EXPECT_EQ(count_cells(4, 1), 14'823'774);
  EXPECT_EQ(count_cells(5, 1), 7'263'649'260);
}

double brute_force_patterns(int layers, const GridRules& rules) {
  std::map<unsigned, double> count;  // by the scales that are made so far
  for (int layer = 1; layer <= layers; ++layer) {
    const GridLayer possible = possible_edges(rules, layer);
    std::map<unsigned, double> next;
    for (unsigned mask = 1; mask < 1U << possible.size(); ++mask) {
      GridLayer edges;
      for (std::size_t e = 0; e < possible.size(); ++e)
        if ((mask >> e & 1U) != 0) edges.push_back(possible[e]);
      if (layer == 1) {
        next[sink_set(edges)] += 1;
      } else if (const auto found = count.find(source_set(edges)); found != count.end()) {
        next[sink_set(edges)] += found->second;
      }
    }
    count = next;
  }
  double all = 0;
  for (const auto& [set, patterns] : count) all += patterns;
  return all;
}

TEST(GridSpace, CountsPatternsOfPaths) {
  EXPECT_EQ(count_path_patterns(1, {}), 3);
  EXPECT_EQ(count_path_patterns(3, {}), 1'759);
  for (int layers = 1; layers <= 4; ++layers)
    EXPECT_EQ(count_path_patterns(layers, {}), brute_force_patterns(layers, {}));
  EXPECT_EQ(count_path_patterns(4, {}), 333'663);
  EXPECT_NEAR(count_path_patterns(6, {}), 2.8e10, 0.05e10);
  EXPECT_NEAR(count_path_patterns(8, {}), 2.6e15, 0.05e15);
  EXPECT_NEAR(count_path_patterns(12, {}), 2.2e25, 0.05e25);
  for (const auto connectivity : {GridConnectivity::kNeighbour, GridConnectivity::kFull}) {
    const GridRules multires{connectivity, GridStart::kMultires};
    EXPECT_EQ(count_path_patterns(2, multires), brute_force_patterns(2, multires));
  }
  const GridRules full{.connectivity = GridConnectivity::kFull};
  EXPECT_EQ(count_path_patterns(3, full), brute_force_patterns(3, full));
}

TEST(GridSpace, SingleWalksAreFibonacciNumbers) {
  EXPECT_EQ(count_walks(4, {}), 34);
  EXPECT_EQ(count_walks(11, {}), 28'657);
  EXPECT_EQ(count_walks(12, {}), 75'025);
  double before = 1, number = 1;  // F(2 L - 1) and F(2 L)
  for (int layers = 1; layers <= 20; ++layers) {
    before += number;
    number += before;
    EXPECT_EQ(count_walks(layers, {}), before) << layers << " layers";
  }
}

TEST(GridSpace, RandomCellsAreUniform) {
  // Three nodes of which the last one chooses 2 of 3 sources.
  core::Rng rng(1);
  std::map<std::pair<int, int>, int> sources;
  std::map<GridOp, int> ops;
  constexpr int kDraws = 6000;
  for (int i = 0; i < kDraws; ++i) {
    const GridCell cell = random_cell(3, 1, rng);
    ASSERT_EQ(cell.edges.size(), 1 + 2 + 2u);
    ++sources[{cell.edges[3].source, cell.edges[4].source}];
    ++ops[cell.edges[0].op];
  }
  EXPECT_EQ(sources.size(), 3u);
  for (const auto& [pair, count] : sources) EXPECT_NEAR(count, kDraws / 3, 150);
  EXPECT_EQ(ops.size(), 7u);
  for (const auto& [op, count] : ops) EXPECT_NEAR(count, kDraws / 7, 120);
}

TEST(GridSpace, RandomPathsAreUniformOverPatterns) {
  core::Rng rng(2);
  std::map<std::string, int> seen;
  const double patterns = count_path_patterns(2, {});
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    const GridGenotype genotype{parse_grid_genotype(kD1).cell, random_paths(2, {}, rng)};
    EXPECT_NO_THROW(check_paths(parse_grid_genotype(to_text(genotype)), {}));
    ++seen[to_text(genotype)];
  }
  EXPECT_EQ(static_cast<double>(seen.size()), patterns);
  const double expected = kDraws / patterns;
  double chi_square = 0;
  for (const auto& [text, count] : seen)
    chi_square += (count - expected) * (count - expected) / expected;
  // Mean and variance of the statistic are those of its degrees of freedom.
  const double freedom = patterns - 1;
  EXPECT_NEAR(chi_square, freedom, 5 * std::sqrt(2 * freedom));
}

TEST(GridSpace, AnyRulesGivePathsThatObeyThem) {
  core::Rng rng(3);
  for (const auto connectivity : {GridConnectivity::kNeighbour, GridConnectivity::kFull}) {
    for (const auto start : {GridStart::kTriangular, GridStart::kMultires}) {
      const GridRules rules{connectivity, start};
      for (int i = 0; i < 10; ++i) {
        core::Rng same = rng;
        const GridGenotype genotype{random_cell(4, 2, rng), random_paths(5, rules, rng)};
        EXPECT_EQ(random_cell(4, 2, same), genotype.cell);
        EXPECT_EQ(random_paths(5, rules, same), genotype.layers);
        EXPECT_EQ(parse_grid_genotype(to_text(genotype)), genotype);
        EXPECT_NO_THROW(check_paths(genotype, rules));
      }
    }
  }
}

TEST(GridSpace, TokensWithTheSameMeaningAreOneGenotype) {
  const GridSpace space;
  core::Rng rng(4);
  for (int i = 0; i < 300; ++i) {
    const std::string text = space.text(sample(space, rng));
    EXPECT_EQ(space.text(space.parse(text)), text);
    const Tokens founder = space.founder(rng);
    EXPECT_EQ(space.parse(space.text(founder)), founder);
  }
}

TEST(GridSpace, DeadEndsDropOut) {
  const GridSpace space({.nodes = 1, .layers = 2});
  // Decisions: source and operation of the only node, paths 0-0, 0-1; 0-0, 0-1, 1-0, 1-1, 1-2.
  ASSERT_EQ(space.decisions().size(), 2 + 2 + 5u);
  EXPECT_EQ(space.text({0, 2, 1, 1, 1, 0, 0, 0, 0}), "{cell:[[1,0,skip]],paths:[[0-0],[0-0]]}");
  EXPECT_EQ(space.text({0, 2, 0, 1, 1, 1, 0, 0, 1}), "{cell:[[1,0,skip]],paths:[[0-1],[1-2]]}");
  EXPECT_EQ(space.text({0, 2, 0, 0, 1, 1, 1, 1, 1}), "{cell:[[1,0,skip]],paths:[[0-0],[0-0]]}");
}

TEST(GridSpace, BeginsWithTheFullGridAndTheFinestWay) {
  const GridSpace space({.nodes = 2, .layers = 2});
  const std::vector<Tokens> landmarks = space.landmarks();
  ASSERT_EQ(landmarks.size(), 2u);
  EXPECT_EQ(space.text(landmarks[0]),
            "{cell:[[1,0,sep3],[2,0,sep3],[2,1,sep3]],paths:[[0-0,0-1],[0-0,0-1,1-0,1-1,1-2]]}");
  EXPECT_EQ(space.text(landmarks[1]),
            "{cell:[[1,0,sep3],[2,0,sep3],[2,1,sep3]],paths:[[0-0],[0-0]]}");
}

TEST(GridSpace, RefusesGenotypesOfAnotherShape) {
  const GridSpace space;
  const auto message = [&](std::string_view text) -> std::string {
    try {
      space.parse(text);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message(kD1), "no error");
  EXPECT_THAT(message("{cell:[[1,0,skip]],paths:[[0-0]]}"),
              HasSubstr("has 1 cell inputs, 1 nodes and 1 layers; the space has 1, 4 and 4"));
  EXPECT_THAT(message("{cell:[[1,0,skip],[2,0,skip],[3,0,skip],[3,1,skip],[4,0,skip],[4,1,skip]],"
                      "paths:[[0-0],[0-0],[0-0],[0-0]]}"),
              HasSubstr("the cell's node 2 has 1 incoming edges; in this space it has 2"));
}

}  // namespace
}  // namespace parsimony::space
