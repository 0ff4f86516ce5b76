// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/grid_layers.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>

#include "parsimony/core/error.h"

namespace parsimony::network {
namespace {

using graph::PathGate;

// [N, K]
Tensor scores(const graph::PathAttention& gate,
              AttentionState& state,
              const std::vector<Tensor>& maps) {
  const std::int64_t pictures = maps[0].size(0);
  if (!gate.reads_content())
    return state.gamma.expand({pictures, static_cast<std::int64_t>(maps.size())});
  std::vector<Tensor> contents;
  for (const Tensor& map : maps) {
    const Tensor mean = at::relu(map).mean({2, 3});
    const Tensor hidden =
        at::relu(at::addmm(state.hidden_bias, mean, state.hidden_weight.transpose(0, 1)));
    contents.push_back(at::mv(hidden, state.score_weight));
  }
  const Tensor content = at::stack(contents, 1) + state.score_bias;
  state.content = content.detach();
  return content + state.gamma;
}

Tensor conditional_sigmoid(const Tensor& e) {
  // In this form the denominator keeps its digits where all gates close (graph/path_attention.cpp).
  const Tensor some_open = -at::expm1(-at::softplus(e).sum(1, /*keepdim=*/true));
  return at::sigmoid(e) / some_open;
}

// The value is the share of the chosen ones, the gradient that of the softmax.
Tensor straight_through_top_k(const Tensor& e, const Tensor& softmax, std::int64_t kept) {
  const std::int64_t count = std::min(kept, e.size(1));
  const Tensor order = std::get<1>(at::sort(e, /*stable=*/true, 1, /*descending=*/true));
  const Tensor share = at::zeros_like(softmax.detach())
                           .scatter_(1, order.narrow(1, 0, count), 1 / static_cast<double>(count));
  return share + (softmax - softmax.detach());
}

// A stream of random numbers of its own on the device. Only a default generator says what kind a
// device's are; it is copied, not used.
at::Generator generator_on(at::Device device, core::Rng rng) {
  at::Generator generator = device.is_cpu() ? at::detail::createCPUGenerator()
                                            : at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(rng.next());
  return generator;
}

}  // namespace

Tensor fusion_weights(const graph::PathAttention& gate,
                      AttentionState& state,
                      const std::vector<Tensor>& maps) {
  if (gate.gate == PathGate::kUniform) {
    const auto count = static_cast<std::int64_t>(maps.size());
    return at::full({maps[0].size(0), count}, 1 / static_cast<double>(count), maps[0].options());
  }
  const Tensor e = scores(gate, state, maps);
  switch (gate.gate) {
    case PathGate::kConditionalSigmoid:
      return conditional_sigmoid(e / gate.temperature);
    case PathGate::kSoftmax:
      return at::softmax(e / gate.temperature, 1);
    case PathGate::kReluTanh:
      return at::relu(at::tanh(e));
    case PathGate::kHardTopK:
      return straight_through_top_k(e, at::softmax(e / gate.temperature, 1), gate.kept);
    case PathGate::kUniform:
      break;
  }
  core::throw_internal_error("gate {} does not exist", static_cast<int>(gate.gate));
}

Tensor path_attention(const graph::PathAttention& gate,
                      AttentionState& state,
                      const std::vector<Tensor>& maps) {
  const Tensor weights = fusion_weights(gate, state, maps);
  Tensor sum;
  for (std::size_t k = 0; k < maps.size(); ++k) {
    const Tensor share =
        maps[k] * weights.select(1, static_cast<std::int64_t>(k)).view({-1, 1, 1, 1});
    sum = k == 0 ? share : sum + share;
  }
  return sum;
}

Tensor dropped_out(const Tensor& x, double rate, core::Rng rng) {
  const Tensor kept = at::empty_like(x.detach());
  kept.bernoulli_(1 - rate, generator_on(x.device(), rng));
  return x * kept.div_(1 - rate);
}

Tensor dropped_pictures(const Tensor& x, double rate, core::Rng rng) {
  const Tensor kept = at::empty({x.size(0), 1, 1, 1}, x.options());
  kept.bernoulli_(1 - rate, generator_on(x.device(), rng));
  return x * kept.div_(1 - rate);
}

Tensor shuffled_channels(const Tensor& x, std::int64_t groups) {
  const std::int64_t channels = x.size(1);
  const Tensor pixels = x.permute({0, 2, 3, 1});
  return pixels.reshape({x.size(0), x.size(2), x.size(3), groups, channels / groups})
      .transpose(3, 4)
      .reshape({x.size(0), x.size(2), x.size(3), channels})
      .permute({0, 3, 1, 2});
}

}  // namespace parsimony::network
