// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/encoder.h"

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/graph/encoder_ghostnet.h"
#include "parsimony/graph/inverted_residuals.h"

namespace parsimony::graph {
namespace {

// A MobileNet-v2-like encoder: channels of the stem, groups behind it, and the groups whose results
// are taps. Channels are times the width.
struct Design {
  std::int64_t stem;
  std::span<const InvertedResidualGroup> groups;
  std::array<std::size_t, 4> taps;
};

std::vector<Tap> inverted_residuals(Graph& graph,
                                    NodeId picture,
                                    const EncoderOptions& options,
                                    const Design& design) {
  InvertedResiduals net(graph, {.first_expansion = options.first_expansion});
  NodeId x = net.stem(picture, options.scaled(design.stem));
  std::vector<Tap> taps;
  for (std::size_t i = 0; i < design.groups.size(); ++i) {
    InvertedResidualGroup group = design.groups[i];
    group.channels = options.scaled(group.channels);
    x = net.group(x, group);
    if (i == design.taps[taps.size()]) taps.push_back({x, net.channels(), net.stride()});
  }
  return taps;
}

// MobileNet-v2 (Sandler et al., CVPR 2018) with the taps of the cell search: 24, 32, 96 and 320
// channels at strides 4, 8, 16 and 32.
std::vector<Tap> mobilenet_v2(Graph& graph, NodeId picture, const EncoderOptions& options) {
  return inverted_residuals(
      graph, picture, options, {kMobilenetV2Stem, kMobilenetV2Groups, {1, 2, 4, 6}});
}

// A small encoder of the same building blocks for studies without pre-trained weights: it trains on
// the study's own pictures in minutes on a CPU. 16, 24, 40 and 64 channels times the width.
std::vector<Tap> small(Graph& graph, NodeId picture, const EncoderOptions& options) {
  constexpr std::array<InvertedResidualGroup, 4> kGroups = {
      {{4, 16, 1, 2}, {4, 24, 2, 2}, {4, 40, 2, 2}, {4, 64, 1, 2}}};
  EncoderOptions plain = options;
  plain.first_expansion = false;
  return inverted_residuals(graph, picture, plain, {16, kGroups, {0, 1, 2, 3}});
}

constexpr std::array<EncoderFamily, 6> kFamilies = {{
    {"mobilenet_v2", "MobileNet-v2 without its classifier; ImageNet weights exist", mobilenet_v2},
    {"small", "a small MobileNet-v2-like encoder that is trained on the study's own data", small},
    {"ghostnet", "a light GhostNet of 0.18 M parameters, System B's kind", ghostnet},
    {"ghostnet_a",
     "a GhostNet of 0.26 M parameters, configuration A of System B's code",
     ghostnet_a},
    {"ghostnet_b",
     "a GhostNet of 0.13 M parameters, configuration B of System B's code",
     ghostnet_b},
    {"ghostnet_c",
     "a GhostNet of 0.03 M parameters, configuration C of System B's code",
     ghostnet_c},
}};

}  // namespace

std::int64_t EncoderOptions::scaled(std::int64_t channels) const {
  if (width == 1.0) return channels;
  return std::max<std::int64_t>(
      8, static_cast<std::int64_t>(std::llround(static_cast<double>(channels) * width / 8)) * 8);
}

void EncoderOptions::visit(core::FieldVisitor& v) {
  v.field("name", name, {"mobilenet_v2, small, ghostnet, ghostnet_a, ghostnet_b or ghostnet_c"});
  v.field("width", width, {"multiplier of all channel counts", 0.1, 4});
  v.field(
      "first_expansion",
      first_expansion,
      {"mobilenet_v2: the t = 1 block has a 1x1 convolution too (reference code: yes; torchvision: no)"});
  v.choice(
      "taps",
      taps,
      kEncoderTapsNames,
      {"ghostnet: the maps of strides 4, 16, 32 and 32 (published) or 4, 8, 16 and 32 (pyramid)"});
}

std::span<const EncoderFamily> encoder_families() {
  return kFamilies;
}

LoweredNetwork begin_network(const EncoderOptions& options, std::size_t taps) {
  std::vector<std::string> names;
  for (const EncoderFamily& family : kFamilies) {
    names.emplace_back(family.name);
    if (family.name != options.name) continue;
    LoweredNetwork network;
    const NodeId picture = network.graph.add(Input{3, 1}, {}, Section::kEncoder, "picture");
    network.taps = family.build(network.graph, picture, options);
    core::require(
        taps >= 1 && taps <= network.taps.size(), "{} has no {} taps", options.name, taps);
    network.taps.resize(taps);
    network.graph.nodes.resize(static_cast<std::size_t>(network.taps.back().node) + 1);
    return network;
  }
  core::throw_user_error("unknown encoder '{}'{} Known: {}",
                         options.name,
                         core::did_you_mean(options.name, names),
                         core::join(names, ", "));
}

}  // namespace parsimony::graph
