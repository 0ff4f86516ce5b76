// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parsimony/graph/graph.h"

namespace parsimony::latency {

enum class WorkKind {
  kPointwise,    // convolution with a 1x1 kernel
  kConvolution,  // with a larger one, of all or of groups of channels
  kDepthwise,    // one channel each
  kLinear,       // convolution whose result is one pixel: a matrix times a vector
  kAdd,
  kPool,    // largest value or mean
  kResize,  // bilinear
  kConcat,  // copies: of maps behind each other, of some of a map's channels or all in a new order
  kScale,   // one factor per channel, learned or computed
};

// What one layer of a deployed network asks of a device, at batch 1. Batch norms, activations and
// biases are part of the layer before them, as deployment tools fuse them.
struct Work {
  WorkKind kind = WorkKind::kConvolution;
  graph::Shape in;   // of the map it reads; of a sum, of one term; of a concatenation, of all parts
  graph::Shape out;  // of its result
  std::int64_t kernel = 1, stride = 1, dilation = 1, groups = 1;
  // The works whose results it reads, as positions in their list, the latest last; kPicture: the
  // network's input.
  std::vector<int> inputs;
  std::string name;  // of the graph's node

  bool is_convolution() const {
    return kind == WorkKind::kPointwise || kind == WorkKind::kConvolution ||
           kind == WorkKind::kDepthwise || kind == WorkKind::kLinear;
  }
  std::int64_t macs_per_output() const {
    return is_convolution() ? kernel * kernel * in.channels / groups : 0;
  }
  std::int64_t macs() const { return out.elements() * macs_per_output(); }
  std::int64_t weights() const { return out.channels * macs_per_output(); }
};
inline constexpr int kPicture = -1;

// The work behind the output "logits" of a network that reads one picture, in an order in which it
// can be done.
std::vector<Work> work_of(const graph::Graph& network, graph::Size picture);

}  // namespace parsimony::latency
