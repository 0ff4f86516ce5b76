// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/subsample.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"
#include "parsimony/graph/cost.h"
#include "parsimony/graph/deeplab.h"
#include "parsimony/graph/simplify.h"

namespace parsimony::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::size_t at(NodeId id) {
  return static_cast<std::size_t>(id);
}

DeeplabOptions xception(double width = 1.0) {
  return {.backbone = DeeplabBackbone::kXception65, .width = width};
}

Choices zeros(const Supernet& supernet) {
  return Choices(supernet.sites.size(), 0);
}

std::size_t index_of(const Supernet& supernet, const std::string& name) {
  for (std::size_t i = 0; i < supernet.sites.size(); ++i) {
    if (supernet.sites[i].name == name) return i;
  }
  ADD_FAILURE() << "no site " << name;
  return 0;
}

Choices with(const Supernet& supernet, const std::vector<std::pair<std::string, int>>& changes) {
  Choices choices = zeros(supernet);
  for (const auto& [name, choice] : changes) choices[index_of(supernet, name)] = choice;
  return choices;
}

// Any choice that keeps a branch.
Choices random_choices(const Supernet& supernet, core::Rng& rng) {
  const double small = rng.uniform();
  Choices choices = zeros(supernet);
  std::vector<std::size_t> branches;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const Site& site = supernet.sites[i];
    if (site.kind == SiteKind::kBranch) branches.push_back(i);
    if (rng.chance(small)) choices[i] = static_cast<int>(rng.below(site.options()));
  }
  if (!branches.empty())
    choices[branches[static_cast<std::size_t>(
        rng.below(static_cast<std::int64_t>(branches.size())))]] = 0;
  return choices;
}

void expect_equal(const Graph& one, const Graph& other) {
  ASSERT_EQ(one.nodes.size(), other.nodes.size());
  for (std::size_t id = 0; id < one.nodes.size(); ++id) {
    EXPECT_EQ(one.nodes[id].name, other.nodes[id].name);
    EXPECT_EQ(one.nodes[id].inputs, other.nodes[id].inputs) << one.nodes[id].name;
    EXPECT_EQ(one.nodes[id].layer, other.nodes[id].layer) << one.nodes[id].name;
    EXPECT_EQ(one.nodes[id].section, other.nodes[id].section) << one.nodes[id].name;
  }
  ASSERT_EQ(one.outputs.size(), other.outputs.size());
  for (std::size_t i = 0; i < one.outputs.size(); ++i) {
    EXPECT_EQ(one.outputs[i].name, other.outputs[i].name);
    EXPECT_EQ(one.outputs[i].node, other.outputs[i].node);
  }
}

