// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/plan.h"

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/network/depthwise.h"
#include "parsimony/network/joined_maps.h"
#include "parsimony/network/layout.h"
#include "parsimony/network/map_sum.h"
#include "parsimony/network/narrow_convolution.h"
#include "parsimony/network/pointwise.h"
#include "parsimony/network/scaled_channels.h"
#include "parsimony/network/weighted_sum.h"

namespace parsimony::network {
namespace {

using graph::NodeId;

constexpr std::size_t at_index(NodeId id) {
  return static_cast<std::size_t>(id);
}

// The single reader of a node that is no output; -1 when there are none or several.
std::vector<NodeId> single_readers(const graph::Graph& graph,
                                   const std::vector<bool>& needed,
                                   const std::vector<graph::Output>& outputs) {
  std::vector<int> count(graph.nodes.size(), 0);
  std::vector<NodeId> reader(graph.nodes.size(), -1);
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    if (!needed[at_index(id)]) continue;
    for (const NodeId input : graph[id].inputs) {
      ++count[at_index(input)];
      reader[at_index(input)] = id;
    }
  }
  for (const graph::Output& out : outputs) ++count[at_index(out.node)];
  for (std::size_t i = 0; i < reader.size(); ++i) {
    if (count[i] != 1) reader[i] = -1;
  }
  return reader;
}

template <typename L>
const L* layer_at(const graph::Graph& graph, NodeId id) {
  return id < 0 ? nullptr : std::get_if<L>(&graph[id].layer);
}

// What comes from outside.
bool is_given(const graph::Graph& graph, NodeId id) {
  return layer_at<graph::Input>(graph, id) != nullptr ||
         layer_at<graph::Coefficients>(graph, id) != nullptr;
}

// Whether a resize is done by the sum that reads it.
bool belongs_to_sum(const graph::Graph& graph, const std::vector<NodeId>& reader, NodeId id) {
  return layer_at<graph::Resize>(graph, id) != nullptr &&
         layer_at<graph::Add>(graph, reader[at_index(id)]) != nullptr;
}

// Whether a concatenation is done by the convolution that reads it.
bool belongs_to_pointwise(const graph::Graph& graph, const std::vector<NodeId>& reader, NodeId id) {
  const auto* conv = layer_at<graph::Conv>(graph, reader[at_index(id)]);
  return layer_at<graph::Concat>(graph, id) != nullptr && conv != nullptr && is_pointwise(*conv);
}

// A sum or a lone resize, with the resizes before it and the ReLU behind it.
Step fuse_sum(const graph::Graph& graph, const std::vector<NodeId>& reader, NodeId id) {
  Step step;
  step.result = id;
  NodeId size = -1;
  const auto add_resize = [&](NodeId resize) {
    step.inputs.push_back(graph[resize].inputs[0]);
    if (size < 0) size = graph[resize].inputs[1];
  };
  if (layer_at<graph::Resize>(graph, id) != nullptr) {
    add_resize(id);
  } else {
    for (const NodeId term : graph[id].inputs) {
      if (belongs_to_sum(graph, reader, term)) {
        add_resize(term);
      } else {
        step.inputs.push_back(term);
        size = term;
      }
    }
  }
  step.terms = step.inputs.size();
  step.inputs.push_back(size);
  const NodeId after = reader[at_index(id)];
  if (const auto* relu = layer_at<graph::Relu>(graph, after); relu != nullptr && !relu->bounded()) {
    step.clamp = Clamp::kRelu;
    step.result = after;
  }
  return step;
}

// Extends a step that starts at `id` over the layers behind it that are computed with it.
Step fuse(const graph::Graph& graph, const std::vector<NodeId>& reader, NodeId id) {
  if (layer_at<graph::Add>(graph, id) != nullptr || layer_at<graph::Resize>(graph, id) != nullptr)
    return fuse_sum(graph, reader, id);
  Step step;
  step.result = id;
  step.inputs = graph[id].inputs;
  NodeId next = id;
  const NodeId joint = step.inputs[0];
  if (layer_at<graph::Conv>(graph, id) != nullptr && belongs_to_pointwise(graph, reader, joint)) {
    step.joins = true;
    step.inputs = graph[joint].inputs;
  }
  if (layer_at<graph::Conv>(graph, id) != nullptr) {
    step.conv = id;
    next = reader[at_index(id)];
    const auto* second = layer_at<graph::Conv>(graph, next);
    if (second != nullptr && is_pointwise(*second) &&
        is_own_depthwise(*layer_at<graph::Conv>(graph, id))) {
      step.pointwise = step.result = next;
      next = reader[at_index(next)];
    }
  }
  if (layer_at<graph::BatchNorm>(graph, next) == nullptr) return step;
  step.norm = next;
  step.result = next;
  const NodeId after = reader[at_index(next)];
  if (const auto* relu = layer_at<graph::Relu>(graph, after)) {
    step.clamp = clamp_of(*relu);
    step.result = after;
  }
  return step;
}

// Whether a step can do the batch norm and clamp of a map that it reads.
bool step_applies_activation(const graph::Graph& graph, const Step& step) {
  if (const auto* conv = layer_at<graph::Conv>(graph, step.conv)) return applies_activation(*conv);
  return step.terms > 0 || layer_at<graph::Concat>(graph, step.result) != nullptr ||
         layer_at<graph::GlobalPool>(graph, step.result) != nullptr ||
         layer_at<graph::WeightedSum>(graph, step.result) != nullptr ||
         layer_at<graph::Multiply>(graph, step.result) != nullptr;
}

void mark_deferred(const graph::Graph& graph, Plan& plan) {
  std::vector<bool> can(graph.nodes.size(), true);
  for (const NodeId out : plan.outputs) can[at_index(out)] = false;
  for (const Step& step : plan.steps) {
    if (step_applies_activation(graph, step)) continue;
    for (const NodeId input : step.inputs) can[at_index(input)] = false;
  }
  // Only of a map that nobody else sees, which a convolution of the same step has written.
  for (Step& step : plan.steps)
    step.deferred = step.conv >= 0 && step.norm >= 0 && can[at_index(step.result)];
}

void mark_only_outputs(Plan& plan) {
  for (Step& step : plan.steps) {
    const auto reads = [&](const Step& other) {
      return std::find(other.inputs.begin(), other.inputs.end(), step.result) != other.inputs.end();
    };
    step.only_output = std::none_of(plan.steps.begin(), plan.steps.end(), reads);
  }
}

// conv and batch norm with running statistics as one convolution.
ConvState folded(const ConvState& conv, const NormState& norm) {
  const Tensor scale = norm.weight * (norm.running_variance + kNormEpsilon).rsqrt();
  Tensor bias = norm.bias - norm.running_mean * scale;
  if (conv.bias.defined()) bias = bias + conv.bias * scale;
  return {conv.weight * scale.view({-1, 1, 1, 1}), bias};
}

Tensor clamp_in_place(Tensor x, Clamp clamp) {
  if (clamp == Clamp::kNone) return x;
  if (clamp == Clamp::kRelu) return x.relu_();
  return x.clamp_(clamp.floor, clamp.ceiling);
}

// The step's convolution, or both of them; `last` is what the last one computes with.
Tensor run_convolutions(const Step& step,
                        const ExecutionState& state,
                        const std::vector<FeatureMap>& in,
                        const ConvState& last) {
  const FeatureMap& x = in[0];
  const auto& conv = std::get<graph::Conv>(state.graph[step.conv].layer);
  const bool own = state.kernels == Kernels::kFast && suits_own_loops(x.values);
  if (step.joins) {
    if (own) return pointwise_convolution(in, last.weight, last.bias);
    return convolution(joined_maps(in, state.kernels), last.weight, last.bias, conv, state.kernels);
  }
  if (step.pointwise < 0) return convolution(x, last.weight, last.bias, conv, state.kernels);
  const Tensor& depthwise = state.convs.at(step.conv).weight;
  if (own) return separable_convolution(x, depthwise, conv.dilation, last.weight, last.bias);
  return convolution(convolution(x, depthwise, Tensor(), conv, state.kernels),
                     last.weight,
                     last.bias,
                     std::get<graph::Conv>(state.graph[step.pointwise].layer),
                     state.kernels);
}

FeatureMap run_conv_norm(const Step& step,
                         const ExecutionState& state,
                         const std::vector<FeatureMap>& in,
                         bool training) {
  const NodeId last = step.pointwise >= 0 ? step.pointwise : step.conv;
  const bool fold = !training && !at::GradMode::is_enabled() && last >= 0 && step.norm >= 0;
  if (fold) {
    const ConvState both = folded(state.convs.at(last), state.norms.at(step.norm));
    const auto& conv = std::get<graph::Conv>(state.graph[last].layer);
    if (!is_own_depthwise(conv))
      return clamp_in_place(run_convolutions(step, state, in, both), step.clamp);
    // Our depthwise kernel has no bias; the shift costs one pass, fused with the clamp by
    // LibTorch's in-place ops.
    Tensor y = run_convolutions(step, state, in, {both.weight, Tensor()});
    y.add_(both.bias.view({1, -1, 1, 1}));
    return clamp_in_place(y, step.clamp);
  }
  Tensor y = in[0].values;
  if (last >= 0) y = run_convolutions(step, state, in, state.convs.at(last));
  if (step.norm < 0) return y;
  NormState norm = state.norms.at(step.norm);
  if (training && state.keeps_statistics) norm.running_mean = norm.running_variance = Tensor();
  if (step.deferred && training && state.kernels == Kernels::kFast && suits_own_loops(y))
    return deferred_norm_clamp(y, norm, step.clamp);
  return norm_clamp(y, norm, training, step.clamp, state.kernels);
}

Tensor run_dropout(const graph::Dropout& dropout,
                   const Step& step,
                   const ExecutionState& state,
                   const Tensor& x,
                   bool training) {
  if (!training || !state.noise || dropout.rate == 0) return x;
  return dropped_out(x, dropout.rate, state.noise->rng.split(state.graph[step.result].name));
}

Tensor run_drop_path(const graph::DropPath& drop,
                     const Step& step,
                     const ExecutionState& state,
                     const Tensor& x,
                     bool training) {
  const double rate = drop.rate * (training && state.noise ? state.noise->progress : 0);
  if (rate == 0) return x;
  return dropped_pictures(x, rate, state.noise->rng.split(state.graph[step.result].name));
}

// Whether a step has loops for narrow maps. Without gradients, outside training, batch norms are
// folded; with them, running statistics are nothing that one trains on.
bool has_narrow_loops(const Step& step, const ExecutionState& state, bool training) {
  if (step.conv < 0) {
    const graph::Layer& layer = state.graph[step.result].layer;
    return step.terms > 0 || std::holds_alternative<graph::Concat>(layer) ||
           std::holds_alternative<graph::GlobalPool>(layer) ||
           std::holds_alternative<graph::Multiply>(layer);
  }
  if (step.norm >= 0 && !training && at::GradMode::is_enabled()) return false;
  if (step.pointwise >= 0 || step.joins) return true;
  const auto& conv = std::get<graph::Conv>(state.graph[step.conv].layer);
  return keeps_size(conv) && conv.groups == 1;
}

FeatureMap run_narrow_conv_norm(const Step& step,
                                const ExecutionState& state,
                                const std::vector<FeatureMap>& in,
                                bool training) {
  const NodeId last = step.pointwise >= 0 ? step.pointwise : step.conv;
  const auto& first_conv = std::get<graph::Conv>(state.graph[step.conv].layer);
  const ConvState& weights = state.convs.at(last);
  NarrowConvolution conv{.depthwise = {},
                         .depthwise_dilation = 1,
                         .weight = weights.weight,
                         .dilation = std::get<graph::Conv>(state.graph[last].layer).dilation,
                         .bias = weights.bias};
  if (step.pointwise >= 0) {
    conv.depthwise = state.convs.at(step.conv).weight;
    conv.depthwise_dilation = first_conv.dilation;
  }
  if (step.norm < 0) return narrow_convolution(in, conv, step.only_output, Clamp::kNone);
  NormState norm = state.norms.at(step.norm);
  if (!training) {
    const ConvState both = folded(weights, norm);
    conv.weight = both.weight;
    conv.bias = both.bias;
    return narrow_convolution(in, conv, step.only_output, step.clamp);
  }
  if (state.keeps_statistics) norm.running_mean = norm.running_variance = Tensor();
  FeatureMap y = narrow_convolution_norm(in, conv, norm, step.clamp);
  return step.deferred ? y : finished_narrow(y);
}

FeatureMap run(const Step& step,
               const ExecutionState& state,
               const std::vector<FeatureMap>& in,
               bool training);

// A step without loops for narrow maps, in fp32.
FeatureMap run_widened(Step step,
                       ExecutionState state,
                       const std::vector<FeatureMap>& in,
                       bool training) {
  step.deferred = false;
  state.narrow = false;
  std::vector<FeatureMap> wide;
  for (const FeatureMap& map : in) {
    const bool narrow = is_narrow(map.values);
    wide.emplace_back(narrow ? finished_narrow(map).to(at::kFloat) : map.values);
  }
  const Tensor y = run(step, state, wide, training).values;
  return y.dim() == 4 && !step.only_output ? channels_last(y.to(at::kBFloat16)) : y;
}

FeatureMap run(const Step& step,
               const ExecutionState& state,
               const std::vector<FeatureMap>& in,
               bool training) {
  if (state.narrow) {
    if (!has_narrow_loops(step, state, training)) return run_widened(step, state, in, training);
    if (step.conv >= 0) return run_narrow_conv_norm(step, state, in, training);
  }
  if (step.conv >= 0 || step.norm >= 0) return run_conv_norm(step, state, in, training);
  if (step.terms > 0) {
    const Tensor& size = in.back().values;
    return map_sum({in.begin(), in.begin() + static_cast<std::ptrdiff_t>(step.terms)},
                   size.size(2),
                   size.size(3),
                   step.clamp == Clamp::kRelu,
                   state.kernels);
  }
  const Tensor& x = in[0].values;
  return std::visit(
      graph::Match{
          [&](const graph::Relu& relu) { return clamped(x, clamp_of(relu)); },
          [&](const graph::Multiply&) { return scaled_channels(in[0], in[1], state.kernels); },
          [&](const graph::Concat&) { return joined_maps(in, state.kernels); },
          [&](const graph::GlobalPool&) { return pixel_mean(in[0], state.kernels); },
          [&](const graph::MaxPool& pool) {
            return at::max_pool2d(x, pool.kernel, pool.stride, pool.padding);
          },
          [&](const graph::AvgPool& pool) {
            return at::avg_pool2d(x,
                                  pool.kernel,
                                  pool.stride,
                                  pool.padding,
                                  /*ceil_mode=*/false,
                                  /*count_include_pad=*/false);
          },
          [&](const graph::Slice& slice) {
            // A copy: our own loops read pixels that lie behind each other.
            return x.narrow(1, slice.first, slice.channels).contiguous(x.suggest_memory_format());
          },
          [&](const graph::Shuffle& shuffle) { return shuffled_channels(x, shuffle.groups); },
          [&](const graph::Dropout& dropout) {
            return run_dropout(dropout, step, state, x, training);
          },
          [&](const graph::DropPath& drop) {
            return run_drop_path(drop, step, state, x, training);
          },
          [&](const graph::WeightedSum&) {
            return weighted_sum({in.begin(), in.end() - 1}, in.back().values, state.kernels);
          },
          [&](const graph::PathAttention& gate) {
            std::vector<Tensor> maps;
            for (const FeatureMap& map : in) maps.push_back(map.values);
            AttentionState& attention = state.attentions[step.result];
            if (gate.given_gamma) {
              attention.gamma = maps.back();
              maps.pop_back();
            }
            return path_attention(gate, attention, maps);
          },
          [&](const graph::Scale&) {
            return x * state.scales.at(step.result).view({1, -1, 1, 1});
          },
          [&](const graph::Zero&) { return x * 0; },
          [&](const auto&) -> Tensor {
            core::throw_internal_error("step {} cannot be run", step.result);
          }},
      state.graph[step.result].layer);
}

}  // namespace

