// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/graph/graph.h"

namespace parsimony::graph {

// A feature map that the encoder hands to the decoder.
struct Tap {
  NodeId node = 0;
  std::int64_t channels = 0;
  std::int64_t stride = 1;
};

// Which maps of a GhostNet the decoder gets: those of strides 4, 16, 32 and 32 that System B took,
// or one per stride, 4, 8, 16 and 32, as of the other encoders.
enum class EncoderTaps { kPublished, kPyramid };
inline constexpr std::array<std::string_view, 2> kEncoderTapsNames = {"published", "pyramid"};

struct EncoderOptions {
  std::string name = "mobilenet_v2";
  double width = 1.0;  // channel multiplier; results are rounded to multiples of 8
  // Whether the block without expansion (t = 1) of MobileNet-v2 still carries a 1x1 convolution, as
  // in the cell search's reference code and in MXNet's weights; torchvision's weights have none.
  bool first_expansion = true;
  EncoderTaps taps = EncoderTaps::kPublished;  // of a GhostNet

  // A published channel count times the width.
  std::int64_t scaled(std::int64_t channels) const;
  void visit(core::FieldVisitor& v);
  bool operator==(const EncoderOptions&) const = default;
};

// One row of the table of encoders. `build` appends the encoder to `graph`, reading `picture`, and
// returns four taps from the finest to the coarsest; no layer stands before a tap that it does not
// need.
struct EncoderFamily {
  std::string_view name;
  std::string_view summary;
  std::vector<Tap> (*build)(Graph& graph, NodeId picture, const EncoderOptions& options);
};

std::span<const EncoderFamily> encoder_families();

// A network under construction or finished, and where its encoder hands over to its decoder.
struct LoweredNetwork {
  Graph graph;
  std::vector<Tap> taps;
};

// A picture and the encoder named in `options` up to its tap number `taps` - 1, without outputs; a
// user error with the nearest name when there is no such encoder.
LoweredNetwork begin_network(const EncoderOptions& options, std::size_t taps);

}  // namespace parsimony::graph
