// SPDX-License-Identifier: Apache-2.0
#include "parsimony/supernet/importance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>

#include "parsimony/supernet/fixtures_for_test.h"
#include "parsimony/supernet/sliced.h"

namespace parsimony::supernet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::array kRules = {ImportanceRule::kL1Consumer,
                               ImportanceRule::kL1Producer,
                               ImportanceRule::kBnGamma,
                               ImportanceRule::kFirstK,
                               ImportanceRule::kRandom};

class OrderedDeeplab : public ::testing::TestWithParam<graph::DeeplabOptions> {
 protected:
  graph::Supernet supernet_ = graph::deeplab_supernet(GetParam(), 3);
  weights::ArrayMap weights_ = random_weights(supernet_.graph, core::Rng(2));
  Map picture_ = random_map({3, 25, 33}, core::Rng(3));
};

TEST_P(OrderedDeeplab, HasTheSameLogitsByAnyRule) {
  const Map logits = run_reference(supernet_.graph, weights_, picture_);
  for (const ImportanceRule rule : kRules) {
    SCOPED_TRACE(kImportanceRuleNames[static_cast<std::size_t>(rule)]);
    const weights::ArrayMap result = ordered(supernet_, weights_, rule, core::Rng(4));
    EXPECT_EQ(result == weights_, rule == ImportanceRule::kFirstK);
    EXPECT_LT(relative_difference(logits, run_reference(supernet_.graph, result, picture_)), 1e-9);
  }
}

// Bypasses put one group's channels in the place of another's.
TEST_P(OrderedDeeplab, KeepsTheLogitsOfCandidatesOfFullWidth) {
  const weights::ArrayMap result = ordered(supernet_, weights_);
  core::Rng rng(5);
  for (int i = 0; i < 4; ++i) {
    graph::Choices choices;
    for (const graph::Site& site : supernet_.sites) {
      const bool full = site.kind == graph::SiteKind::kWidth || site.name == "decoder.aspp0";
      choices.push_back(full ? 0 : static_cast<int>(rng.below(2)));
      if (site.name == "decoder.decoder_conv1") choices.back() = 1;
    }
    const graph::Graph candidate = graph::subsample(supernet_, choices);
    EXPECT_LT(relative_difference(
                  run_reference(candidate, sliced(supernet_, weights_, choices), picture_),
                  run_reference(candidate, sliced(supernet_, result, choices), picture_)),
              1e-9);
  }
}

TEST_P(OrderedDeeplab, HasDescendingImportance) {
  for (const ImportanceRule rule :
       {ImportanceRule::kL1Consumer, ImportanceRule::kL1Producer, ImportanceRule::kBnGamma}) {
    const auto before = channel_groups(supernet_, weights_, rule, core::Rng());
    const auto after = channel_groups(
        supernet_, ordered(supernet_, weights_, rule, core::Rng()), rule, core::Rng());
    ASSERT_EQ(before.size(), after.size());
    for (std::size_t i = 0; i < after.size(); ++i) {
      EXPECT_EQ(before[i].producers, after[i].producers);
      std::vector<double> expected = before[i].importance;
      std::ranges::sort(expected, std::greater());
      EXPECT_THAT(after[i].importance, ::testing::Pointwise(::testing::DoubleNear(1e-9), expected));
      EXPECT_GT(expected.back(), 0);
      EXPECT_NE(before[i].importance, expected);
    }
  }
}

TEST_P(OrderedDeeplab, PermutesAlikeOnlyWhatABypassTies) {
  std::size_t producers = 0;
  for (const graph::Site& site : supernet_.sites) producers += site.producers.size();
  const auto groups = channel_groups(supernet_, weights_, ImportanceRule::kFirstK, core::Rng());
  EXPECT_EQ(groups.size(), producers - 1);
  int tied = 0;
  for (const ChannelGroup& group : groups) {
    if (group.producers.size() == 1) continue;
    ++tied;
    ASSERT_EQ(group.producers.size(), 2);
    EXPECT_THAT(supernet_.graph[group.producers[0]].name, HasSubstr("decoder.decoder_conv0"));
    EXPECT_THAT(supernet_.graph[group.producers[1]].name, HasSubstr("decoder.decoder_conv1"));
  }
  EXPECT_EQ(tied, 1);
}

