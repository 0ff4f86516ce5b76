// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/template_decoder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/graph/cost.h"
#include "parsimony/graph/simplify.h"

namespace parsimony::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

// Published genotypes, spec rl-cell-search 7.2.
constexpr const char* kArch0 =
    "[[[3,0,1],[4,1,1],[3,1,1]],"
    "[[0,1,0,0,1],[2,1,2,1,0],[3,1,1,1,0],[1,1,2,0,0],[3,0,2,0,0],[5,3,2,1,0],[0,5,0,1,0]]]";
constexpr const char* kArch1 =
    "[[[1,1,0],[1,3,0],[3,4,0]],"
    "[[1,1,0,0,0],[0,1,1,1,1],[3,1,2,3,0],[3,0,2,2,0],[0,1,2,0,0],[2,1,1,3,0],[4,0,2,2,0]]]";

const DecoderOptions kFinal{.width = 64, .repeats = 2};

Graph build(const char* genotype, const DecoderOptions& options, int classes) {
  return lower(space::parse_template_genotype(genotype), EncoderOptions{}, options, classes).graph;
}

std::int64_t parameters_under(const Graph& graph, const std::string& prefix) {
  Graph part;
  for (const Node& node : graph.nodes) {
    if (node.name.starts_with(prefix)) part.nodes.push_back(node);
  }
  return count_parameters(part).decoder;
}

std::vector<Shape> block_shapes(const Graph& graph, Size picture, int blocks) {
  const std::vector<Shape> shapes = infer_shapes(graph, picture);
  std::vector<Shape> of_blocks(static_cast<std::size_t>(blocks));
  for (int b = 0; b < blocks; ++b) {
    // A block's result is its last node.
    for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
      if (graph.nodes[id].name.starts_with(fmt::format("decoder.block{}.", b))) {
        of_blocks[static_cast<std::size_t>(b)] = shapes[id];
      }
    }
  }
  return of_blocks;
}

Shape logits_shape(const Graph& graph, Size picture) {
  return infer_shapes(graph, picture)[static_cast<std::size_t>(graph.output("logits"))];
}

// Spec 11.1 and 7.2.
struct ParameterCase {
  const char* genotype;
  DecoderOptions options;
  int classes;
  std::int64_t total;
};

class PublishedTemplateParameters : public ::testing::TestWithParam<ParameterCase> {};

