// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/deeplab.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/graph/decoder_layers.h"
#include "parsimony/graph/deeplab_backbones.h"

namespace parsimony::graph {
namespace {

void check_range(std::string_view name, double value, double low, double high) {
  if (!(value >= low && value <= high))
    core::throw_user_error("DeepLab: {} is {}, expected {} to {}", name, value, low, high);
}

constexpr double kMinWidth = 0.1, kMaxWidth = 4;
constexpr int kMaxDivisor = 64;
constexpr int kMaxChannels = 4096;

void check(const DeeplabOptions& options, int classes) {
  if (options.output_stride != 8 && options.output_stride != 16 && options.output_stride != 32) {
    core::throw_user_error("DeepLab: output_stride is {}, expected 8, 16 or 32",
                           options.output_stride);
  }
  check_range("width", options.width, kMinWidth, kMaxWidth);
  check_range("divisible_by", options.divisible_by, 1, kMaxDivisor);
  check_range("aspp_channels", options.aspp_channels, 1, kMaxChannels);
  check_range("low_level_channels", options.low_level_channels, 1, kMaxChannels);
  check_range("decoder_convolutions", options.decoder_convolutions, 1, 2);
  check_range("decoder_channels", options.decoder_channels, 1, kMaxChannels);
  check_range("classes", classes, 1, kMaxChannels);
}

class Head {
 public:
  Head(Supernet& supernet, const DeeplabOptions& options)
      : supernet_(supernet), layers_(supernet.graph), options_(options) {}

  // Returns the logits.
  NodeId build(const DeeplabMaps& maps, int classes) {
    Feature x = aspp(feature_of(maps.high_level));
    if (options_.decoder) x = decoder(x, feature_of(maps.low_level));
    return layers_.add(Conv{.in_channels = x.channels, .out_channels = classes, .bias = true},
                       {x.node},
                       "decoder.logits");
  }

 private:
  Feature aspp(const Feature& x) {
    const std::int64_t width = options_.aspp_channels;
    std::vector<NodeId> branches;
    std::vector<std::string> names;
    if (options_.image_pooling) {
      names.emplace_back("decoder.image_pooling");
      branches.push_back(layers_.global_pool(x, width, names.back()).node);
    }
    names.emplace_back("decoder.aspp0");
    branches.push_back(one_by_one(x, width, names.back()).node);
    for (int i = 1; options_.atrous_branches && i <= 3; ++i) {
      const int rate = 6 * i * 16 / options_.output_stride;
      names.push_back(fmt::format("decoder.aspp{}", i));
      branches.push_back(three_by_three(x, width, rate, names.back()).node);
    }

    Feature joined{branches[0], width, x.halvings};
    if (branches.size() > 1) {
      joined.node = layers_.add(Concat{}, branches, "decoder.aspp");
      joined.channels = width * static_cast<std::int64_t>(branches.size());
      for (std::size_t i = 0; i < branches.size(); ++i)
        add_branch_site(supernet_, names[i], branches[i], joined.node);
    }
    const Feature result = one_by_one(joined, width, "decoder.concat_projection");
    branches.push_back(result.node);
    add_width_site(supernet_, "decoder.aspp.channels", branches, kHeadShares);
    return result;
  }

  Feature decoder(const Feature& x, const Feature& low) {
    const Feature low_level =
        one_by_one(low, options_.low_level_channels, "decoder.feature_projection0");
    constexpr std::array kShares = {2.0 / 3, 1.0 / 2, 1.0 / 3};
    add_width_site(supernet_, "decoder.feature_projection0.channels", {low_level.node}, kShares);
    const Feature fine = layers_.resized(x, low_level, "decoder.resize");
    const Feature joined{layers_.add(Concat{}, {fine.node, low_level.node}, "decoder.concat"),
                         fine.channels + low_level.channels,
                         low.halvings};

    const Feature first =
        three_by_three(joined, options_.decoder_channels, 1, "decoder.decoder_conv0");
    if (options_.decoder_convolutions == 1) {
      add_width_site(supernet_, "decoder.channels", {first.node}, kHeadShares);
      return first;
    }
    const Feature second =
        three_by_three(first, options_.decoder_channels, 1, "decoder.decoder_conv1");
    add_width_site(supernet_, "decoder.channels", {first.node, second.node}, kHeadShares);
    add_bypass_site(supernet_, "decoder.decoder_conv1", first.node, second.node);
    return second;
  }

  Feature one_by_one(const Feature& x, std::int64_t out, const std::string& name) {
    const Conv conv{.in_channels = x.channels, .out_channels = out};
    return {layers_.conv_bn_relu(x.node, conv, name), out, x.halvings};
  }

  Feature three_by_three(const Feature& x,
                         std::int64_t out,
                         std::int64_t dilation,
                         const std::string& name) {
    Conv conv{.in_channels = x.channels,
              .out_channels = out,
              .kernel = 3,
              .padding = dilation,
              .dilation = dilation};
    if (options_.head == DeeplabHead::kDense)
      return {layers_.conv_bn_relu(x.node, conv, name), out, x.halvings};
    conv.out_channels = conv.groups = x.channels;
    const NodeId y = layers_.conv_bn_relu(x.node, conv, name + ".depthwise");
    return one_by_one({y, x.channels, x.halvings}, out, name + ".pointwise");
  }

  static constexpr std::array kHeadShares = {3.0 / 4, 1.0 / 2, 3.0 / 8, 1.0 / 4};

  Supernet& supernet_;
  DecoderLayers layers_;
  const DeeplabOptions& options_;
};

}  // namespace

void DeeplabOptions::visit(core::FieldVisitor& v) {
  v.choice("backbone", backbone, kDeeplabBackboneNames, {"mobilenet_v2 or xception_65"});
  v.field("width", width, {"multiplier of the backbone's channels", kMinWidth, kMaxWidth});
  v.field(
      "divisible_by",
      divisible_by,
      {"what channels are a multiple of when width is not 1: 8 as in MobileNets, or 1 as in TensorFlow's DeepLab",
       1,
       kMaxDivisor});
  v.field("output_stride", output_stride, {"of the ASPP: 8, 16 or 32", 8, 32});
  v.choice("head", head, kDeeplabHeadNames, {"3x3 convolutions of ASPP and decoder"});
  v.field("atrous_branches", atrous_branches, {"whether the ASPP has its three atrous branches"});
  v.field("image_pooling", image_pooling, {"whether the ASPP has its image pooling"});
  v.field("aspp_channels", aspp_channels, {"of each branch of the ASPP", 1, kMaxChannels});
  v.field("decoder", decoder, {"whether there is a decoder at stride 4 (DeepLabV3+)"});
  v.field("low_level_channels",
          low_level_channels,
          {"of the low-level map in the decoder", 1, kMaxChannels});
  v.field("decoder_convolutions", decoder_convolutions, {"3x3 convolutions of the decoder", 1, 2});
  v.field("decoder_channels", decoder_channels, {"of the decoder's convolutions", 1, kMaxChannels});
}

Supernet deeplab_supernet(const DeeplabOptions& options, int classes) {
  check(options, classes);
  Supernet supernet;
  const NodeId picture = supernet.graph.add(Input{3, 1}, {}, Section::kEncoder, "picture");
  const DeeplabMaps maps = add_backbone(supernet, picture, options);
  const NodeId logits = Head(supernet, options).build(maps, classes);
  supernet.graph.outputs.push_back({"logits", logits});
  verify(supernet.graph);
  return supernet;
}

}  // namespace parsimony::graph
