// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/simplify.h"

#include <gtest/gtest.h>

#include <set>

#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/cost.h"

namespace parsimony::graph {
namespace {

Graph build(std::string_view genotype, bool auxiliary = false) {
  DecoderOptions decoder;
  decoder.auxiliary = auxiliary;
  return lower(space::parse_cell_genotype(genotype), EncoderOptions{}, decoder, 5).graph;
}

std::string identity(std::string_view genotype) {
  return canonical_id(simplify(build(genotype)));
}

int count_named(const Graph& graph, std::string_view prefix) {
  return static_cast<int>(
      std::count_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
        return node.name.starts_with(prefix);
      }));
}

TEST(Simplify, DropsAdaptationOfUnusedTaps) {
  // arch0 reads taps 3, 2 and 0.
  const Graph graph = simplify(build("[[8,[0,0,5,2],[0,2,8,8],[0,5,1,4]],[[3,3],[3,2],[3,0]]]"));
  EXPECT_EQ(count_named(graph, "decoder.adapt1"), 0);
  EXPECT_GT(count_named(graph, "decoder.adapt0"), 0);
}

TEST(Simplify, DropsEncoderStagesBehindTheDeepestUsedTap) {
  const Graph graph = simplify(build("[[1],[[1,0]]]"));
  EXPECT_EQ(count_named(graph, "encoder.features.17."), 0);
  EXPECT_GT(count_named(graph, "encoder.features.6."), 0);
}

TEST(Simplify, DropsWhatFeedsAndFollowsNone) {
  // Feature 2 = conv3x3(x) feeds "none", whose result feeds conv3x3: only the first op remains.
  const Graph graph = simplify(build("[[0,[0,0,1,10],[2,3,10,1]],[[0,0]]]"));
  EXPECT_EQ(count_named(graph, "decoder.block0.cell1.f5"), 0);  // none
  EXPECT_EQ(count_named(graph, "decoder.block0.cell1.f6"), 0);  // conv of none
  EXPECT_GT(count_named(graph, "decoder.block0.cell1.f1"), 0);
}

TEST(Simplify, SkipsAndSumsOfOneTermVanish) {
  const Graph graph = simplify(build("[[9,[1,1,9,10]],[[0,1]]]"));
  for (const Node& node : graph.nodes) {
    if (node.section != Section::kDecoder || !std::holds_alternative<Add>(node.layer)) continue;
    EXPECT_EQ(node.name, "decoder.block0.sum");
  }
}

TEST(Simplify, KeepsValuesOfCosts) {
  // Nothing to remove but the ReLU behind the concatenation.
  const char* full = "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[0,1],[4,4]]]";
  const Graph before = build(full);
  const Graph after = simplify(before);
  EXPECT_EQ(count_parameters(after).total(), count_parameters(before).total());
  EXPECT_EQ(count_macs(after, {256, 256}).total(), count_macs(before, {256, 256}).total());
  EXPECT_EQ(count_named(after, "decoder.head.relu"), 0);
}

TEST(Simplify, DropsZeroChannelsOfConcatenationsAndTheirWeights) {
  Graph g;
  const NodeId x = g.add(Input{8, 1}, {}, Section::kDecoder, "x");
  const NodeId none = g.add(Zero{}, {x}, Section::kDecoder, "none");
  const NodeId joined = g.add(Concat{}, {none, x, none}, Section::kDecoder, "join");
  const NodeId relu = g.add(Relu{}, {joined}, Section::kDecoder, "relu");
  const NodeId conv =
      g.add(Conv{.in_channels = 24, .out_channels = 4}, {relu}, Section::kDecoder, "reduce");
  g.outputs.push_back({"logits", conv});
  verify(g);
  const Graph simple = simplify(g);
  EXPECT_EQ(std::get<Conv>(simple[simple.output("logits")].layer).in_channels, 8);
  EXPECT_EQ(simple.nodes.size(), 3u);
}

// A picture, a map of it, factors of the map, their product, perhaps a ReLU, and a classifier.
struct Product {
  Layer map = Relu{}, factors = Relu{.ceiling = 1};
  Relu relu = {};

  Graph graph() const {
    Graph g;
    const NodeId x = g.add(Input{8, 1}, {}, Section::kDecoder, "x");
    const NodeId a = g.add(map, {x}, Section::kDecoder, "map");
    const NodeId mean = g.add(GlobalPool{}, {x}, Section::kDecoder, "mean");
    const NodeId b = g.add(factors, {mean}, Section::kDecoder, "factors");
    const NodeId product = g.add(Multiply{}, {a, b}, Section::kDecoder, "product");
    const NodeId positive = g.add(relu, {product}, Section::kDecoder, "relu");
    const Conv classifier{.in_channels = 8, .out_channels = 3, .bias = true};
    const NodeId logits = g.add(classifier, {positive}, Section::kDecoder, "classifier");
    g.outputs.push_back({"logits", logits});
    verify(g);
    return g;
  }
};

