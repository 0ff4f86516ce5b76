// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/deeplab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/graph/cost.h"
#include "parsimony/graph/encoder.h"
#include "parsimony/graph/simplify.h"

namespace parsimony::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kVocClasses = 21;

// The PyTorch port's MobileNet-v2 model: dense convolutions, one of them in the decoder.
DeeplabOptions port() {
  return {.head = DeeplabHead::kDense, .decoder_convolutions = 1};
}

DeeplabOptions xception() {
  return {.backbone = DeeplabBackbone::kXception65};
}

// The reference code's MobileNet-v2 models.
DeeplabOptions without_atrous_branches(double width, int output_stride) {
  return {.width = width,
          .divisible_by = 1,
          .output_stride = output_stride,
          .atrous_branches = false,
          .decoder = false};
}

Graph network(const DeeplabOptions& options, int classes = kVocClasses) {
  return deeplab_supernet(options, classes).graph;
}

double gmacs(const Graph& graph, std::int64_t side = 513) {
  return static_cast<double>(count_macs(graph, {side, side}).total()) / 1e9;
}

// Millions, of the convolutions and of the batch norms.
std::pair<double, double> parameters(const Graph& graph) {
  std::int64_t norms = 0;
  for (const Node& node : graph.nodes) {
    if (const auto* norm = std::get_if<BatchNorm>(&node.layer)) norms += 2 * norm->channels;
  }
  const std::int64_t all = count_parameters(graph).total();
  return {static_cast<double>(all - norms) / 1e6, static_cast<double>(norms) / 1e6};
}

constexpr double kTwoDigits = 0.005, kThreeDigits = 0.0005;  // half of the last one

TEST(Deeplab, XceptionHasThePublishedCosts) {
  const Supernet supernet = deeplab_supernet(xception(), kVocClasses);
  EXPECT_NEAR(gmacs(supernet.graph), 54.04, kTwoDigits);
  EXPECT_NEAR(parameters(supernet.graph).first, 40.85, kTwoDigits);
  EXPECT_NEAR(parameters(supernet.graph).second, 0.20, kTwoDigits);
  EXPECT_NEAR(parameters(supernet.graph).first + parameters(supernet.graph).second, 41.06, 0.005);

  Choices half(supernet.sites.size(), 0);
  int dropped = 0;
  for (std::size_t i = 0; i < half.size(); ++i) {
    const Site& site = supernet.sites[i];
    if (site.kind == SiteKind::kBypass && site.name.starts_with("encoder.") && dropped < 8) {
      half[i] = 1;
      ++dropped;
    }
  }
  const Graph eight_units = subsample(supernet, half);
  EXPECT_NEAR(gmacs(eight_units), 40.01, kTwoDigits);
  EXPECT_NEAR(parameters(eight_units).first + parameters(eight_units).second, 28.1, 0.1);
  EXPECT_NEAR((gmacs(supernet.graph) - gmacs(eight_units)) / 8, 1.753, kThreeDigits);
}

TEST(Deeplab, XceptionWithDenseHeadHasThePublishedParameters) {
  DeeplabOptions options = xception();
  options.head = DeeplabHead::kDense;
  const auto [convolutions, norms] = parameters(network(options));
  EXPECT_NEAR(convolutions + norms, 54.7, 0.05);
}

