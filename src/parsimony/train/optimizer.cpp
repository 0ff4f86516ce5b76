// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"

namespace parsimony::train {
namespace {

constexpr double kEpsilon = 1e-8;

void copy_array(const weights::ArrayMap& from, const std::string& name, Tensor& into) {
  const auto found = from.arrays.find(name);
  if (found == from.arrays.end() || found->second.numel() != into.numel()) {
    core::throw_user_error("the checkpoint has no fitting '{}': it belongs to another network",
                           name);
  }
  into.copy_(network::to_tensor(found->second));
}

Tensor ones_where_several_dimensions(const network::ParameterGroup& group) {
  Tensor ones = at::zeros_like(group.values);
  std::int64_t offset = 0;
  for (const auto& [name, tensor] : group.tensors) {
    if (tensor.dim() > 1) ones.narrow(0, offset, tensor.numel()).fill_(1);
    offset += tensor.numel();
  }
  return ones;
}

}  // namespace

void OptimizerOptions::visit(core::FieldVisitor& v) {
  v.choice("kind", kind, kOptimizerNames, {"adam or sgd"});
  v.field("rate", rate, {"learning rate", 0, 10});
  v.field("weight_decay", weight_decay, {"L2 penalty, added to the gradient", 0, 1});
  v.field("decay_norms",
          decay_norms,
          {"whether batch norms, biases and gates decay like other weights"});
  v.field("momentum", momentum, {"momentum of sgd", 0, 0.9999});
  v.field("beta1", beta1, {"decay of adam's mean gradient", 0, 0.9999});
  v.field("beta2", beta2, {"decay of adam's mean squared gradient", 0, 0.99999});
  v.field("clip", clip, {"longest gradient (L2 norm over the group); 0 never clips", 0});
}

Optimizer::Optimizer(network::ParameterGroup& group, const OptimizerOptions& options)
    : group_(group), options_(options), first_(at::zeros_like(group.values)) {
  if (options_.kind == OptimizerKind::kAdam) second_ = at::zeros_like(group.values);
  if (!options_.decay_norms) decays_ = ones_where_several_dimensions(group);
}

void Optimizer::zero_gradients() {
  group_.gradients.zero_();
}

void Optimizer::step(double factor) {
  const at::NoGradGuard no_grad;
  Tensor& gradient = group_.gradients;
  if (gradient.numel() == 0) return;
  if (options_.clip > 0) {
    // Never read, so that nothing waits for a device.
    gradient.mul_((options_.clip / (gradient.norm() + 1e-6)).clamp_max(1));
  }
  if (options_.weight_decay > 0 && decays_.defined()) {
    gradient.addcmul_(group_.values, decays_, options_.weight_decay);
  } else if (options_.weight_decay > 0) {
    gradient.add_(group_.values, options_.weight_decay);
  }
  const double rate = options_.rate * factor;
  ++steps_;
  if (options_.kind == OptimizerKind::kSgd) {
    first_.mul_(options_.momentum).add_(gradient);
    group_.values.add_(first_, -rate);
    return;
  }
  first_.mul_(options_.beta1).add_(gradient, 1 - options_.beta1);
  second_.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
  const double correction1 = 1 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double correction2 = 1 - std::pow(options_.beta2, static_cast<double>(steps_));
  const Tensor denominator = second_.sqrt().div_(std::sqrt(correction2)).add_(kEpsilon);
  group_.values.addcdiv_(first_, denominator, -rate / correction1);
}

void Optimizer::save(weights::ArrayMap& into, const std::string& prefix) const {
  into.arrays[prefix + ".first"] = network::to_array(first_);
  if (second_.defined()) into.arrays[prefix + ".second"] = network::to_array(second_);
  into.metadata[prefix + ".steps"] = std::to_string(steps_);
}

void Optimizer::load(const weights::ArrayMap& from, const std::string& prefix) {
  copy_array(from, prefix + ".first", first_);
  if (second_.defined()) copy_array(from, prefix + ".second", second_);
  steps_ = std::stoll(from.metadata.at(prefix + ".steps"));
}

PolyakAverage::PolyakAverage(network::ParameterGroup& group, double decay)
    : group_(group), decay_(decay), average_(group.values.clone()) {}

void PolyakAverage::update(std::optional<std::int64_t> updates_before) {
  double decay = decay_;
  if (updates_before) {
    const auto t = static_cast<double>(*updates_before);
    decay = std::min(decay, (1 + t) / (10 + t));
  }
  average_.mul_(decay).add_(group_.values, 1 - decay);
}

void PolyakAverage::copy_to_parameters() {
  group_.values.copy_(average_);
}

void PolyakAverage::swap_with_parameters() {
  const Tensor average = average_.clone();
  average_.copy_(group_.values);
  group_.values.copy_(average);
}

void PolyakAverage::save(weights::ArrayMap& into, const std::string& prefix) const {
  into.arrays[prefix + ".average"] = network::to_array(average_);
}

void PolyakAverage::load(const weights::ArrayMap& from, const std::string& prefix) {
  copy_array(from, prefix + ".average", average_);
}

}  // namespace parsimony::train