std::string error_of(const std::function<void()>& action, core::ErrorKind kind) {
  try {
    action();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "no error";
}

// Channels that the layer writes and reads.
std::pair<std::int64_t, std::int64_t> channels_of(const Layer& layer) {
  return std::visit(
      Match{[](const Conv& conv) { return std::pair(conv.out_channels, conv.in_channels); },
            [](const BatchNorm& norm) { return std::pair(norm.channels, norm.channels); },
            [](const Scale& scale) { return std::pair(scale.channels, scale.channels); },
            [](const auto&) { return std::pair(std::int64_t{0}, std::int64_t{0}); }},
      layer);
}

bool ascending_below(const std::vector<std::int64_t>& indices, std::int64_t bound) {
  return std::is_sorted(indices.begin(), indices.end()) &&
         std::adjacent_find(indices.begin(), indices.end()) == indices.end() &&
         (indices.empty() || (indices.front() >= 0 && indices.back() < bound));
}

void expect_slices_fit(const Supernet& supernet, const Choices& choices, const Graph& candidate) {
  const std::map<std::string, ChannelSlice> slices = channel_slices(supernet, choices);
  std::map<std::string, const Node*> originals;
  for (const Node& node : supernet.graph.nodes) {
    if (has_weights(node.layer)) originals[node.name] = &node;
  }
  std::size_t weighted = 0;
  for (const Node& node : candidate.nodes) {
    if (!has_weights(node.layer)) continue;
    ++weighted;
    ASSERT_TRUE(slices.contains(node.name)) << node.name;
    ASSERT_TRUE(originals.contains(node.name)) << node.name;
    const ChannelSlice& slice = slices.at(node.name);
    const auto [outputs, inputs] = channels_of(node.layer);
    const auto [all_outputs, all_inputs] = channels_of(originals[node.name]->layer);
    EXPECT_EQ(static_cast<std::int64_t>(slice.outputs.size()), outputs) << node.name;
    EXPECT_EQ(static_cast<std::int64_t>(slice.inputs.size()), inputs) << node.name;
    EXPECT_TRUE(ascending_below(slice.outputs, all_outputs)) << node.name;
    EXPECT_TRUE(ascending_below(slice.inputs, all_inputs)) << node.name;
    const auto* conv = std::get_if<Conv>(&node.layer);
    if (conv == nullptr || conv->groups > 1) {
      EXPECT_EQ(slice.outputs, slice.inputs) << node.name;
    }
  }
  EXPECT_EQ(slices.size(), weighted);
}

void expect_sound(const Supernet& supernet, const Choices& choices) {
  const Graph candidate = subsample(supernet, choices);  // verifies
  const Size picture{65, 97};
  EXPECT_LE(count_parameters(candidate).total(), count_parameters(supernet.graph).total());
  EXPECT_LE(count_macs(candidate, picture).total(), count_macs(supernet.graph, picture).total());
  EXPECT_EQ(infer_shapes(candidate, picture)[at(candidate.output("logits"))],
            infer_shapes(supernet.graph, picture)[at(supernet.graph.output("logits"))]);
  EXPECT_EQ(subgraph(candidate, {}, candidate.outputs).nodes.size(), candidate.nodes.size());
  std::set<std::string> names, known;
  for (const Node& node : candidate.nodes) EXPECT_TRUE(names.insert(node.name).second) << node.name;
  for (const Node& node : supernet.graph.nodes) known.insert(node.name);
  EXPECT_TRUE(std::includes(known.begin(), known.end(), names.begin(), names.end()));
  expect_slices_fit(supernet, choices, candidate);
  const Choices same = canonical(supernet, choices);
  expect_equal(subsample(supernet, same), candidate);
  EXPECT_EQ(canonical(supernet, same), same);
}

class DeeplabCandidates : public ::testing::TestWithParam<DeeplabOptions> {};

TEST_P(DeeplabCandidates, OfZerosAreTheSupernet) {
  const Supernet supernet = deeplab_supernet(GetParam(), 21);
  expect_equal(subsample(supernet, zeros(supernet)), supernet.graph);
  EXPECT_EQ(canonical(supernet, zeros(supernet)), zeros(supernet));
}

TEST_P(DeeplabCandidates, OfOneChangeAreSoundAndSmaller) {
  const Supernet supernet = deeplab_supernet(GetParam(), 21);
  const std::int64_t full = count_parameters(supernet.graph).total();
  for (std::size_t i = 0; i < supernet.sites.size(); ++i) {
    for (int choice = 1; choice < supernet.sites[i].options(); ++choice) {
      Choices choices = zeros(supernet);
      choices[i] = choice;
      expect_sound(supernet, choices);
      EXPECT_LT(count_parameters(subsample(supernet, choices)).total(), full)
          << supernet.sites[i].name;
      EXPECT_EQ(canonical(supernet, choices), choices) << supernet.sites[i].name;
    }
  }
}

TEST_P(DeeplabCandidates, AtRandomAreSound) {
  const Supernet supernet = deeplab_supernet(GetParam(), 21);
  core::Rng rng(7);
  for (int i = 0; i < 200; ++i) expect_sound(supernet, random_choices(supernet, rng));
}

TEST_P(DeeplabCandidates, CanLoseEverythingThatCanGo) {
  const Supernet supernet = deeplab_supernet(GetParam(), 21);
  Choices least = zeros(supernet);
  std::size_t last_branch = supernet.sites.size();
  for (std::size_t i = 0; i < least.size(); ++i) {
    least[i] = supernet.sites[i].options() - 1;
    if (supernet.sites[i].kind == SiteKind::kBranch) last_branch = i;
  }
  ASSERT_LT(last_branch, least.size());
  EXPECT_THAT(error_of([&] { subsample(supernet, least); }, core::ErrorKind::kUser),
              HasSubstr("branches of 'decoder.aspp' are dropped: keep at least one"));
  least[last_branch] = 0;
  expect_sound(supernet, least);
  const Graph candidate = subsample(supernet, least);
  EXPECT_EQ(
      candidate.nodes.size(),
      simplify(candidate).nodes.size() + (GetParam().backbone == DeeplabBackbone::kXception65));
  for (const Site& site : supernet.sites) {
    if (site.kind != SiteKind::kBypass) continue;
    for (const Node& node : candidate.nodes) EXPECT_NE(node.name, supernet.graph[site.to].name);
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         DeeplabCandidates,
                         ::testing::Values(DeeplabOptions{},
                                           xception(),
                                           DeeplabOptions{.head = DeeplabHead::kDense,
                                                          .decoder_convolutions = 1},
                                           DeeplabOptions{.width = 0.5,
                                                          .divisible_by = 1,
                                                          .output_stride = 8,
                                                          .atrous_branches = false,
                                                          .decoder = false}),
                         [](const auto& test) {
                           return fmt::format(
                               "{}_{}_{}",
                               kDeeplabBackboneNames[static_cast<std::size_t>(test.param.backbone)],
                               test.param.decoder ? "decoder" : "plain",
                               kDeeplabHeadNames[static_cast<std::size_t>(test.param.head)]);
                         });

// What can be had by other options too is the same network.
TEST(Subsample, AgreesWithTheOptionsOfTheSupernet) {
  for (const DeeplabHead head : {DeeplabHead::kSeparable, DeeplabHead::kDense}) {
    const DeeplabOptions options{.head = head};
    const Supernet supernet = deeplab_supernet(options, 21);
    const auto expect_same = [&](const std::vector<std::pair<std::string, int>>& changes,
                                 const DeeplabOptions& other) {
      expect_equal(subsample(supernet, with(supernet, changes)), deeplab_supernet(other, 21).graph);
    };
    expect_same({{"decoder.aspp.channels", 2}}, {.head = head, .aspp_channels = 128});
    expect_same({{"decoder.feature_projection0.channels", 3}},
                {.head = head, .low_level_channels = 16});
    expect_same({{"decoder.channels", 4}}, {.head = head, .decoder_channels = 64});
    expect_same({{"decoder.decoder_conv1", 1}}, {.head = head, .decoder_convolutions = 1});
    expect_same({{"decoder.image_pooling", 1}}, {.head = head, .image_pooling = false});
    expect_same({{"decoder.aspp1", 1}, {"decoder.aspp2", 1}, {"decoder.aspp3", 1}},
                {.head = head, .atrous_branches = false});
    expect_same(
        {{"decoder.aspp1", 1},
         {"decoder.aspp2", 1},
         {"decoder.aspp3", 1},
         {"decoder.image_pooling", 1},
         {"decoder.channels", 1}},
        {.head = head, .atrous_branches = false, .image_pooling = false, .decoder_channels = 192});
  }
}

TEST(Subsample, ForgetsWidthsOfDroppedBlocks) {
  const Supernet supernet = deeplab_supernet({}, 21);
  const Choices choices = with(supernet,
                               {{"encoder.features.3", 1},
                                {"encoder.features.3.expansion", 2},
                                {"encoder.features.4.expansion", 1},
                                {"decoder.decoder_conv1", 1},
                                {"decoder.channels", 3}});
  EXPECT_EQ(canonical(supernet, choices),
            with(supernet,
                 {{"encoder.features.3", 1},
                  {"encoder.features.4.expansion", 1},
                  {"decoder.decoder_conv1", 1},
                  {"decoder.channels", 3}}));
}

TEST(Subsample, RefusesWrongChoices) {
  const Supernet supernet = deeplab_supernet({}, 21);
  const std::size_t site = index_of(supernet, "encoder.features.3.expansion");
  for (const int choice : {-1, 4}) {
    Choices choices = zeros(supernet);
    choices[site] = choice;
    const std::string expected = fmt::format(
        "choice {} at site {} (encoder.features.3.expansion): expected 0 to 3", choice, site);
    using core::ErrorKind;
    EXPECT_THAT(error_of([&] { subsample(supernet, choices); }, ErrorKind::kUser),
                HasSubstr(expected));
    EXPECT_THAT(error_of([&] { canonical(supernet, choices); }, ErrorKind::kUser),
                HasSubstr(expected));
    EXPECT_THAT(error_of([&] { channel_slices(supernet, choices); }, ErrorKind::kUser),
                HasSubstr(expected));
  }
  Choices many = zeros(supernet);
  many.push_back(0);
  EXPECT_THAT(error_of([&] { subsample(supernet, many); }, core::ErrorKind::kUser),
              HasSubstr(fmt::format(
                  "{} choices for a supernet of {} sites", many.size(), supernet.sites.size())));
}

// Two branches of 16 channels, joined behind the narrow one's depthwise convolution.
Supernet two_branches() {
  Supernet s;
  Graph& g = s.graph;
  const auto add = [&](Layer layer, std::vector<NodeId> inputs, std::string name) {
    return g.add(layer, std::move(inputs), Section::kEncoder, std::move(name));
  };
  const NodeId x = add(Input{3, 1}, {}, "picture");
  const NodeId a = add(Conv{.in_channels = 3, .out_channels = 16}, {x}, "a");
  const NodeId a_scale = add(Scale{16}, {a}, "a.scale");
  const NodeId b = add(Conv{.in_channels = 3, .out_channels = 16}, {x}, "b");
  const NodeId b_deep =
      add(Conv{.in_channels = 16, .out_channels = 16, .kernel = 3, .padding = 1, .groups = 16},
          {b},
          "b.deep");
  const NodeId joined = add(Concat{}, {a_scale, b_deep}, "joined");
  const NodeId norm = add(BatchNorm{32}, {joined}, "norm");
  const NodeId last = add(Conv{.in_channels = 32, .out_channels = 2}, {norm}, "last");
  g.outputs.push_back({"logits", last});
  s.sites = {{SiteKind::kWidth, "a", -1, -1, {a}, {16, 3}},
             {SiteKind::kWidth, "b", -1, -1, {b}, {16, 2}},
             {SiteKind::kBranch, "a.branch", a_scale, joined, {}, {}},
             {SiteKind::kBranch, "b.branch", b_deep, joined, {}, {}}};
  return s;
}

TEST(Subsample, FollowsChannelsThroughConcatenations) {
  const Supernet supernet = two_branches();
  const auto both = channel_slices(supernet, {1, 1, 0, 0});
  EXPECT_EQ(both.size(), 6);
  EXPECT_THAT(both.at("a").outputs, ElementsAre(0, 1, 2));
  EXPECT_THAT(both.at("a").inputs, ElementsAre(0, 1, 2));
  EXPECT_THAT(both.at("a.scale").outputs, ElementsAre(0, 1, 2));
  EXPECT_THAT(both.at("b.deep").outputs, ElementsAre(0, 1));
  EXPECT_THAT(both.at("norm").outputs, ElementsAre(0, 1, 2, 16, 17));
  EXPECT_THAT(both.at("last").inputs, ElementsAre(0, 1, 2, 16, 17));
  EXPECT_THAT(both.at("last").outputs, ElementsAre(0, 1));

  const auto second = channel_slices(supernet, {0, 1, 1, 0});
  EXPECT_EQ(second.size(), 4);
  EXPECT_THAT(second.at("norm").outputs, ElementsAre(16, 17));
  EXPECT_THAT(second.at("last").inputs, ElementsAre(16, 17));
  EXPECT_EQ(canonical(supernet, {1, 1, 1, 0}), (Choices{0, 1, 1, 0}));
}

TEST(Subsample, RefusesSitesThatDoNotFitTheGraph) {
  Supernet into_sum = two_branches();
  Graph& g = into_sum.graph;
  g.nodes[5].layer = Add{};  // "joined"
  g.nodes[6].layer = BatchNorm{16};
  g.nodes[7].layer = Conv{.in_channels = 16, .out_channels = 2};
  verify(g);
  using core::ErrorKind;
  EXPECT_THAT(error_of(
                  [&] {
                    subsample(into_sum, {1, 0, 0, 0});
                  },
                  ErrorKind::kInternal),
              HasSubstr("'joined' joins maps that keep different channels"));
  Supernet unequal = two_branches();
  unequal.sites = {{SiteKind::kBypass, "bypass", 1, 6, {}, {}}};
  EXPECT_THAT(error_of([&] { subsample(unequal, {1}); }, ErrorKind::kInternal),
              HasSubstr("'norm' of 32 channels cannot be replaced by 'a' of 16"));
}

// A made-up weight of a layer of the supernet.
double weight(const std::string& name, std::int64_t out, std::int64_t in) {
  return core::Rng(std::hash<std::string>{}(name))
      .split(static_cast<std::uint64_t>(out * 100'003 + in))
      .uniform(-1, 1);
}

// Values of a picture of one pixel, where a convolution is its middle tap and resizing and pooling
// do nothing. A channel without value is one that was left out.
using Pixel = std::vector<std::optional<double>>;

Pixel apply(const Node& node, const std::vector<Pixel>& in, const ChannelSlice& slice) {
  const auto each = [&](const auto& function) {
    Pixel result;
    for (std::size_t c = 0; c < in[0].size(); ++c)
      result.push_back(in[0][c] ? std::optional(function(*in[0][c], c)) : std::nullopt);
    return result;
  };
  return std::visit(
      Match{
          [](const Input&) {
            return Pixel{0.3, -0.8, 0.5};
          },
          [&](const Conv& conv) {
            if (conv.groups > 1)
              return each([&](double x, std::size_t c) {
                return x * weight(node.name, slice.outputs[c], 0);
              });
            Pixel result;
            for (const std::int64_t out : slice.outputs) {
              double sum = 0;
              for (std::size_t c = 0; c < in[0].size(); ++c) {
                if (in[0][c]) sum += *in[0][c] * weight(node.name, out, slice.inputs[c]);
              }
              result.emplace_back(sum);
            }
            return result;
          },
          [&](const BatchNorm&) {
            return each([&](double x, std::size_t c) {
              return x * weight(node.name, slice.outputs[c], 0) +
                     weight(node.name, slice.outputs[c], 1);
            });
          },
          [&](const Relu& relu) {
            return each([&](double x, std::size_t) { return std::clamp(x, 0.0, relu.ceiling); });
          },
          [&](const Add&) { return each([&](double x, std::size_t c) { return x + *in[1][c]; }); },
          [&](const Concat&) {
            Pixel result;
            for (const Pixel& part : in) result.insert(result.end(), part.begin(), part.end());
            return result;
          },
          [&](const auto&) { return in[0]; }},
      node.layer);
}

// The candidate as an ordinary network with slices of the supernet's weights.
Pixel candidates_logits(const Supernet& supernet, const Choices& choices) {
  const Graph candidate = subsample(supernet, choices);
  const std::map<std::string, ChannelSlice> slices = channel_slices(supernet, choices);
  std::vector<Pixel> values;
  for (const Node& node : candidate.nodes) {
    std::vector<Pixel> in;
    for (const NodeId input : node.inputs) in.push_back(values[at(input)]);
    values.push_back(
        apply(node, in, has_weights(node.layer) ? slices.at(node.name) : ChannelSlice{}));
  }
  return values[at(candidate.output("logits"))];
}

// The supernet with every value taken out that the choices drop.
Pixel masked_logits(const Supernet& supernet, const Choices& choices) {
  const Graph& graph = supernet.graph;
  std::vector<Pixel> values;
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    ChannelSlice all;
    const auto [outputs, inputs] = channels_of(graph[id].layer);
    for (std::int64_t c = 0; c < outputs; ++c) all.outputs.push_back(c);
    for (std::int64_t c = 0; c < inputs; ++c) all.inputs.push_back(c);
    std::vector<Pixel> in;
    for (const NodeId input : graph[id].inputs) in.push_back(values[at(input)]);
    std::optional<NodeId> replacement;
    std::int64_t kept = outputs;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      const Site& site = supernet.sites[i];
      if (choices[i] == 0) continue;
      if (site.kind == SiteKind::kBypass && site.to == id) replacement = site.from;
      if (site.kind == SiteKind::kWidth &&
          std::count(site.producers.begin(), site.producers.end(), id) > 0)
        kept = site.channels[static_cast<std::size_t>(choices[i])];
      if (site.kind != SiteKind::kBranch || site.to != id) continue;
      for (std::size_t k = 0; k < in.size(); ++k) {
        if (graph[id].inputs[k] == site.from) in[k].assign(in[k].size(), std::nullopt);
      }
    }
    Pixel value = replacement ? values[at(*replacement)] : apply(graph[id], in, all);
    for (std::int64_t c = kept; c < outputs; ++c) value[static_cast<std::size_t>(c)].reset();
    values.push_back(std::move(value));
  }
  return values[at(graph.output("logits"))];
}

class SubsampleValues : public ::testing::TestWithParam<DeeplabOptions> {};

TEST_P(SubsampleValues, AreThoseOfTheSupernetWithoutWhatWasDropped) {
  const Supernet supernet = deeplab_supernet(GetParam(), 3);
  core::Rng rng(11);
  std::set<double> different;
  for (int i = 0; i < 6; ++i) {
    const Choices choices = random_choices(supernet, rng);
    const Pixel got = candidates_logits(supernet, choices);
    const Pixel expected = masked_logits(supernet, choices);
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t c = 0; c < got.size(); ++c)
      EXPECT_NEAR(*got[c], *expected[c], 1e-9 * std::abs(*expected[c]));
    different.insert(*got[0]);
  }
  EXPECT_GE(different.size(), 5);
}

INSTANTIATE_TEST_SUITE_P(
    All,
    SubsampleValues,
    ::testing::Values(DeeplabOptions{.width = 0.25, .aspp_channels = 48, .decoder_channels = 40},
                      DeeplabOptions{.backbone = DeeplabBackbone::kXception65,
                                     .width = 0.1,
                                     .head = DeeplabHead::kDense,
                                     .aspp_channels = 32,
                                     .decoder_channels = 32}));

}  // namespace
}  // namespace parsimony::graph
