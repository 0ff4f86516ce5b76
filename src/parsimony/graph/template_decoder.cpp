// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/template_decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/graph/decoder_layers.h"

namespace parsimony::graph {
namespace {

using space::Aggregation;
using space::Template;
using space::TemplateBlock;
using space::TemplateGenotype;
using space::TemplateOp;

class TemplateDecoder {
 public:
  TemplateDecoder(Graph& graph, const TemplateGenotype& genotype, const DecoderOptions& options)
      : layers_(graph), genotype_(genotype), options_(options) {}

  // Returns the logits.
  NodeId build(const std::vector<Tap>& taps, int classes) {
    for (const Tap& tap : taps) pool_.push_back(feature_of(tap));
    for (std::size_t b = 0; b < genotype_.blocks.size(); ++b) pool_.push_back(block(b));
    std::vector<Feature> collected;
    for (const int b : genotype_.collected_blocks()) {
      collected.push_back(pool_[static_cast<std::size_t>(space::kTemplateTaps + b)]);
    }
    return layers_.head(collected, options_.width, classes);
  }

 private:
  enum class JoinAt { kSmallerSize, kLargerSize };

  Feature block(std::size_t b) {
    const TemplateBlock& block = genotype_.blocks[b];
    const auto shrinking = static_cast<std::size_t>(
        space::shrinking_blocks(static_cast<int>(genotype_.blocks.size())));
    const JoinAt join = b < shrinking ? JoinAt::kSmallerSize : JoinAt::kLargerSize;
    const Template& design = genotype_.templates[static_cast<std::size_t>(block.design)];
    const std::int64_t stride = block.halves ? 2 : 1;
    Feature x = pool_[static_cast<std::size_t>(block.first)];
    Feature y = pool_[static_cast<std::size_t>(block.second)];
    for (int r = 0; r < block.repeats; ++r) {
      const std::string name = fmt::format("decoder.block{}.t{}", b, r);
      const std::int64_t widening = r == 0 ? stride : 1;
      const Feature u = operation(design.op1, x, widening, stride, name + ".op1");
      const Feature v = operation(design.op2, y, widening, stride, name + ".op2");
      const Feature z = aggregate(design.aggregation, u, v, join, name);
      x = y;
      y = z;
    }
    return y;
  }

  Feature operation(TemplateOp op,
                    const Feature& x,
                    std::int64_t widening,
                    std::int64_t stride,
                    const std::string& name) {
    const std::int64_t out = widening * x.channels;
    const auto separable = [&](std::int64_t kernel, std::int64_t dilation) {
      return layers_.separable(
          x,
          out,
          {.kernel = kernel, .dilation = dilation, .stride = stride, .repeats = options_.repeats},
          name);
    };
    switch (op) {
      case TemplateOp::kSepConv3x3:
        return separable(3, 1);
      case TemplateOp::kSepConv5x5:
        return separable(5, 1);
      case TemplateOp::kSepConv5x5Dil6:
        return separable(5, 6);
      case TemplateOp::kGlobalPool:
        return layers_.global_pool(x, out, name);
      case TemplateOp::kMaxPool3x3:
        return max_pool(x, out, stride, name);
      case TemplateOp::kSkip:
        return tiled(x, widening, name);
    }
    core::throw_internal_error("template operation {} does not exist", static_cast<int>(op));
  }

  Feature max_pool(const Feature& x,
                   std::int64_t out,
                   std::int64_t stride,
                   const std::string& name) {
    const NodeId y =
        layers_.conv_bn(x.node, Conv{.in_channels = x.channels, .out_channels = out}, name);
    const MaxPool pool{.kernel = 3, .stride = stride, .padding = 1};
    return {layers_.add(pool, {y}, name + ".pool"), out, x.halvings + (stride == 2 ? 1 : 0)};
  }

  Feature tiled(const Feature& x, std::int64_t times, const std::string& name) {
    if (times == 1) return x;
    const std::vector<NodeId> copies(static_cast<std::size_t>(times), x.node);
    return {layers_.add(Concat{}, copies, name + ".tile"), times * x.channels, x.halvings};
  }

  Feature aggregate(
      Aggregation aggregation, Feature u, Feature v, JoinAt join, const std::string& name) {
    const std::int64_t width = std::max(u.channels, v.channels);
    u = widened(u, width, name + ".adapt1");
    v = widened(v, width, name + ".adapt2");
    const bool u_moves = (u.halvings < v.halvings) == (join == JoinAt::kSmallerSize);
    if (u_moves) {
      u = layers_.resized(u, v, name + ".resize1");
    } else {
      v = layers_.resized(v, u, name + ".resize2");
    }
    if (aggregation == Aggregation::kScaledSum) {
      const NodeId a = layers_.add(Scale{width}, {u.node}, name + ".a");
      const NodeId b = layers_.add(Scale{width}, {v.node}, name + ".b");
      return {layers_.add(Add{}, {a, b}, name + ".psum"), width, u.halvings};
    }
    NodeId x = layers_.add(Concat{}, {u.node, v.node}, name + ".cat");
    x = layers_.add(BatchNorm{2 * width}, {x}, name + ".cat.bn");
    x = layers_.add(Relu{}, {x}, name + ".cat.relu");
    x = layers_.add(Conv{.in_channels = 2 * width, .out_channels = width}, {x}, name + ".cat.conv");
    return {x, width, u.halvings};
  }

  Feature widened(const Feature& x, std::int64_t width, const std::string& name) {
    if (x.channels == width) return x;
    const Conv conv{.in_channels = x.channels, .out_channels = width};
    return {layers_.conv_bn_relu(x.node, conv, name), width, x.halvings};
  }

  DecoderLayers layers_;
  const TemplateGenotype& genotype_;
  const DecoderOptions& options_;
  std::vector<Feature> pool_;
};

}  // namespace

LoweredNetwork lower(const space::TemplateGenotype& genotype,
                     const EncoderOptions& encoder,
                     const DecoderOptions& decoder,
                     int classes) {
  LoweredNetwork network = begin_network(encoder, space::kTemplateTaps);
  const NodeId logits =
      TemplateDecoder(network.graph, genotype, decoder).build(network.taps, classes);
  network.graph.outputs.push_back({"logits", logits});
  verify(network.graph);
  return network;
}

}  // namespace parsimony::graph
