// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/trained_graph.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::deploy {

using graph::BatchNorm;
using graph::Conv;
using graph::PathAttention;
using graph::Scale;

std::vector<Parameter> parameters_of(const graph::Node& node) {
  if (const Conv* conv = std::get_if<Conv>(&node.layer)) {
    std::vector<Parameter> parameters = {
        {node.name + ".weight",
         {conv->out_channels, conv->in_channels / conv->groups, conv->kernel, conv->kernel}}};
    if (conv->bias) parameters.push_back({node.name + ".bias", {conv->out_channels}});
    return parameters;
  }
  if (const BatchNorm* norm = std::get_if<BatchNorm>(&node.layer)) {
    return {{node.name + ".weight", {norm->channels}},
            {node.name + ".bias", {norm->channels}},
            {node.name + ".running_mean", {norm->channels}},
            {node.name + ".running_var", {norm->channels}}};
  }
  if (const Scale* scale = std::get_if<Scale>(&node.layer))
    return {{node.name + ".weight", {scale->channels}}};
  if (const auto* gate = std::get_if<PathAttention>(&node.layer);
      gate != nullptr && graph::has_weights(node.layer)) {
    const Parameter gamma = {node.name + ".gamma", {gate->inputs}};
    if (!gate->reads_content()) return {gamma};
    return {gamma,
            {node.name + ".hidden_weight", {gate->hidden(), gate->channels}},
            {node.name + ".hidden_bias", {gate->hidden()}},
            {node.name + ".score_weight", {gate->hidden()}},
            {node.name + ".score_bias", {1}}};
  }
  return {};
}

std::vector<float> values_of(const weights::ArrayMap& weights, const Parameter& parameter) {
  const auto found = weights.arrays.find(parameter.name);
  if (found == weights.arrays.end()) {
    core::throw_user_error(
        "the weights have no array '{}', which the network needs with shape [{}]",
        parameter.name,
        fmt::join(parameter.shape, ", "));
  }
  if (found->second.shape != parameter.shape) {
    core::throw_user_error("the array '{}' has shape [{}], the network needs [{}]",
                           parameter.name,
                           fmt::join(found->second.shape, ", "),
                           fmt::join(parameter.shape, ", "));
  }
  std::vector<float> values = found->second.to_floats();
  if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
    core::throw_user_error("the array '{}' holds a value that is not finite; the training diverged",
                           parameter.name);
  }
  return values;
}

}  // namespace parsimony::deploy