TEST(Deeplab, MobilenetHasThePublishedCosts) {
  const Graph graph = network(port());
  EXPECT_NEAR(gmacs(graph), 17.12, kTwoDigits);
  EXPECT_NEAR(parameters(graph).first, 5.19, kTwoDigits);
  EXPECT_NEAR(parameters(graph).second, 0.035, kThreeDigits);
  EXPECT_NEAR(static_cast<double>(count_macs(graph, {513, 513}).encoder) / 1e9, 2.503, 0.0005);
  EXPECT_EQ(count_parameters(graph).encoder, 1'780'160 + 31'552);  // 1.78 M and batch norms
  EXPECT_NEAR(gmacs(graph, 256), 4.16, kTwoDigits);
  EXPECT_NEAR(gmacs(graph, 224), 3.19, kTwoDigits);
  EXPECT_NEAR(gmacs(graph, 128), 1.04, kTwoDigits);
  EXPECT_NEAR(gmacs(network({})), 5.80, kTwoDigits);
  EXPECT_NEAR(parameters(network({})).first, 2.68, kTwoDigits);
  DeeplabOptions fine = port();
  fine.output_stride = 8;
  EXPECT_NEAR(gmacs(network(fine)), 30.74, kTwoDigits);
}

TEST(Deeplab, NarrowMobilenetsHaveThePublishedCosts) {
  const std::map<double, std::pair<double, double>> known = {
      {0.75, {15.60, 3.84}}, {0.5, {14.08, 2.69}}, {0.35, {13.38, 2.10}}};
  for (const auto& [width, costs] : known) {
    DeeplabOptions options = port();
    options.width = width;
    EXPECT_NEAR(gmacs(network(options)), costs.first, kTwoDigits) << width;
    EXPECT_NEAR(parameters(network(options)).first, costs.second, kTwoDigits) << width;
  }
}

// Counted on the layers of converted TensorFlow models: VOC at output strides 16 and 8, VOC of half
// width at 257x257, portraits of half width.
TEST(Deeplab, MatchesTheReferenceCodesMobilenetsExactly) {
  const auto macs = [](const Graph& graph, std::int64_t side) {
    return count_macs(graph, {side, side}).total();
  };
  const Graph coarse = network(without_atrous_branches(1.0, 16));
  EXPECT_EQ(macs(coarse, 513), 2'740'709'056);
  EXPECT_EQ(count_parameters(coarse).total(), 2'113'557);
  EXPECT_EQ(macs(network(without_atrous_branches(1.0, 8)), 513), 8'825'853'632);
  const Graph half = network(without_atrous_branches(0.5, 8));
  EXPECT_EQ(macs(half, 257), 725'849'344);
  EXPECT_EQ(count_parameters(half).total(), 697'013);
  const Graph portraits = network(without_atrous_branches(0.5, 8), 2);
  EXPECT_EQ(macs(portraits, 513), 2'798'090'240);
  EXPECT_EQ(count_parameters(portraits).total(), 692'130);
}

// Stride and dilation of the depthwise convolutions whose names begin and end so, in order.
std::vector<std::pair<std::int64_t, std::int64_t>> steps(const Graph& graph,
                                                         const std::string& begin) {
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  for (const Node& node : graph.nodes) {
    const auto* conv = std::get_if<Conv>(&node.layer);
    if (conv != nullptr && conv->kernel == 3 && node.name.starts_with(begin))
      found.emplace_back(conv->stride, conv->dilation);
  }
  return found;
}

using Steps = std::vector<std::pair<std::int64_t, std::int64_t>>;

TEST(Deeplab, MobilenetsStridesBecomeDilations) {
  const Steps begin = {{2, 1}, {1, 1}, {2, 1}, {1, 1}, {2, 1}, {1, 1}, {1, 1}};
  const std::map<int, Steps> rest = {
      {8, {{1, 1}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 4}, {1, 4}, {1, 4}}},
      {16,
       {{2, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 2}, {1, 2}, {1, 2}}},
      {32,
       {{2, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {2, 1}, {1, 1}, {1, 1}, {1, 1}}}};
  for (const auto& [output_stride, expected] : rest) {
    Steps all = begin;
    all.insert(all.end(), expected.begin(), expected.end());
    EXPECT_EQ(steps(network({.output_stride = output_stride}), "encoder."), all) << output_stride;
  }
}

TEST(Deeplab, XceptionsStridesBecomeDilations) {
  struct Expected {
    std::pair<std::int64_t, std::int64_t> entry3, middle, exit1, exit2;
  };
  const std::map<int, Expected> known = {{8, {{1, 1}, {1, 2}, {1, 2}, {1, 4}}},
                                         {16, {{2, 1}, {1, 1}, {1, 1}, {1, 2}}},
                                         {32, {{2, 1}, {1, 1}, {2, 1}, {1, 1}}}};
  for (const auto& [output_stride, expected] : known) {
    DeeplabOptions options = xception();
    options.output_stride = output_stride;
    const Graph graph = network(options);
    const auto last = [&](const std::string& name) {
      return steps(graph, "encoder." + name).back();
    };
    EXPECT_EQ(last("entry_flow.block1"), std::pair(2L, 1L));
    EXPECT_EQ(last("entry_flow.block2"), std::pair(2L, 1L));
    EXPECT_EQ(last("entry_flow.block3"), expected.entry3) << output_stride;
    EXPECT_EQ(last("middle_flow.unit1."), expected.middle) << output_stride;
    EXPECT_EQ(last("middle_flow.unit16."), expected.middle) << output_stride;
    EXPECT_EQ(last("exit_flow.block1"), expected.exit1) << output_stride;
    EXPECT_EQ(last("exit_flow.block2"), expected.exit2) << output_stride;
  }
}

TEST(Deeplab, MapsHaveTheStridesAskedFor) {
  for (const DeeplabOptions& base : {DeeplabOptions{}, xception()}) {
    for (const int output_stride : {8, 16, 32}) {
      DeeplabOptions options = base;
      options.output_stride = output_stride;
      const Graph graph = network(options);
      const Size picture{97, 131};
      const std::vector<Shape> shapes = infer_shapes(graph, picture);
      const std::vector<std::int64_t> rates = [&] {
        std::vector<std::int64_t> found;
        for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
          const auto* conv = std::get_if<Conv>(&graph.nodes[id].layer);
          if (conv == nullptr || conv->kernel != 3 ||
              !graph.nodes[id].name.starts_with("decoder.aspp"))
            continue;
          found.push_back(conv->dilation);
          EXPECT_EQ(shapes[id].height, strided(picture.height, output_stride));
          EXPECT_EQ(shapes[id].width, strided(picture.width, output_stride));
        }
        return found;
      }();
      const std::int64_t rate = 96 / output_stride;
      EXPECT_THAT(rates, ElementsAre(rate, 2 * rate, 3 * rate));
      EXPECT_EQ(shapes[static_cast<std::size_t>(graph.output("logits"))],
                (Shape{kVocClasses, 25, 33}));
      options.decoder = false;
      const Graph coarse = network(options);
      EXPECT_EQ(infer_shapes(coarse, picture)[static_cast<std::size_t>(coarse.output("logits"))],
                (Shape{kVocClasses, strided(97, output_stride), strided(131, output_stride)}));
    }
  }
}

// So that its ImageNet weights load.
TEST(Deeplab, MobilenetIsTheEncoderOfThatName) {
  const Graph encoder = begin_network({.name = "mobilenet_v2", .first_expansion = false}, 4).graph;
  const Graph graph = network({.output_stride = 32});
  ASSERT_GT(graph.nodes.size(), encoder.nodes.size());
  for (std::size_t id = 0; id < encoder.nodes.size(); ++id) {
    EXPECT_EQ(graph.nodes[id].name, encoder.nodes[id].name);
    EXPECT_EQ(graph.nodes[id].inputs, encoder.nodes[id].inputs);
    EXPECT_EQ(graph.nodes[id].layer, encoder.nodes[id].layer) << encoder.nodes[id].name;
    EXPECT_EQ(graph.nodes[id].section, Section::kEncoder);
  }
  EXPECT_EQ(graph.nodes[encoder.nodes.size()].section, Section::kDecoder);
}

std::vector<DeeplabOptions> variants() {
  std::vector<DeeplabOptions> all = {
      port(), without_atrous_branches(0.5, 8), without_atrous_branches(0.1, 16)};
  for (const DeeplabBackbone backbone :
       {DeeplabBackbone::kMobilenetV2, DeeplabBackbone::kXception65}) {
    for (const bool parts : {false, true}) {
      all.push_back({.backbone = backbone, .image_pooling = parts});
      all.push_back({.backbone = backbone, .width = 0.1, .atrous_branches = parts});
      all.push_back({.backbone = backbone, .width = 1.4, .decoder = parts});
      all.push_back({.backbone = backbone,
                     .output_stride = 32,
                     .atrous_branches = false,
                     .image_pooling = false,
                     .decoder = parts});
    }
  }
  return all;
}

TEST(Deeplab, EveryVariantIsANetworkWithoutIdleLayers) {
  for (const DeeplabOptions& options : variants()) {
    const Graph graph = network(options, 3);
    EXPECT_EQ(subgraph(graph, {}, graph.outputs).nodes.size(), graph.nodes.size());
    EXPECT_FALSE(is_constant(simplify(graph)));
    EXPECT_GT(peak_activation_bytes(graph, {65, 97}), 0);
  }
}

template <typename T>
bool are_unique(const std::vector<T>& values) {
  return std::set<T>(values.begin(), values.end()).size() == values.size();
}

TEST(Deeplab, SitesAreWellFormed) {
  for (const DeeplabOptions& options : variants()) {
    const Supernet supernet = deeplab_supernet(options, 3);
    const Graph& graph = supernet.graph;
    const std::vector<Shape> shapes = infer_shapes(graph, {65, 97});
    std::vector<std::string> names;
    std::vector<NodeId> producers;
    for (const Site& site : supernet.sites) {
      names.push_back(site.name);
      EXPECT_GE(site.options(), 2) << site.name;
      if (site.kind == SiteKind::kWidth) {
        for (const NodeId producer : site.producers) {
          producers.push_back(producer);
          ASSERT_TRUE(std::holds_alternative<Conv>(graph[producer].layer)) << site.name;
          EXPECT_EQ(std::get<Conv>(graph[producer].layer).out_channels, site.channels[0]);
        }
        for (std::size_t i = 1; i < site.channels.size(); ++i) {
          EXPECT_LT(site.channels[i], site.channels[i - 1]) << site.name;
          EXPECT_EQ(site.channels[i] % 8, 0) << site.name;
        }
        EXPECT_GT(site.channels.back(), 0);
      } else if (site.kind == SiteKind::kBypass) {
        EXPECT_EQ(shapes[static_cast<std::size_t>(site.from)],
                  shapes[static_cast<std::size_t>(site.to)])
            << site.name;
      } else {
        EXPECT_THAT(graph[site.to].inputs, ::testing::Contains(site.from)) << site.name;
      }
    }
    EXPECT_TRUE(are_unique(names));
    EXPECT_TRUE(are_unique(producers));
  }
}

struct Count {
  int bypasses = 0, branches = 0, widths = 0;
  bool operator==(const Count&) const = default;
};

Count count(const Supernet& supernet) {
  Count result;
  for (const Site& site : supernet.sites) {
    result.bypasses += site.kind == SiteKind::kBypass ? 1 : 0;
    result.branches += site.kind == SiteKind::kBranch ? 1 : 0;
    result.widths += site.kind == SiteKind::kWidth ? 1 : 0;
  }
  return result;
}

const Site& site(const Supernet& supernet, const std::string& name) {
  const auto found = std::find_if(
      supernet.sites.begin(), supernet.sites.end(), [&](const Site& s) { return s.name == name; });
  EXPECT_NE(found, supernet.sites.end()) << name;
  return *found;
}

// 44 genes and 35, of which one is the second convolution of the decoder.
TEST(Deeplab, SitesAreThoseOfFmas) {
  const Supernet large = deeplab_supernet(xception(), kVocClasses);
  EXPECT_EQ(count(large), (Count{.bypasses = 16 + 1, .branches = 5, .widths = 16 + 3 + 3}));
  EXPECT_THAT(site(large, "encoder.middle_flow.unit1.channels").channels,
              ElementsAre(728, 640, 544, 456, 368));
  EXPECT_EQ(site(large, "encoder.middle_flow.unit1.channels").producers.size(), 2);
  EXPECT_THAT(site(large, "encoder.exit_flow.block1.separable_conv2.channels").channels,
              ElementsAre(1024, 896, 768, 640, 512));
  for (const char* name : {"encoder.exit_flow.block2.separable_conv1.channels",
                           "encoder.exit_flow.block2.separable_conv2.channels"}) {
    EXPECT_THAT(site(large, name).channels, ElementsAre(1536, 1344, 1152, 960, 768));
  }
  for (const char* name : {"decoder.aspp.channels", "decoder.channels"})
    EXPECT_THAT(site(large, name).channels, ElementsAre(256, 192, 128, 96, 64));
  EXPECT_THAT(site(large, "decoder.feature_projection0.channels").channels,
              ElementsAre(48, 32, 24, 16));

  const Supernet edge = deeplab_supernet({}, kVocClasses);
  EXPECT_EQ(count(edge), (Count{.bypasses = 10 + 1, .branches = 5, .widths = 16 + 3}));
  EXPECT_THAT(site(edge, "encoder.features.2.expansion").channels, ElementsAre(96, 80, 64, 48));
  EXPECT_THAT(site(edge, "encoder.features.17.expansion").channels,
              ElementsAre(960, 800, 640, 480));
  EXPECT_EQ(edge.sites.front().name, "encoder.features.2.expansion");
  EXPECT_EQ(edge.sites.back().name, "decoder.decoder_conv1");
  EXPECT_EQ(count(deeplab_supernet(port(), kVocClasses)).bypasses, 10);
  EXPECT_EQ(count(deeplab_supernet(without_atrous_branches(1, 8), kVocClasses)),
            (Count{.bypasses = 10, .branches = 2, .widths = 16 + 1}));
  EXPECT_EQ(count(deeplab_supernet({.atrous_branches = false, .image_pooling = false}, 2)).branches,
            0);
}

TEST(Deeplab, OptionsReadBack) {
  DeeplabOptions options = xception();
  options.width = 0.5;
  options.decoder_convolutions = 1;
  DeeplabOptions read;
  core::Config::from_text(core::to_yaml(options), "test").read_into(read);
  EXPECT_EQ(read, options);
}

std::string error_of(DeeplabOptions options, int classes) {
  try {
    deeplab_supernet(options, classes);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser) << error.what();
    return error.what();
  }
  return "no error";
}

TEST(Deeplab, RefusesWhatItCannotBuild) {
  EXPECT_THAT(error_of({.output_stride = 12}, 2),
              HasSubstr("output_stride is 12, expected 8, 16 or 32"));
  EXPECT_THAT(error_of({.width = 0}, 2), HasSubstr("width is 0, expected 0.1 to 4"));
  EXPECT_THAT(error_of({.width = std::nan("")}, 2), HasSubstr("width is nan"));
  EXPECT_THAT(error_of({.divisible_by = 0}, 2), HasSubstr("divisible_by is 0, expected 1 to 64"));
  EXPECT_THAT(error_of({.aspp_channels = 0}, 2), HasSubstr("aspp_channels is 0"));
  EXPECT_THAT(error_of({.low_level_channels = -1}, 2), HasSubstr("low_level_channels is -1"));
  EXPECT_THAT(error_of({.decoder_convolutions = 3}, 2),
              HasSubstr("decoder_convolutions is 3, expected 1 to 2"));
  EXPECT_THAT(error_of({.decoder_channels = 5000}, 2), HasSubstr("decoder_channels is 5000"));
  EXPECT_THAT(error_of({}, 0), HasSubstr("classes is 0, expected 1 to"));
}

}  // namespace
}  // namespace parsimony::graph
