// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "parsimony/core/error.h"
#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/cost.h"

namespace parsimony::graph {
namespace {

constexpr const char* kArch0 = "[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]";
constexpr const char* kArch1 = "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]";
constexpr const char* kArch2 = "[[5,[0,0,4,1],[3,2,0,1],[5,6,5,0]],[[1,3],[4,3],[2,2]]]";
constexpr const char* kCelebA = "[[3,[1,1,5,0],[0,4,1,9],[4,3,2,0]],[[3,3],[2,1],[2,0],[1,4]]]";
constexpr const char* kHelen =
    "[[5,[1,0,3,5],[1,0,10,10],[6,6,0,10]],[[1,0],[4,2],[3,2],[0,2],[1,4]]]";
constexpr const char* kEg1800L = "[[1,[0,0,10,9],[0,1,2,7],[2,0,0,9]],[[2,0],[3,2],[2,4]]]";
constexpr const char* kEg1800M = "[[1,[1,0,3,9],[2,3,4,9],[2,1,1,1]],[[1,3],[2,0],[0,3]]]";

std::string genotype_name(const char* genotype) {
  for (const auto& [text, name] : {std::pair(kArch0, "Arch0"),
                                   std::pair(kArch1, "Arch1"),
                                   std::pair(kArch2, "Arch2"),
                                   std::pair(kCelebA, "CelebA"),
                                   std::pair(kHelen, "Helen"),
                                   std::pair(kEg1800L, "Eg1800L"),
                                   std::pair(kEg1800M, "Eg1800M")}) {
    if (std::string_view(text) == genotype) return name;
  }
  return "Logged";
}

Graph build(const char* genotype, int width, int repeats, int classes, bool auxiliary_cells) {
  DecoderOptions decoder{.width = width, .repeats = repeats, .auxiliary_cells = auxiliary_cells};
  return lower(space::parse_cell_genotype(genotype), EncoderOptions{}, decoder, classes).graph;
}

// Spec rl-cell-search 11.1.
struct ParameterCase {
  const char* genotype;
  int width, repeats, classes;
  std::int64_t decoder;
  std::int64_t auxiliary_classifiers;  // -1: not published
  std::int64_t auxiliary_with_cells;
};

class PublishedParameters : public ::testing::TestWithParam<ParameterCase> {};

TEST_P(PublishedParameters, AreReproducedExactly) {
  const ParameterCase& known = GetParam();
  const SectionCounts plain =
      count_parameters(build(known.genotype, known.width, known.repeats, known.classes, false));
  const SectionCounts cells =
      count_parameters(build(known.genotype, known.width, known.repeats, known.classes, true));
  EXPECT_EQ(plain.encoder, 1'812'800);
  EXPECT_EQ(plain.decoder, known.decoder);
  EXPECT_EQ(plain.total(), 1'812'800 + known.decoder);
  if (known.auxiliary_classifiers >= 0) {
    EXPECT_EQ(plain.auxiliary, known.auxiliary_classifiers);
  }
  if (known.auxiliary_with_cells >= 0) {
    EXPECT_EQ(cells.auxiliary, known.auxiliary_with_cells);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Spec11,
    PublishedParameters,
    ::testing::Values(ParameterCase{kArch0, 64, 2, 21, 817'109, 36'351, 404'607},
                      ParameterCase{kArch0, 64, 2, 1, 805'569, 1'731, -1},
                      ParameterCase{kArch0, 64, 2, 16, 814'224, 27'696, -1},
                      ParameterCase{kArch0, 64, 2, 17, 814'801, 29'427, -1},
                      ParameterCase{kArch0, 48, 1, 21, 399'717, -1, 200'367},
                      ParameterCase{kArch1, 64, 2, 21, 997'333, 36'351, 496'767},
                      ParameterCase{kArch1, 64, 2, 1, 985'793, -1, -1},
                      ParameterCase{kArch1, 64, 2, 16, 994'448, -1, -1},
                      ParameterCase{kArch1, 48, 1, 21, 503'397, -1, 253'359},
                      ParameterCase{kCelebA, 48, 1, 19, 480'643, -1, -1},
                      ParameterCase{kHelen, 48, 1, 11, 537'755, -1, -1},
                      ParameterCase{kEg1800L, 48, 1, 2, 216'386, -1, -1},
                      ParameterCase{kEg1800M, 48, 1, 2, 456'290, -1, -1},
                      // Logged by System B's own search.
                      ParameterCase{"[[2,[1,0,10,8],[2,3,1,8],[2,1,2,2]],[[3,1],[2,4],[5,5]]]",
                                    48,
                                    1,
                                    11,
                                    2'076'571 - 1'812'800,
                                    -1,
                                    -1},
                      ParameterCase{"[[1,[0,0,5,1],[3,2,1,10],[3,5,10,9]],[[2,3],[1,2],[2,2]]]",
                                    48,
                                    1,
                                    17,
                                    2'364'577 - 1'812'800,
                                    -1,
                                    -1},
                      ParameterCase{"[[5,[1,0,3,5],[1,0,10,10],[6,6,0,10]],[[1,0],[4,2],[3,2]]]",
                                    48,
                                    1,
                                    17,
                                    2'148'289 - 1'812'800,
                                    -1,
                                    -1},
                      ParameterCase{"[[9,[1,0,4,3],[0,1,5,5],[3,7,3,9]],[[2,0],[4,2],[4,0]]]",
                                    48,
                                    1,
                                    17,
                                    2'169'889 - 1'812'800,
                                    -1,
                                    2'345'764 - 2'169'889},
                      ParameterCase{"[[0,[1,0,7,7],[4,2,0,2],[1,4,7,9]],[[1,0],[0,2],[4,1]]]",
                                    48,
                                    1,
                                    17,
                                    1'959'073 - 1'812'800,
                                    -1,
                                    -1},
                      ParameterCase{"[[10,[1,0,0,0],[0,0,9,9],[4,1,9,9]],[[2,1],[3,4],[5,2]]]",
                                    48,
                                    1,
                                    17,
                                    1'888'801 - 1'812'800,
                                    -1,
                                    -1}),
    [](const auto& test) {
      return fmt::format("{}_{}_Width{}_Classes{}",
                         test.index,
                         genotype_name(test.param.genotype),
                         test.param.width,
                         test.param.classes);
    });

// Spec 11.2.
struct MacCase {
  const char* genotype;
  int width, repeats, classes, input;
  std::int64_t encoder, decoder;
  std::int64_t auxiliary_classifiers, auxiliary_with_cells;
  std::int64_t output;
};

class PublishedMacs : public ::testing::TestWithParam<MacCase> {};

TEST_P(PublishedMacs, AreReproducedExactly) {
  const MacCase& known = GetParam();
  const Size picture{known.input, known.input};
  const Graph plain = build(known.genotype, known.width, known.repeats, known.classes, false);
  const Graph cells = build(known.genotype, known.width, known.repeats, known.classes, true);
  const SectionCounts macs = count_macs(plain, picture);
  EXPECT_EQ(macs.encoder, known.encoder);
  EXPECT_EQ(macs.decoder, known.decoder);
  if (known.auxiliary_classifiers >= 0) {
    EXPECT_EQ(macs.auxiliary, known.auxiliary_classifiers);
  }
  if (known.auxiliary_with_cells >= 0) {
    EXPECT_EQ(count_macs(cells, picture).auxiliary, known.auxiliary_with_cells);
  }
  const Shape logits =
      infer_shapes(plain, picture)[static_cast<std::size_t>(plain.output("logits"))];
  EXPECT_EQ(logits, (Shape{known.classes, known.output, known.output}));
}

INSTANTIATE_TEST_SUITE_P(
    Spec11,
    PublishedMacs,
    ::testing::Values(
        MacCase{
            kArch0, 64, 2, 21, 512, 1'526'956'032, 2'681'233'408, 213'663'744, 2'284'744'704, 128},
        MacCase{
            kArch1, 64, 2, 21, 512, 1'526'956'032, 1'327'497'216, 74'317'824, 1'008'599'040, 64},
        MacCase{kArch0, 48, 1, 21, 256, 381'739'008, 336'705'024, -1, 281'712'384, 64},
        MacCase{kArch1, 48, 1, 21, 256, 381'739'008, 170'287'104, -1, 128'655'360, 32},
        MacCase{kArch2, 48, 1, 21, 256, 381'739'008, 264'009'216, -1, 222'628'608, 32},
        MacCase{kArch0, 48, 1, 21, 350, 720'242'688, 636'570'624, -1, 532'606'320, 88},
        MacCase{kArch1, 48, 1, 21, 350, 720'242'688, 321'949'056, -1, 243'239'040, 44},
        MacCase{kArch2, 48, 1, 21, 350, 720'242'688, 499'130'112, -1, 420'901'056, 44},
        MacCase{kArch0, 48, 1, 21, 400, 947'260'416, 825'117'888, -1, 688'577'760, 100},
        MacCase{kArch1, 48, 1, 21, 400, 947'260'416, 417'899'136, -1, 314'100'000, 50},
        MacCase{kArch2, 48, 1, 21, 400, 947'260'416, 647'020'992, -1, 543'516'912, 50},
        MacCase{kEg1800L, 48, 1, 2, 224, 292'268'928, 236'540'640, -1, -1, 56},
        MacCase{kHelen, 48, 1, 11, 512, 1'526'956'032, 4'083'412'992, -1, -1, 128},
        MacCase{kCelebA, 48, 1, 19, 512, 1'526'956'032, 1'777'803'264, -1, -1, 128}),
    [](const auto& test) {
      return fmt::format("{}_{}_Width{}_Input{}",
                         test.index,
                         genotype_name(test.param.genotype),
                         test.param.width,
                         test.param.input);
    });

// Spec 11.3: the counting rule behind System B's published FLOPs.
TEST(ThopFlops, MatchTheReleasedNumbers) {
  EXPECT_EQ(count_thop_flops(build(kEg1800L, 48, 1, 2, false), {224, 224}).total(), 546'866'656);
  EXPECT_EQ(count_thop_flops(build(kHelen, 48, 1, 11, false), {512, 512}).total(), 5'724'516'352);
  EXPECT_EQ(count_thop_flops(build(kCelebA, 48, 1, 19, false), {512, 512}).total(), 3'400'458'240);
}

// Output sizes of the published networks on pictures that are no multiple of 32, spec 11.5.
TEST(Shapes, OfPublishedNetworksOnOddPictures) {
  const auto logits = [](const char* genotype, Size picture) {
    const Graph graph = build(genotype, 64, 2, 21, false);
    const Shape shape =
        infer_shapes(graph, picture)[static_cast<std::size_t>(graph.output("logits"))];
    return std::pair(shape.height, shape.width);
  };
  EXPECT_EQ(logits(kArch0, {375, 500}), std::pair(std::int64_t{94}, std::int64_t{125}));
  EXPECT_EQ(logits(kArch1, {375, 500}), std::pair(std::int64_t{47}, std::int64_t{63}));
  EXPECT_EQ(logits(kArch2, {375, 500}), std::pair(std::int64_t{47}, std::int64_t{63}));
}

TEST(Shapes, TapsHalveAndRoundUp) {
  LoweredNetwork network =
      lower(space::parse_cell_genotype(kArch0), EncoderOptions{}, DecoderOptions{}, 2);
  const std::vector<Shape> shapes = infer_shapes(network.graph, {350, 400});
  const std::int64_t heights[] = {88, 44, 22, 11};
  const std::int64_t widths[] = {100, 50, 25, 13};
  for (std::size_t i = 0; i < 4; ++i) {
    const Tap& tap = network.taps[i];
    EXPECT_EQ(shapes[static_cast<std::size_t>(tap.node)],
              (Shape{tap.channels, heights[i], widths[i]}));
    EXPECT_EQ(strided(350, tap.stride), heights[i]);
  }
}

TEST(Encoder, FirstExpansionAccountsFor1088Parameters) {
  EncoderOptions torchvision;
  torchvision.first_expansion = false;
  const auto genotype = space::parse_cell_genotype(kArch0);
  EXPECT_EQ(count_parameters(lower(genotype, torchvision, {}, 2).graph).encoder, 1'812'800 - 1'088);
}

TEST(Encoder, UnknownNameSuggestsTheNearest) {
  EncoderOptions options;
  options.name = "mobilnet_v2";
  try {
    lower(space::parse_cell_genotype(kArch0), options, {}, 2);
    FAIL() << "no error";
  } catch (const core::Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'mobilenet_v2'?"), std::string::npos)
        << error.what();
  }
}

TEST(Subgraph, EncoderAndDecoderTogetherCostWhatTheNetworkCosts) {
  // arch1 with connections that read every tap, so that nothing is left out.
  const auto genotype =
      space::parse_cell_genotype("[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[0,1],[4,4]]]");
  const LoweredNetwork network = lower(genotype, EncoderOptions{}, DecoderOptions{}, 21);
  std::vector<CutPoint> cuts;
  std::vector<Output> taps;
  for (const Tap& tap : network.taps) {
    cuts.push_back({tap.node, tap.stride});
    taps.push_back({fmt::format("tap{}", taps.size()), tap.node});
  }
  const Graph encoder = subgraph(network.graph, {}, taps);
  const Graph decoder = subgraph(network.graph, cuts, network.graph.outputs);
  const Size picture{350, 350};
  EXPECT_EQ(count_parameters(encoder).encoder, 1'812'800);
  EXPECT_EQ(count_parameters(decoder).decoder, 503'397);
  EXPECT_EQ(count_parameters(decoder).encoder, 0);
  EXPECT_EQ(count_macs(encoder, picture).encoder + count_macs(decoder, picture).decoder,
            count_macs(network.graph, picture).total());
}

TEST(PeakMemory, OfAChainIsTheLargestNeighbourSum) {
  Graph g;
  const NodeId x = g.add(Input{3, 1}, {}, Section::kEncoder, "picture");      // 3*8*8 = 192
  const NodeId a = g.add(Conv{3, 10, 1}, {x}, Section::kEncoder, "a");        // 640
  const NodeId b = g.add(Relu{}, {a}, Section::kEncoder, "relu");             // in place
  const NodeId c = g.add(Conv{10, 4, 3, 2, 1}, {b}, Section::kEncoder, "c");  // 4*4*4 = 64
  g.outputs.push_back({"logits", c});
  EXPECT_EQ(peak_activation_bytes(g, {8, 8}), 4 * (192 + 640));
}

TEST(PeakMemory, OfAProductTakesThePlaceOfAMapThatNobodyElseReads) {
  Graph g;
  const NodeId x = g.add(Input{4, 1}, {}, Section::kEncoder, "picture");  // 4*8*8 = 256
  const NodeId mean = g.add(GlobalPool{}, {x}, Section::kEncoder, "mean");
  const NodeId map = g.add(Conv{4, 10, 1}, {x}, Section::kEncoder, "map");             // 640
  const NodeId factors = g.add(Conv{4, 10, 1}, {mean}, Section::kEncoder, "factors");  // 10
  g.outputs = {{"logits", g.add(Multiply{}, {map, factors}, Section::kEncoder, "product")}};
  EXPECT_EQ(peak_activation_bytes(g, {8, 8}), 4 * (256 + 4 + 640));
  EXPECT_EQ(infer_shapes(g, {8, 8}).back(), (Shape{10, 8, 8}));
  EXPECT_EQ(count_parameters(g).encoder, 80);
  EXPECT_EQ(count_macs(g, {8, 8}).encoder, 40 * 64 + 40);

  Graph shared;  // factors of the map itself
  const NodeId y = shared.add(Input{10, 1}, {}, Section::kEncoder, "picture");  // 640
  const NodeId own = shared.add(GlobalPool{}, {y}, Section::kEncoder, "mean");
  shared.outputs = {{"logits", shared.add(Multiply{}, {y, own}, Section::kEncoder, "product")}};
  EXPECT_EQ(peak_activation_bytes(shared, {8, 8}), 4 * (640 + 10 + 640));
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const core::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Verify, AProductNeedsOneFactorPerChannel) {
  Graph g;
  const NodeId x = g.add(Input{8, 1}, {}, Section::kEncoder, "picture");
  const NodeId narrow = g.add(Conv{8, 4, 1}, {x}, Section::kEncoder, "narrow");
  g.add(Multiply{}, {x, narrow}, Section::kEncoder, "product");
  g.outputs.push_back({"logits", 2});
  EXPECT_EQ(error_of([&] { verify(g); }), "node 2 'product' expects 4 channels, gets 8");
  g.nodes[2].inputs = {x, x};
  EXPECT_EQ(error_of([&] {
              infer_shapes(g, {3, 5});
            }),
            "node 2 'product' multiplies by a map of 3x5, expected 1x1");
  g.nodes[2].inputs = {x};
  EXPECT_EQ(error_of([&] { verify(g); }), "node 2 'product' has 1 inputs, expected 2");
}

TEST(Verify, NamesWhatIsWrong) {
  Graph g;
  const NodeId x = g.add(Input{3, 1}, {}, Section::kEncoder, "picture");
  g.add(Conv{4, 8, 1}, {x}, Section::kEncoder, "stem");
  g.outputs.push_back({"logits", 1});
  try {
    verify(g);
    FAIL() << "no error";
  } catch (const core::Error& error) {
    EXPECT_STREQ(error.what(), "node 1 'stem' expects 4 channels, gets 3");
  }
}

}  // namespace
}  // namespace parsimony::graph