TEST(Simplify, DropsAReluOfAProductOnlyWhereNeitherFactorIsNegative) {
  const auto kept = [](const Product& product) {
    return count_named(simplify(product.graph()), "relu") == 1;
  };
  const Layer signed_values = Scale{8};
  EXPECT_FALSE(kept({}));
  EXPECT_TRUE(kept({.map = signed_values}));
  EXPECT_TRUE(kept({.factors = signed_values}));
  EXPECT_TRUE(kept({.relu = {.ceiling = 6}}));
}

TEST(Simplify, AProductWithZeroIsZeroOfTheMapsSize) {
  for (const Product& product : {Product{.map = Zero{}}, Product{.factors = Zero{}}}) {
    const Graph simple = simplify(product.graph());
    EXPECT_EQ(count_named(simple, "product") + count_named(simple, "factors"),
              std::holds_alternative<Zero>(product.factors) ? 1 : 0);
    EXPECT_TRUE(is_constant(simple));
    EXPECT_EQ(infer_shapes(simple, {7, 9}).back(), (Shape{3, 7, 9}));
  }
  EXPECT_FALSE(is_constant(simplify(Product{}.graph())));
}

TEST(CanonicalId, TellsCeilingsAndFactorsOfAProductApart) {
  const auto text = [](const Product& product) {
    return canonical_text(simplify(product.graph()));
  };
  EXPECT_NE(text({}), text({.factors = Relu{.ceiling = 6}}));
  EXPECT_NE(text({}), text({.factors = Relu{}}));
  EXPECT_NE(text({}), text({.map = Relu{.ceiling = 1}, .factors = Relu{}}));
  EXPECT_NE(text({.factors = Relu{.ceiling = 6}}).find("relu6("), std::string::npos);
  EXPECT_NE(text({}).find("multiply("), std::string::npos);
}

TEST(Simplify, ConstantNetworksAreRecognised) {
  EXPECT_TRUE(is_constant(simplify(build("[[10],[[3,3]]]"))));
  EXPECT_TRUE(is_constant(simplify(build("[[1,[1,0,10,10]],[[3,3]]]"))));
  EXPECT_FALSE(is_constant(simplify(build("[[9],[[3,3]]]"))));
}

TEST(Simplify, AuxiliaryBranchesStayWithLiveBlocksOnly) {
  const Graph graph = simplify(build("[[1],[[3,3],[2,2]]]", true));
  EXPECT_EQ(graph.outputs.size(), 3u);
  const Graph constant = simplify(build("[[10],[[3,3],[2,2]]]", true));
  EXPECT_EQ(constant.outputs.size(), 1u);
}

TEST(Simplify, IsIdempotent) {
  const space::CellSpace space;
  core::Rng rng(11);
  for (int i = 0; i < 60; ++i) {
    const Graph once = simplify(build(space.text(sample(space, rng)), true));
    const Graph twice = simplify(once);
    EXPECT_EQ(once.nodes.size(), twice.nodes.size());
    EXPECT_EQ(canonical_text(once), canonical_text(twice));
  }
}

TEST(CanonicalId, IgnoresTheOrderOfSummands) {
  // Swap the two inputs of a layer, and of a block.
  EXPECT_EQ(identity("[[8,[0,1,5,2],[0,2,8,7],[0,5,1,4]],[[3,1],[3,2],[3,0]]]"),
            identity("[[8,[1,0,2,5],[0,3,8,7],[0,5,1,4]],[[1,3],[3,2],[0,3]]]"));
}

TEST(CanonicalId, EqualForDifferentWaysToWriteNothing) {
  EXPECT_EQ(identity("[[1,[0,1,10,9]],[[3,2]]]"), identity("[[1,[1,0,9,10]],[[3,2]]]"));
  EXPECT_EQ(identity("[[1,[0,1,10,10]],[[3,2]]]"), identity("[[10,[0,0,10,10]],[[3,2]]]"));
}

TEST(CanonicalId, TellsSharedFromSeparateWeights) {
  // conv(x) read twice, and two convolutions of x: not the same network.
  EXPECT_NE(identity("[[1,[1,1,9,9]],[[3,2]]]"), identity("[[10,[0,0,1,1]],[[3,2]]]"));
}

TEST(CanonicalId, TellsSpatialSizesAndOperationsApart) {
  EXPECT_NE(identity("[[1],[[3,2]]]"), identity("[[1],[[3,1]]]"));
  EXPECT_NE(identity("[[1],[[3,2]]]"), identity("[[5],[[3,2]]]"));
}

TEST(CanonicalId, RandomSwapsOfInputsNeverChangeIt) {
  const space::CellSpace space;
  core::Rng rng(5);
  std::set<std::string> ids;
  for (int i = 0; i < 80; ++i) {
    const space::CellGenotype genotype = space.genotype(sample(space, rng));
    space::CellGenotype swapped = genotype;
    for (space::BlockInputs& block : swapped.blocks) {
      if (rng.chance(0.5)) std::swap(block.first, block.second);
    }
    const std::string id = identity(to_text(genotype));
    EXPECT_EQ(id, identity(to_text(swapped))) << to_text(genotype);
    ids.insert(id);
  }
  EXPECT_GT(ids.size(), 70u);
}

}  // namespace
}  // namespace parsimony::graph
