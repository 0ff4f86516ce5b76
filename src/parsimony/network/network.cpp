// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/network.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

#include "parsimony/core/error.h"
#include "parsimony/network/plan.h"
#include "parsimony/network/simd/bf16_loops.h"

namespace parsimony::network {
namespace {

// Collects the tensors of a group before there is one.
class GroupBuilder {
 public:
  void add(std::string name, std::vector<std::int64_t> shape, Tensor* into) {
    shapes_.emplace_back(std::move(name), std::move(shape));
    into_.push_back(into);
  }

  ParameterGroup build(const at::TensorOptions& options) {
    ParameterGroup group = parameter_group(shapes_, options);
    for (std::size_t i = 0; i < into_.size(); ++i) *into_[i] = group.tensors[i].second;
    return group;
  }

 private:
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes_;
  std::vector<Tensor*> into_;
};

void fill_uniform(const Tensor& tensor, double bound, core::Rng rng) {
  Tensor values = at::empty(tensor.sizes(), at::kDouble);
  double* out = values.data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i) out[i] = rng.uniform(-bound, bound);
  tensor.detach().copy_(values);
}

void begin_attention(const graph::PathAttention& gate,
                     const AttentionState& state,
                     const core::Rng& rng) {
  constexpr double kDeviation = 0.01, kOpen = 1.5;
  core::Rng stream = rng.split("gamma");
  for (std::int64_t k = 0; k < gate.inputs && !gate.given_gamma; ++k)
    state.gamma.detach()[k].fill_(
        gate.gate == graph::PathGate::kReluTanh ? kOpen : kDeviation * stream.normal());
  if (!gate.reads_content()) return;
  const double bound = 1 / std::sqrt(static_cast<double>(gate.channels));
  fill_uniform(state.hidden_weight, bound, rng.split("hidden_weight"));
  fill_uniform(state.hidden_bias, bound, rng.split("hidden_bias"));
}

}  // namespace

ParameterGroup parameter_group(
    const std::vector<std::pair<std::string, std::vector<std::int64_t>>>& shapes,
    const at::TensorOptions& options) {
  const auto size_of = [](const std::vector<std::int64_t>& shape) {
    return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  };
  std::int64_t size = 0;
  for (const auto& [name, shape] : shapes) size += size_of(shape);
  ParameterGroup group;
  group.values = at::zeros({size}, options);
  group.gradients = at::zeros({size}, options);
  std::int64_t offset = 0;
  for (const auto& [name, shape] : shapes) {
    const std::int64_t numel = size_of(shape);
    Tensor view = group.values.narrow(0, offset, numel).view(shape).detach();
    view.set_requires_grad(true);
    view.mutable_grad() = group.gradients.narrow(0, offset, numel).view(shape);
    group.tensors.emplace_back(name, view);
    offset += numel;
  }
  return group;
}

struct Network::Parts {
  graph::Graph graph;
  Options options;
  ParameterGroup encoder, decoder;
  std::map<graph::NodeId, ConvState> convs;
  std::map<graph::NodeId, NormState> norms;
  std::map<graph::NodeId, Tensor> scales;
  std::map<graph::NodeId, AttentionState> attentions;
  Plan all_outputs;
  Plan logits_only;

  std::vector<Tensor> run(const Plan& plan,
                          const std::vector<Tensor>& inputs,
                          Phase phase,
                          const std::optional<StepNoise>& noise) {
    std::vector<Tensor> brought;
    const bool narrow = options.arithmetic == Arithmetic::kBf16;
    for (const Tensor& input : inputs) {
      const bool narrow_input = narrow && input.dim() == 4;
      brought.push_back(input.to(options.device, narrow_input ? at::kBFloat16 : options.dtype));
    }
    return execute(plan,
                   {.graph = graph,
                    .convs = convs,
                    .norms = norms,
                    .scales = scales,
                    .attentions = attentions,
                    .noise = noise,
                    .kernels = options.kernels,
                    .narrow = narrow,
                    .keeps_statistics = phase == Phase::kBatchStatistics},
                   brought,
                   phase != Phase::kEvaluation);
  }

  // Every tensor that weights are saved as.
  std::vector<std::pair<std::string, Tensor>> named() const {
    std::vector<std::pair<std::string, Tensor>> all = encoder.tensors;
    all.insert(all.end(), decoder.tensors.begin(), decoder.tensors.end());
    for (const auto& [id, norm] : norms) {
      all.emplace_back(graph[id].name + ".running_mean", norm.running_mean);
      all.emplace_back(graph[id].name + ".running_var", norm.running_variance);
    }
    return all;
  }
};