TEST_P(PublishedTemplateParameters, AreReproducedExactly) {
  const ParameterCase& known = GetParam();
  const SectionCounts counts =
      count_parameters(build(known.genotype, known.options, known.classes));
  EXPECT_EQ(counts.encoder, 56'576);
  EXPECT_EQ(counts.total(), known.total);
  EXPECT_EQ(counts.auxiliary, 0);
}

INSTANTIATE_TEST_SUITE_P(Spec11,
                         PublishedTemplateParameters,
                         ::testing::Values(ParameterCase{kArch0, kFinal, 19, 280'147},
                                           ParameterCase{kArch1, kFinal, 19, 268'235},
                                           ParameterCase{kArch0, kFinal, 11, 275'531},
                                           ParameterCase{kArch1, kFinal, 11, 263'619},
                                           ParameterCase{kArch0, {}, 19, 228'347},
                                           ParameterCase{kArch1, {}, 19, 198'587}));

TEST(PublishedTemplates, ParametersOfEachBlock) {
  const auto breakdown = [](const char* genotype) {
    const Graph graph = build(genotype, kFinal, 19);
    std::vector<std::int64_t> counts;
    for (int b = 0; b < 7; ++b)
      counts.push_back(parameters_under(graph, fmt::format("decoder.block{}.", b)));
    counts.push_back(parameters_under(graph, "decoder.head.reduce"));
    counts.push_back(parameters_under(graph, "decoder.head.classifier"));
    return counts;
  };
  EXPECT_THAT(breakdown(kArch0),
              ElementsAre(20160, 41984, 52096, 7040, 16784, 47680, 12400, 14464, 10963));
  EXPECT_THAT(breakdown(kArch1),
              ElementsAre(7616, 21256, 57344, 38528, 5296, 19712, 38528, 12416, 10963));
}

// Spec 11.2.
struct MacCase {
  const char* genotype;
  int classes;
  Size picture;
  std::int64_t encoder, decoder;
  Size output;
};

class PublishedTemplateMacs : public ::testing::TestWithParam<MacCase> {};

TEST_P(PublishedTemplateMacs, AreReproducedExactly) {
  const MacCase& known = GetParam();
  const Graph graph = build(known.genotype, kFinal, known.classes);
  const SectionCounts macs = count_macs(graph, known.picture);
  EXPECT_EQ(macs.encoder, known.encoder);
  EXPECT_EQ(macs.decoder, known.decoder);
  EXPECT_EQ(logits_shape(graph, known.picture),
            (Shape{known.classes, known.output.height, known.output.width}));
}

INSTANTIATE_TEST_SUITE_P(
    Spec11,
    PublishedTemplateMacs,
    ::testing::Values(MacCase{kArch0, 19, {1024, 2048}, 5'270'667'264, 8'447'721'472, {256, 512}},
                      MacCase{kArch1, 19, {1024, 2048}, 5'270'667'264, 13'445'562'368, {256, 512}},
                      MacCase{kArch0, 11, {360, 480}, 434'289'600, 647'503'680, {90, 120}},
                      MacCase{kArch1, 11, {360, 480}, 434'289'600, 1'058'959'680, {90, 120}}));

// Spec 7.2, and 10 (H5): the searched network has other resolutions.
TEST(PublishedTemplates, ShapesOfEachBlock) {
  EXPECT_THAT(block_shapes(build(kArch0, kFinal, 19), {512, 512}, 7),
              ElementsAreArray<Shape>({{64, 16, 16},
                                       {64, 16, 16},
                                       {64, 16, 16},
                                       {32, 64, 64},
                                       {64, 128, 128},
                                       {64, 64, 64},
                                       {32, 128, 128}}));
  EXPECT_THAT(block_shapes(build(kArch1, kFinal, 19), {512, 512}, 7),
              ElementsAreArray<Shape>({{32, 64, 64},
                                       {64, 16, 16},
                                       {64, 16, 16},
                                       {64, 128, 128},
                                       {32, 128, 128},
                                       {32, 64, 64},
                                       {64, 128, 128}}));
  EXPECT_EQ(block_shapes(build(kArch0, {}, 19), {512, 512}, 1)[0], (Shape{64, 32, 32}));
}

TEST(TemplateDecoder, SkipTilesAndPoolingKeepsTheSizeAtStrideTwo) {
  // [skip, global pool, cat] with stride 2, twice, on the taps of 24 and 32 channels.
  const Graph graph = build("[[[5,2,1]],[[0,1,0,1,1],[2,2,0,0,0]]]", {}, 5);
  const std::vector<Shape> shapes = infer_shapes(graph, {64, 64});
  const auto shape_of = [&](const std::string& name) {
    for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
      if (graph.nodes[id].name == name) return shapes[id];
    }
    return Shape{};
  };
  EXPECT_EQ(shape_of("decoder.block0.t0.op1.tile"), (Shape{48, 16, 16}));
  EXPECT_EQ(shape_of("decoder.block0.t0.op2.resize"), (Shape{64, 8, 8}));
  EXPECT_EQ(shape_of("decoder.block0.t0.cat.conv"), (Shape{64, 8, 8}));
  // The second repeat reads the second input and the first result; widths stay.
  EXPECT_EQ(shape_of("decoder.block0.t1.op1.tile"), Shape{});
  EXPECT_EQ(shape_of("decoder.block0.t1.op2.resize"), (Shape{64, 8, 8}));
}

TEST(TemplateDecoder, ArbitraryGenotypesGiveSoundNetworks) {
  core::Rng rng(19);
  for (int i = 0; i < 100; ++i) {
    const space::TemplateSpace space({.templates = static_cast<int>(1 + rng.below(4)),
                                      .blocks = static_cast<int>(1 + rng.below(9))});
    const space::TemplateGenotype genotype = space.genotype(sample(space, rng));
    const DecoderOptions options{.width = 8, .repeats = static_cast<int>(1 + rng.below(3))};
    const Graph graph = lower(genotype, EncoderOptions{.name = "small"}, options, 3).graph;
    const Size picture{1 + rng.below(90), 1 + rng.below(90)};
    EXPECT_EQ(logits_shape(graph, picture).channels, 3) << to_text(genotype);

    const Graph simple = simplify(graph);
    EXPECT_EQ(logits_shape(simple, picture), logits_shape(graph, picture)) << to_text(genotype);
    EXPECT_FALSE(is_constant(simple)) << to_text(genotype);
    EXPECT_LE(count_macs(simple, picture).total(), count_macs(graph, picture).total());
    const Graph twice = simplify(simple);
    EXPECT_EQ(canonical_text(twice), canonical_text(simple)) << to_text(genotype);
  }
}

std::string identity(const char* genotype) {
  return canonical_id(simplify(build(genotype, {}, 5)));
}

TEST(TemplateDecoder, CanonicalIdIgnoresHowTemplatesAreListed) {
  // Templates in another order, one of them unused; and the two paths of a template swapped.
  EXPECT_EQ(identity("[[[0,1,0],[3,4,1]],[[0,1,0,0,0],[2,1,1,0,0]]]"),
            identity("[[[3,4,1],[5,5,0],[0,1,0]],[[0,1,2,0,0],[2,1,0,0,0]]]"));
  EXPECT_EQ(identity("[[[0,1,0]],[[0,1,0,0,0]]]"), identity("[[[1,0,0]],[[1,0,0,0,0]]]"));
  EXPECT_EQ(identity("[[[0,1,1]],[[0,1,0,0,0]]]"), identity("[[[1,0,1]],[[1,0,0,0,0]]]"));
  EXPECT_NE(identity("[[[0,1,0]],[[0,1,0,0,0]]]"), identity("[[[0,1,1]],[[0,1,0,0,0]]]"));
  EXPECT_NE(identity("[[[0,3,0]],[[0,1,0,0,0]]]"), identity("[[[0,0,0]],[[0,1,0,0,0]]]"));
  EXPECT_NE(identity("[[[3,3,0]],[[0,1,0,0,0],[0,2,0,0,0]]]"),
            identity("[[[3,3,0]],[[0,1,0,0,1],[0,2,0,0,0]]]"));
}

// A psum of one map with itself is no sum of one term: its factors stay.
TEST(TemplateDecoder, ScaledSumsKeepTheirFactors) {
  const Graph simple = simplify(build("[[[5,5,0]],[[0,0,0,0,0]]]", {}, 5));
  const auto scales = std::count_if(simple.nodes.begin(), simple.nodes.end(), [](const Node& node) {
    return std::holds_alternative<Scale>(node.layer);
  });
  EXPECT_EQ(scales, 2);
}

TEST(MaxPool, WindowsAndPeakMemory) {
  Graph g;
  const NodeId x = g.add(Input{2, 1}, {}, Section::kDecoder, "picture");            // 2*7*8 = 112
  const NodeId pool = g.add(MaxPool{.stride = 2}, {x}, Section::kDecoder, "pool");  // 2*4*4 = 32
  const NodeId scale = g.add(Scale{2}, {pool}, Section::kDecoder, "scale");         // in place
  g.outputs.push_back({"logits", scale});
  verify(g);
  EXPECT_EQ(logits_shape(g, {7, 8}), (Shape{2, 4, 4}));
  EXPECT_EQ(peak_activation_bytes(g, {7, 8}), 4 * (112 + 32));
  EXPECT_EQ(count_parameters(g).total(), 2);
  EXPECT_EQ(count_macs(g, {7, 8}).total(), 0);
}

}  // namespace
}  // namespace parsimony::graph
