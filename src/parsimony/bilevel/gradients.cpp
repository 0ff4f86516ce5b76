// SPDX-License-Identifier: Apache-2.0
#include "parsimony/bilevel/gradients.h"

namespace parsimony::bilevel {
namespace {

using network::Phase;

std::vector<Tensor> without_gradient(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> numbers;
  for (const Tensor& tensor : tensors) numbers.push_back(tensor.detach());
  return numbers;
}

// Adds `factor` times the gradient of `loss` to the group's.
void add_gradient(network::ParameterGroup& group, const Tensor& loss, double factor) {
  std::vector<Tensor> tensors;
  for (const auto& [name, tensor] : group.tensors) tensors.push_back(tensor);
  // A gamma whose node is reached by one edge alone has no part in the loss.
  const std::vector<Tensor> gradients = torch::autograd::grad(
      {loss}, tensors, {}, /*retain_graph=*/false, /*create_graph=*/false, /*allow_unused=*/true);
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (gradients[i].defined()) tensors[i].mutable_grad().add_(gradients[i], factor);
  }
}

// Of the weights, [n], with nothing added anywhere.
Tensor weight_gradient(Relaxation& relaxation, const Tensor& loss) {
  network::ParameterGroup& weights = relaxation.network().decoder();
  const Tensor kept = weights.gradients.clone();
  weights.gradients.zero_();
  torch::autograd::backward({loss}, {});
  const Tensor gradient = weights.gradients.clone();
  weights.gradients.copy_(kept);
  return gradient;
}

}  // namespace

Tensor lesson_loss(Relaxation& relaxation,
                   const std::vector<Tensor>& coefficients,
                   const Lesson& lesson,
                   Phase phase) {
  std::vector<Tensor> inputs = {lesson.batch.pictures};
  inputs.insert(inputs.end(), coefficients.begin(), coefficients.end());
  network::Network& network = relaxation.network();
  const Tensor output = network.logits(inputs, phase, lesson.noise);
  return lesson.task.loss(output, lesson.batch.labels, {.kernels = network.options().kernels});
}

double add_weight_gradient(Relaxation& relaxation,
                           const std::vector<Tensor>& coefficients,
                           const Lesson& lesson,
                           Phase phase) {
  const Tensor loss = lesson_loss(relaxation, without_gradient(coefficients), lesson, phase);
  torch::autograd::backward({loss}, {});
  return loss.item<double>();
}

double add_architecture_gradient(Relaxation& relaxation, const Lesson& lesson, Phase phase) {
  const Tensor loss = lesson_loss(relaxation, relaxation.coefficients(), lesson, phase);
  add_gradient(relaxation.architecture(), loss, 1);
  return loss.item<double>();
}

void add_unrolled_gradient(const TwoLosses& losses, const WeightStep& step, double difference) {
  Tensor& weights = losses.weights;
  const Tensor before = weights.clone();
  weights.copy_(before - step.rate * (step.momentum * step.velocity + losses.weight_gradient_a() +
                                      step.weight_decay * before));
  losses.add_architecture_gradient_b(1);
  const Tensor direction = losses.weight_gradient_b();
  const double length = direction.norm().item<double>();
  if (length > 0) {
    const double e = difference / length;
    for (const double sign : {1.0, -1.0}) {
      weights.copy_(before + sign * e * direction);
      losses.add_architecture_gradient_a(-sign * step.rate / (2 * e));
    }
  }
  weights.copy_(before);
}

double add_unrolled_gradient(Relaxation& relaxation,
                             const Lesson& weights_lesson,
                             const Lesson& lesson,
                             const WeightStep& step,
                             double difference) {
  const auto loss_of = [&](const Lesson& of, bool of_numbers) {
    const std::vector<Tensor> coefficients = relaxation.coefficients();
    return lesson_loss(relaxation,
                       of_numbers ? without_gradient(coefficients) : coefficients,
                       of,
                       Phase::kBatchStatistics);
  };
  double loss = 0;
  add_unrolled_gradient(
      {.weights = relaxation.network().decoder().values,
       .weight_gradient_a =
           [&] { return weight_gradient(relaxation, loss_of(weights_lesson, true)); },
       .weight_gradient_b = [&] { return weight_gradient(relaxation, loss_of(lesson, true)); },
       .add_architecture_gradient_a =
           [&](double factor) {
             add_gradient(relaxation.architecture(), loss_of(weights_lesson, false), factor);
           },
       .add_architecture_gradient_b =
           [&](double factor) {
             const Tensor at_step = loss_of(lesson, false);
             loss = at_step.item<double>();
             add_gradient(relaxation.architecture(), at_step, factor);
           }},
      step,
      difference);
  return loss;
}

}  // namespace parsimony::bilevel
