// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "parsimony/graph/graph.h"

namespace parsimony::graph {

// One count per section of a network.
struct SectionCounts {
  std::int64_t encoder = 0, decoder = 0, auxiliary = 0;
  // What remains when the network is used: auxiliary branches are dropped after training.
  std::int64_t total() const { return encoder + decoder; }
  std::int64_t& operator[](Section section);
  bool operator==(const SectionCounts&) const = default;
};

// Trainable values: convolution weights and biases, batch-norm scales and shifts, factors of scaled
// sums, what path attention learns (running statistics are not counted).
SectionCounts count_parameters(const Graph& graph);

// Multiply-accumulates of the convolutions at batch 1; biases, norms, sums, factors, path attention
// and resizes not counted.
SectionCounts count_macs(const Graph& graph, Size picture);

// "FLOPs" as the tool thop counted them in 2020 and System B reports them: convolution MACs, one
// per convolution bias output and two per batch-norm output (specified in Lyu et al.'s released
// code).
SectionCounts count_thop_flops(const Graph& graph, Size picture);

// Largest sum of the sizes of all feature maps that are alive at once, at batch 1 in fp32, when the
// graph's "logits" are computed in node order, each map freed after its last reader and batch norm,
// ReLU, factors, additions and path attention working in place where the map they overwrite is read
// by nobody else.
std::int64_t peak_activation_bytes(const Graph& graph, Size picture);

}  // namespace parsimony::graph