Plan make_plan(const graph::Graph& graph, const std::vector<graph::Output>& outputs) {
  std::vector<bool> needed(graph.nodes.size(), false);
  for (const graph::Output& out : outputs) needed[at_index(out.node)] = true;
  for (std::size_t id = graph.nodes.size(); id-- > 0;) {
    if (!needed[id]) continue;
    for (const NodeId input : graph.nodes[id].inputs) needed[at_index(input)] = true;
  }

  Plan plan;
  for (const graph::Output& out : outputs) plan.outputs.push_back(out.node);
  const std::vector<NodeId> reader = single_readers(graph, needed, outputs);
  std::vector<bool> covered(graph.nodes.size(), false);
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    if (!needed[at_index(id)] || covered[at_index(id)]) continue;
    if (is_given(graph, id)) continue;
    if (belongs_to_sum(graph, reader, id) || belongs_to_pointwise(graph, reader, id)) continue;
    Step step = fuse(graph, reader, id);
    for (const NodeId part : {step.conv, step.pointwise, step.norm, step.result}) {
      if (part >= 0) covered[at_index(part)] = true;
    }
    plan.steps.push_back(std::move(step));
  }

  mark_deferred(graph, plan);
  mark_only_outputs(plan);

  std::vector<int> last(graph.nodes.size(), -1);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    for (const NodeId input : plan.steps[i].inputs) last[at_index(input)] = static_cast<int>(i);
  }
  for (const graph::Output& out : outputs) last[at_index(out.node)] = -1;
  for (std::size_t id = 0; id < last.size(); ++id) {
    if (last[id] >= 0)
      plan.steps[static_cast<std::size_t>(last[id])].last_uses.push_back(static_cast<NodeId>(id));
  }
  return plan;
}