Network::Network(const graph::Graph& graph, const core::Rng& rng, Options options)
    : parts_(std::make_unique<Parts>()) {
  graph::verify(graph);
  core::require(options.arithmetic == Arithmetic::kFp32 ||
                    (options.kernels == Kernels::kFast && options.dtype == at::kFloat &&
                     options.device.is_cpu() && simd::bf16_loops() != nullptr),
                "this network cannot be computed in bf16");
  Parts& parts = *parts_;
  parts.graph = graph;
  parts.options = options;
  const auto tensor_options = at::TensorOptions().dtype(options.dtype).device(options.device);

  GroupBuilder encoder;
  GroupBuilder decoder;
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(graph.nodes.size()); ++id) {
    const graph::Node& node = graph[id];
    GroupBuilder& group = node.section == graph::Section::kEncoder ? encoder : decoder;
    if (const auto* conv = std::get_if<graph::Conv>(&node.layer)) {
      ConvState& state = parts.convs[id];
      group.add(node.name + ".weight",
                {conv->out_channels, conv->in_channels / conv->groups, conv->kernel, conv->kernel},
                &state.weight);
      if (conv->bias) group.add(node.name + ".bias", {conv->out_channels}, &state.bias);
    } else if (const auto* norm = std::get_if<graph::BatchNorm>(&node.layer)) {
      NormState& state = parts.norms[id];
      if (norm->affine) {
        group.add(node.name + ".weight", {norm->channels}, &state.weight);
        group.add(node.name + ".bias", {norm->channels}, &state.bias);
      } else {
        state.weight = at::ones({norm->channels}, tensor_options);
        state.bias = at::zeros({norm->channels}, tensor_options);
      }
      state.running_mean = at::zeros({norm->channels}, tensor_options);
      state.running_variance = at::ones({norm->channels}, tensor_options);
    } else if (const auto* scale = std::get_if<graph::Scale>(&node.layer)) {
      group.add(node.name + ".weight", {scale->channels}, &parts.scales[id]);
    } else if (const auto* gate = std::get_if<graph::PathAttention>(&node.layer);
               gate != nullptr && graph::has_weights(node.layer)) {
      AttentionState& state = parts.attentions[id];
      if (!gate->given_gamma) group.add(node.name + ".gamma", {gate->inputs}, &state.gamma);
      if (!gate->reads_content()) continue;
      group.add(
          node.name + ".hidden_weight", {gate->hidden(), gate->channels}, &state.hidden_weight);
      group.add(node.name + ".hidden_bias", {gate->hidden()}, &state.hidden_bias);
      group.add(node.name + ".score_weight", {gate->hidden()}, &state.score_weight);
      group.add(node.name + ".score_bias", {1}, &state.score_bias);
    }
  }
  parts.encoder = encoder.build(tensor_options);
  parts.decoder = decoder.build(tensor_options);

  for (auto& [id, state] : parts.convs) {
    const auto& conv = std::get<graph::Conv>(graph[id].layer);
    const auto fan_in =
        static_cast<double>(conv.in_channels / conv.groups * conv.kernel * conv.kernel);
    const core::Rng stream = rng.split(graph[id].name);
    fill_uniform(state.weight, 1 / std::sqrt(fan_in), stream.split("weight"));
    if (state.bias.defined()) fill_uniform(state.bias, 1 / std::sqrt(fan_in), stream.split("bias"));
  }
  for (auto& [id, state] : parts.norms) state.weight.detach().fill_(1);
  for (auto& [id, factors] : parts.scales) factors.detach().fill_(1);
  for (auto& [id, state] : parts.attentions)
    begin_attention(
        std::get<graph::PathAttention>(graph[id].layer), state, rng.split(graph[id].name));

  parts.all_outputs = make_plan(graph, graph.outputs);
  for (const graph::Output& out : graph.outputs) {
    if (out.name == "logits") parts.logits_only = make_plan(graph, {out});
  }
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

std::vector<Tensor> Network::forward(const std::vector<Tensor>& inputs,
                                     Phase phase,
                                     const std::optional<StepNoise>& noise) {
  return parts_->run(parts_->all_outputs, inputs, phase, noise);
}

Tensor Network::logits(const std::vector<Tensor>& inputs,
                       Phase phase,
                       const std::optional<StepNoise>& noise) {
  core::require(!parts_->logits_only.steps.empty(), "this graph has no logits");
  return parts_->run(parts_->logits_only, inputs, phase, noise)[0];
}

