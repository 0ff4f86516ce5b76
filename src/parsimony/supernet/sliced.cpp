// SPDX-License-Identifier: Apache-2.0
#include "parsimony/supernet/sliced.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/deploy/trained_graph.h"

namespace parsimony::supernet {
namespace {

using Channels = std::vector<std::int64_t>;

bool is_floating(weights::DType type) {
  using weights::DType;
  return type == DType::kF64 || type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

// What is wrong with the array, or nothing.
std::string shape_fault(const weights::ArrayMap& weights, const deploy::Parameter& parameter) {
  const auto found = weights.arrays.find(parameter.name);
  const std::string expected = fmt::format("[{}]", fmt::join(parameter.shape, ", "));
  if (found == weights.arrays.end())
    return fmt::format("there is no array '{}' of shape {}", parameter.name, expected);
  const weights::Array& array = found->second;
  if (array.shape != parameter.shape) {
    return fmt::format("the array '{}' has shape [{}], expected {}",
                       parameter.name,
                       fmt::join(array.shape, ", "),
                       expected);
  }
  if (!is_floating(array.type)) {
    return fmt::format("the array '{}' holds {}, expected floating-point values",
                       parameter.name,
                       weights::name_of(array.type));
  }
  return {};
}

std::string value_fault(const weights::Array& array, const std::string& name) {
  const std::vector<float> values = array.to_floats();
  const auto broken =
      std::ranges::count_if(values, [](float value) { return !std::isfinite(value); });
  if (broken > 0) {
    return fmt::format(
        "the array '{}' holds {} values of {} that are not finite", name, broken, values.size());
  }
  if (!name.ends_with(".running_var")) return {};
  const auto lowest = std::ranges::min_element(values);
  if (lowest == values.end() || *lowest + deploy::kBatchNormEpsilon > 0) return {};
  return fmt::format("the array '{}' holds the variance {}, expected at least 0", name, *lowest);
}

class Faults {
 public:
  void add(std::string fault) {
    if (fault.empty()) return;
    if (count_++ == 0) first_ = std::move(fault);
  }
  void check(std::string_view what) const {
    if (count_ == 0) return;
    core::throw_user_error("{}: {}{}",
                           what,
                           first_,
                           count_ == 1 ? "" : fmt::format(", and {} more such arrays", count_ - 1));
  }

 private:
  std::string first_;
  int count_ = 0;
};

// Slices of `array` along dimension 0, and along dimension 1 where `inputs` is given.
weights::Array taken(const weights::Array& array, const Channels& outputs, const Channels* inputs) {
  weights::Array result{array.type, array.shape, {}};
  result.shape[0] = std::ssize(outputs);
  if (inputs != nullptr) result.shape[1] = std::ssize(*inputs);
  const std::size_t row = array.bytes.size() / static_cast<std::size_t>(array.shape[0]);
  const std::size_t piece =
      inputs == nullptr ? row : row / static_cast<std::size_t>(array.shape[1]);
  result.bytes.reserve(outputs.size() * (inputs == nullptr ? 1 : inputs->size()) * piece);
  const auto append = [&](std::size_t from) {
    const auto begin = array.bytes.begin() + static_cast<std::ptrdiff_t>(from);
    result.bytes.insert(result.bytes.end(), begin, begin + static_cast<std::ptrdiff_t>(piece));
  };
  for (const std::int64_t output : outputs) {
    const std::size_t begin = static_cast<std::size_t>(output) * row;
    if (inputs == nullptr) {
      append(begin);
      continue;
    }
    for (const std::int64_t input : *inputs)
      append(begin + static_cast<std::size_t>(input) * piece);
  }
  return result;
}

}  // namespace

void check_weights(const graph::Graph& graph, const weights::ArrayMap& weights) {
  Faults shapes, values;
  for (const graph::Node& node : graph.nodes) {
    for (const deploy::Parameter& parameter : deploy::parameters_of(node))
      shapes.add(shape_fault(weights, parameter));
  }
  shapes.check("these are the weights of another network");
  for (const graph::Node& node : graph.nodes) {
    for (const deploy::Parameter& parameter : deploy::parameters_of(node))
      values.add(value_fault(weights.arrays.at(parameter.name), parameter.name));
  }
  values.check("these weights are damaged, or their training diverged");
}

weights::ArrayMap sliced(const graph::Supernet& supernet,
                         const weights::ArrayMap& weights,
                         const graph::Choices& choices) {
  const auto channels = graph::channel_slices(supernet, choices);
  check_weights(supernet.graph, weights);
  return selected(supernet.graph, weights, channels);
}

weights::ArrayMap selected(const graph::Graph& graph,
                           const weights::ArrayMap& weights,
                           const std::map<std::string, graph::ChannelSlice>& channels) {
  weights::ArrayMap result;
  result.metadata = weights.metadata;
  for (const graph::Node& node : graph.nodes) {
    if (!graph::has_weights(node.layer) || !channels.contains(node.name)) continue;
    const graph::ChannelSlice& slice = channels.at(node.name);
    const auto* conv = std::get_if<graph::Conv>(&node.layer);
    for (const deploy::Parameter& parameter : deploy::parameters_of(node)) {
      const bool has_inputs = conv != nullptr && conv->groups == 1 && parameter.shape.size() == 4;
      result.arrays[parameter.name] = taken(
          weights.arrays.at(parameter.name), slice.outputs, has_inputs ? &slice.inputs : nullptr);
    }
  }
  return result;
}

}  // namespace parsimony::supernet