std::vector<Tensor> execute(const Plan& plan,
                            const ExecutionState& state,
                            const std::vector<Tensor>& inputs,
                            bool training) {
  std::vector<FeatureMap> values(state.graph.nodes.size());
  std::size_t next_input = 0;
  for (std::size_t id = 0; id < state.graph.nodes.size(); ++id) {
    if (!is_given(state.graph, static_cast<NodeId>(id))) continue;
    core::require(
        next_input < inputs.size(), "the network needs more than {} inputs", inputs.size());
    values[id] = inputs[next_input++];
    Tensor& value = values[id].values;
    if (state.kernels == Kernels::kFast && value.dim() == 4) value = channels_last(value);
  }
  core::require(
      next_input == inputs.size(), "the network has {} inputs, got {}", next_input, inputs.size());

  std::vector<FeatureMap> in;
  for (const Step& step : plan.steps) {
    in.clear();
    for (const NodeId input : step.inputs) in.push_back(values[at_index(input)]);
    values[at_index(step.result)] = run(step, state, in, training);
    for (const NodeId done : step.last_uses) values[at_index(done)] = {};
  }
  std::vector<Tensor> results;
  for (const NodeId out : plan.outputs) {
    const Tensor& value = values[at_index(out)].values;
    results.push_back(is_narrow(value) ? value.to(at::kFloat) : value);
  }
  return results;
}

}  // namespace parsimony::network
