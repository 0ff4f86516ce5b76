// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parsimony/graph/graph.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::deploy {

// Of every batch norm (graph/graph.h).
inline constexpr double kBatchNormEpsilon = 1e-5;

// A network with its weights. Arrays are called after the nodes: NAME.weight [out, in / groups, k,
// k] and NAME.bias of a convolution; NAME.weight, .bias, .running_mean and .running_var of a batch
// norm; NAME.weight [channels] of a scale; of path attention those of graph/path_attention.h.
struct TrainedGraph {
  graph::Graph graph;
  weights::ArrayMap weights;
};

// One array of a node and the shape that its layer asks for.
struct Parameter {
  std::string name;
  std::vector<std::int64_t> shape;
};
std::vector<Parameter> parameters_of(const graph::Node& node);

// The values of a parameter. A user error that names the array when it is missing, has another
// shape, or holds a value that is not finite (diverged weights must not leave the house).
std::vector<float> values_of(const weights::ArrayMap& weights, const Parameter& parameter);

}  // namespace parsimony::deploy
