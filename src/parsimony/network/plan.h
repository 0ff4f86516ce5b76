// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "parsimony/graph/graph.h"
#include "parsimony/network/grid_layers.h"
#include "parsimony/network/noise.h"
#include "parsimony/network/ops.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

struct ConvState {
  Tensor weight;  // [out, in / groups, k, k]
  Tensor bias;    // [out] or undefined
};

// One executable step: a graph node, a run conv - batch norm - ReLU (where the convolution may be a
// depthwise and a pointwise one, or a pointwise one of a concatenation), or a run resize - sum -
// ReLU, computed together. `result` is the node whose value the step produces.
struct Step {
  graph::NodeId conv = -1;       // -1: none
  graph::NodeId pointwise = -1;  // behind a depthwise conv
  bool joins = false;            // the inputs are concatenated before a pointwise conv
  graph::NodeId norm = -1;
  Clamp clamp = Clamp::kNone;
  bool only_output = false;  // no other step reads the result
  bool deferred = false;     // in training, norm and clamp are done by those who read the result
  graph::NodeId result = 0;
  // Of a sum: the first `terms` inputs, resized where needed to the size of the last one.
  std::size_t terms = 0;
  std::vector<graph::NodeId> inputs;
  std::vector<graph::NodeId> last_uses;  // values that nobody needs after this step
};

// The steps that compute some outputs of a graph, in order.
struct Plan {
  std::vector<Step> steps;
  std::vector<graph::NodeId> outputs;
};
Plan make_plan(const graph::Graph& graph, const std::vector<graph::Output>& outputs);

// What a plan runs on.
struct ExecutionState {
  const graph::Graph& graph;
  std::map<graph::NodeId, ConvState>& convs;
  std::map<graph::NodeId, NormState>& norms;
  std::map<graph::NodeId, Tensor>& scales;  // [C]
  std::map<graph::NodeId, AttentionState>& attentions;
  std::optional<StepNoise> noise;
  Kernels kernels;
  bool narrow = false;            // maps are narrow (narrow_maps.h); with kFast
  bool keeps_statistics = false;  // training leaves running statistics as they are
};

// Inputs in the order of the graph's Input and Coefficients layers; results in the order of
// plan.outputs. Outside training and without gradients, batch norms are folded into the
// convolutions before them and every value is released after its last use. Where maps are narrow,
// so are those among the inputs, and results are fp32; layers without loops for narrow maps are
// computed in fp32.
std::vector<Tensor> execute(const Plan& plan,
                            const ExecutionState& state,
                            const std::vector<Tensor>& inputs,
                            bool training);

}  // namespace parsimony::network