const graph::Graph& Network::graph() const {
  return parts_->graph;
}
const Network::Options& Network::options() const {
  return parts_->options;
}
ParameterGroup& Network::encoder() {
  return parts_->encoder;
}
ParameterGroup& Network::decoder() {
  return parts_->decoder;
}

weights::ArrayMap Network::save() const {
  weights::ArrayMap map;
  for (const auto& [name, tensor] : parts_->named()) map.arrays[name] = to_array(tensor);
  return map;
}

namespace {

void load_into(const std::vector<std::pair<std::string, Tensor>>& targets,
               const weights::ArrayMap& arrays,
               const std::string& source) {
  for (const auto& [name, target] : targets) {
    const auto found = arrays.arrays.find(name);
    if (found == arrays.arrays.end()) {
      core::throw_user_error("{}: has no array '{}', which the network needs", source, name);
    }
    const Tensor value = to_tensor(found->second);
    if (value.sizes() != target.sizes()) {
      core::throw_user_error("{}: '{}' has shape [{}], the network needs [{}]",
                             source,
                             name,
                             fmt::join(value.sizes().vec(), ", "),
                             fmt::join(target.sizes().vec(), ", "));
    }
    target.detach().copy_(value);
  }
}

}  // namespace

void Network::load(const weights::ArrayMap& arrays, const std::string& source) {
  load_into(parts_->named(), arrays, source);
}

void Network::load_section(const weights::ArrayMap& arrays,
                           graph::Section section,
                           const std::string& source) {
  std::vector<std::pair<std::string, Tensor>> targets;
  std::map<std::string, graph::Section> section_of;
  for (const graph::Node& node : parts_->graph.nodes) section_of[node.name] = node.section;
  for (const auto& entry : parts_->named()) {
    if (section_of[entry.first.substr(0, entry.first.rfind('.'))] == section)
      targets.push_back(entry);
  }
  load_into(targets, arrays, source);
}

std::vector<std::pair<std::string, Tensor>> Network::buffers() const {
  std::vector<std::pair<std::string, Tensor>> buffers;
  for (const auto& [id, norm] : parts_->norms) {
    buffers.emplace_back(parts_->graph[id].name + ".running_mean", norm.running_mean);
    buffers.emplace_back(parts_->graph[id].name + ".running_var", norm.running_variance);
  }
  return buffers;
}

void Network::retune(const graph::Graph& graph) {
  const graph::Graph& mine = parts_->graph;
  core::require(mine.nodes.size() == graph.nodes.size(), "a network is retuned to another graph");
  for (std::size_t i = 0; i < mine.nodes.size(); ++i) {
    const graph::Node &before = mine.nodes[i], &after = graph.nodes[i];
    graph::Layer expected = before.layer;
    if (auto* dropout = std::get_if<graph::Dropout>(&expected)) {
      if (const auto* other = std::get_if<graph::Dropout>(&after.layer))
        dropout->rate = other->rate;
    } else if (auto* gate = std::get_if<graph::PathAttention>(&expected)) {
      if (const auto* other = std::get_if<graph::PathAttention>(&after.layer))
        gate->temperature = other->temperature;
    }
    core::require(
        expected == after.layer && before.inputs == after.inputs && before.name == after.name,
        "'{}' differs in more than a rate or a temperature",
        before.name);
  }
  parts_->graph = graph;
}

std::vector<std::pair<std::string, Tensor>> Network::content_scores() const {
  std::vector<std::pair<std::string, Tensor>> scores;
  for (const auto& [id, state] : parts_->attentions) {
    if (state.content.defined()) scores.emplace_back(parts_->graph[id].name, state.content);
  }
  return scores;
}

weights::Array to_array(const Tensor& tensor) {
  const Tensor values = tensor.detach().to(at::kCPU).to(at::kFloat).contiguous();
  weights::Array array;
  array.type = weights::DType::kF32;
  array.shape = values.sizes().vec();
  array.bytes.resize(static_cast<std::size_t>(values.numel()) * sizeof(float));
  std::memcpy(array.bytes.data(), values.data_ptr<float>(), array.bytes.size());
  return array;
}

Tensor to_tensor(const weights::Array& array) {
  const std::vector<float> floats = array.to_floats();
  Tensor tensor = at::empty(array.shape, at::kFloat);
  std::memcpy(tensor.data_ptr<float>(), floats.data(), floats.size() * sizeof(float));
  return tensor;
}

}  // namespace parsimony::network