INSTANTIATE_TEST_SUITE_P(All,
                         OrderedDeeplab,
                         ::testing::Values(small_mobilenet(),
                                           small_mobilenet(graph::DeeplabHead::kDense),
                                           small_xception()),
                         name_of);

TEST(Ordered, RandomOrdersDependOnTheStreamOnly) {
  const graph::Supernet supernet = graph::deeplab_supernet(small_mobilenet(), 2);
  const weights::ArrayMap all = random_weights(supernet.graph, core::Rng(1));
  const auto by_chance = [&](std::uint64_t seed) {
    return ordered(supernet, all, ImportanceRule::kRandom, core::Rng(seed));
  };
  EXPECT_EQ(by_chance(1), by_chance(1));
  EXPECT_NE(by_chance(1), by_chance(2));
}

// "b" of 2 channels and "a" of 3, this behind a depthwise convolution, joined for "last"; "other"
// reads "a" before the depthwise convolution.
struct Branches {
  graph::Supernet supernet;
  weights::ArrayMap weights;
  graph::NodeId a = 0, b = 0;

  Branches() {
    using graph::Conv;
    graph::Graph& g = supernet.graph;
    const auto add = [&](graph::Layer layer, std::vector<graph::NodeId> in, std::string name) {
      return g.add(layer, std::move(in), graph::Section::kEncoder, std::move(name));
    };
    const auto x = add(graph::Input{1, 1}, {}, "picture");
    a = add(Conv{.in_channels = 1, .out_channels = 3}, {x}, "a");
    const auto norm = add(graph::BatchNorm{3}, {a}, "norm");
    const auto deep =
        add(Conv{.in_channels = 3, .out_channels = 3, .groups = 3, .bias = true}, {norm}, "deep");
    b = add(Conv{.in_channels = 1, .out_channels = 2}, {x}, "b");
    const auto joined = add(graph::Concat{}, {b, deep}, "joined");
    const auto last = add(Conv{.in_channels = 5, .out_channels = 2}, {joined}, "last");
    const auto other = add(Conv{.in_channels = 3, .out_channels = 2}, {norm}, "other");
    g.outputs = {{"logits", last}, {"aux0", other}};
    supernet.sites = {{graph::SiteKind::kWidth, "a", -1, -1, {a}, {3, 2, 1}},
                      {graph::SiteKind::kWidth, "b", -1, -1, {b}, {2, 1}}};
    set("a.weight", {3, 1, 1, 1}, {30, -20, 10});
    set("norm.weight", {3}, {0.1F, -0.3F, 0.2F});
    set("norm.bias", {3}, {1, 2, 3});
    set("norm.running_mean", {3}, {4, 5, 6});
    set("norm.running_var", {3}, {7, 8, 9});
    set("deep.weight", {3, 1, 1, 1}, {11, 12, 13});
    set("deep.bias", {3}, {14, 15, 16});
    set("b.weight", {2, 1, 1, 1}, {-1, 2});
    //                                  b       a
    set("last.weight", {2, 5, 1, 1}, {1, -4, 2, 0, -5, 1, 0, 1, 3, 3});
    set("other.weight", {2, 3, 1, 1}, {0, 7, 0, 0, -1, 1});
  }
  void set(const std::string& name, std::vector<std::int64_t> shape, std::vector<float> values) {
    weights.arrays[name] = weights::Array::from_floats(std::move(shape), values);
  }
  std::vector<double> importance(ImportanceRule rule, std::size_t group) const {
    return channel_groups(supernet, weights, rule, core::Rng()).at(group).importance;
  }
};

