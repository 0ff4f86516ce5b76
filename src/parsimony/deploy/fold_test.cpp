// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/deploy/parity.h"
#include "parsimony/deploy/testing/networks.h"
#include "parsimony/deploy/testing/reference.h"

namespace parsimony::deploy {
namespace {

using graph::BatchNorm;
using graph::Conv;
using graph::Graph;
using graph::Section;
using testing::random_map;
using testing::random_weights;
using testing::run_reference;

template <typename L>
std::int64_t count(const Graph& graph) {
  return std::count_if(graph.nodes.begin(), graph.nodes.end(), [](const graph::Node& node) {
    return std::holds_alternative<L>(node.layer);
  });
}

double fold_difference(const Graph& graph, graph::Size picture, core::Rng rng) {
  const weights::ArrayMap weights = random_weights(graph, rng.split("weights"));
  const TrainedGraph folded = fold_batch_norm(graph, weights);
  const testing::Map x = random_map({3, picture.height, picture.width}, rng.split("picture"));
  const testing::Map before = run_reference(graph, weights, x);
  const testing::Map after = run_reference(folded.graph, folded.weights, x);
  return compare(before.floats(), after.floats(), before.shape.channels).relative();
}

TEST(Fold, KeepsTheOutputsOfPublishedNetworks) {
  for (const std::string_view genotype : {testing::kArch0, testing::kArch1, testing::kHelenL}) {
    const Graph graph = drop_auxiliary(testing::cell_network(genotype, "small", 16, 5));
    EXPECT_LT(fold_difference(graph, {50, 70}, core::Rng(1)), 1e-6) << genotype;
    EXPECT_EQ(count<BatchNorm>(fold_batch_norm(graph, random_weights(graph, core::Rng(1))).graph),
              0);
  }
}

TEST(Fold, KeepsTheOutputsOfRandomNetworks) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Graph graph = testing::random_network(core::Rng(seed), 20, 4, {17, 12});
    EXPECT_LT(fold_difference(graph, {17, 12}, core::Rng(seed)), 1e-6) << "seed " << seed;
  }
}

TEST(Fold, LeavesABatchNormWhoseConvolutionHasAnotherReader) {
  Graph g;
  const auto x = g.add(graph::Input{3, 1}, {}, Section::kDecoder, "picture");
  const auto a = g.add(Conv{3, 4}, {x}, Section::kDecoder, "a");
  const auto norm = g.add(BatchNorm{4}, {a}, Section::kDecoder, "norm");
  g.outputs.push_back({"logits", g.add(graph::Add{}, {a, norm}, Section::kDecoder, "sum")});
  const TrainedGraph folded = fold_batch_norm(g, random_weights(g, core::Rng(1)));
  EXPECT_EQ(count<BatchNorm>(folded.graph), 1);
  EXPECT_FALSE(folded.weights.arrays.contains("a.bias"));
  EXPECT_LT(fold_difference(g, {4, 4}, core::Rng(1)), 1e-6);
}

TEST(Fold, LeavesABatchNormWhoseConvolutionIsAnOutput) {
  Graph g;
  const auto x = g.add(graph::Input{3, 1}, {}, Section::kDecoder, "picture");
  const auto a = g.add(Conv{3, 4}, {x}, Section::kDecoder, "a");
  g.outputs.push_back({"logits", g.add(BatchNorm{4}, {a}, Section::kDecoder, "norm")});
  g.outputs.push_back({"aux0", a});
  EXPECT_EQ(count<BatchNorm>(fold_batch_norm(g, random_weights(g, core::Rng(1))).graph), 1);
  const Graph alone = drop_auxiliary(g);
  EXPECT_EQ(count<BatchNorm>(fold_batch_norm(alone, random_weights(alone, core::Rng(1))).graph), 0);
}

TEST(Fold, KeepsOnlyTheArraysThatAreRead) {
  const Graph whole = testing::cell_network(testing::kArch0, "small", 16, 5);
  weights::ArrayMap weights = random_weights(whole, core::Rng(1));
  weights.metadata["trained_on"] = "synth";
  const TrainedGraph folded = fold_batch_norm(drop_auxiliary(whole), weights);
  std::vector<std::string> expected;
  for (const graph::Node& node : folded.graph.nodes) {
    for (const Parameter& parameter : parameters_of(node)) expected.push_back(parameter.name);
  }
  std::vector<std::string> found;
  for (const auto& [name, array] : folded.weights.arrays) found.push_back(name);
  EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(expected));
  EXPECT_EQ(folded.weights.metadata.at("trained_on"), "synth");
}

TEST(Fold, NamesAnArrayThatIsMissingWrongOrDiverged) {
  const Graph graph = drop_auxiliary(testing::cell_network(testing::kArch0, "small", 16, 5));
  const weights::ArrayMap good = random_weights(graph, core::Rng(1));
  const std::string name = "decoder.head.reduce.bn.running_var";
  const auto message = [&](const weights::ArrayMap& weights) -> std::string {
    try {
      fold_batch_norm(graph, weights);
      return "no error";
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
      return error.what();
    }
  };
  weights::ArrayMap bad = good;
  bad.arrays.erase(name);
  EXPECT_EQ(message(bad),
            "the weights have no array '" + name + "', which the network needs with shape [16]");
  bad.arrays[name] = weights::Array::from_floats({2}, std::vector<float>{1, 1});
  EXPECT_EQ(message(bad), "the array '" + name + "' has shape [2], the network needs [16]");
  bad.arrays[name] = weights::Array::from_floats({16}, std::vector<float>(16, NAN));
  EXPECT_EQ(message(bad),
            "the array '" + name + "' holds a value that is not finite; the training diverged");
}

}  // namespace
}  // namespace parsimony::deploy