TEST(Ordered, KnownAnswersOfTheRules) {
  const Branches net;
  const auto close = [](double a, double b, double c) {
    return ElementsAre(::testing::DoubleNear(a, 1e-6),
                       ::testing::DoubleNear(b, 1e-6),
                       ::testing::DoubleNear(c, 1e-6));
  };
  // |2| + |1| behind the depthwise convolution and 0 before it; |0| + |3| and |7| + |1|; ...
  EXPECT_THAT(net.importance(ImportanceRule::kL1Consumer, 0), close(3, 11, 9));
  EXPECT_THAT(net.importance(ImportanceRule::kL1Consumer, 1), ElementsAre(2, 4));
  EXPECT_THAT(net.importance(ImportanceRule::kL1Producer, 0), close(30, 20, 10));
  EXPECT_THAT(net.importance(ImportanceRule::kL1Producer, 1), ElementsAre(1, 2));
  EXPECT_THAT(net.importance(ImportanceRule::kBnGamma, 0), close(0.1, 0.3, 0.2));
  EXPECT_THAT(net.importance(ImportanceRule::kBnGamma, 1), ElementsAre(0, 0));
  EXPECT_THAT(net.importance(ImportanceRule::kFirstK, 0), close(0, 0, 0));
}

TEST(Ordered, MovesEveryArrayOfTheChannel) {
  const Branches net;
  const weights::ArrayMap result = ordered(net.supernet, net.weights);  // a: 1 2 0, b: 1 0
  const auto values = [&](const char* name) { return result.arrays.at(name).to_floats(); };
  EXPECT_THAT(values("a.weight"), ElementsAre(-20, 10, 30));
  EXPECT_THAT(values("norm.weight"), ElementsAre(-0.3F, 0.2F, 0.1F));
  EXPECT_THAT(values("norm.bias"), ElementsAre(2, 3, 1));
  EXPECT_THAT(values("norm.running_mean"), ElementsAre(5, 6, 4));
  EXPECT_THAT(values("norm.running_var"), ElementsAre(8, 9, 7));
  EXPECT_THAT(values("deep.weight"), ElementsAre(12, 13, 11));
  EXPECT_THAT(values("deep.bias"), ElementsAre(15, 16, 14));
  EXPECT_THAT(values("b.weight"), ElementsAre(2, -1));
  EXPECT_THAT(values("last.weight"), ElementsAre(-4, 1, 0, -5, 2, 0, 1, 3, 3, 1));
  EXPECT_THAT(values("other.weight"), ElementsAre(7, 0, 0, -1, 1, 0));
}

TEST(Ordered, EqualChannelsStayWhereTheyAre) {
  const Branches net;
  const weights::ArrayMap result =
      ordered(net.supernet, net.weights, ImportanceRule::kBnGamma);  // b has no batch norm
  EXPECT_THAT(result.arrays.at("b.weight").to_floats(), ElementsAre(-1, 2));
}

TEST(Ordered, RefusesSitesThatCannotBePermuted) {
  Branches of_output;
  of_output.supernet.graph.outputs.push_back({"aux1", of_output.a});
  EXPECT_THAT(
      error_of([&] { ordered(of_output.supernet, of_output.weights); }, core::ErrorKind::kInternal),
      HasSubstr("the width site of 'a' cannot be permuted: they reach 'a'"));
  Branches tied;
  tied.supernet.sites.erase(tied.supernet.sites.begin() + 1);
  const auto last = static_cast<graph::NodeId>(tied.supernet.graph.nodes.size());
  graph::Graph& g = tied.supernet.graph;
  g.add(graph::Conv{.in_channels = 1, .out_channels = 3}, {0}, graph::Section::kEncoder, "c");
  g.add(graph::Add{}, {tied.a, last}, graph::Section::kEncoder, "sum");
  tied.set("c.weight", {3, 1, 1, 1}, {1, 2, 3});
  EXPECT_THAT(error_of([&] { ordered(tied.supernet, tied.weights); }, core::ErrorKind::kInternal),
              HasSubstr("tied to those of 'c', which has none"));
}

}  // namespace
}  // namespace parsimony::supernet
