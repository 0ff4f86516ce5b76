// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "parsimony/bilevel/relaxation.h"
#include "parsimony/core/rng.h"
#include "parsimony/task/task.h"
#include "parsimony/train/images.h"

namespace parsimony::bilevel {

// The gradients of a two-level search: weights minimise the loss of their half of the
// pictures, the architecture that of the other half (DARTS: Liu, Simonyan and Yang, ICLR 2019).
// Each function adds to the gradients that its name says and touches no other, and gives the loss.

// Pictures, and what is dropped when they pass.
struct Lesson {
  const train::Batch& batch;
  core::Rng noise;
  const task::Task& task;  // what is learned from them
};

// Without any gradient added. Differentiable in coefficients and weights.
Tensor lesson_loss(Relaxation& relaxation,
                   const std::vector<Tensor>& coefficients,
                   const Lesson& lesson,
                   network::Phase phase);

// Of the weights, at these coefficients, which are taken as numbers.
double add_weight_gradient(Relaxation& relaxation,
                           const std::vector<Tensor>& coefficients,
                           const Lesson& lesson,
                           network::Phase phase);

// Of the architecture at the weights as they are (first order).
double add_architecture_gradient(Relaxation& relaxation,
                                 const Lesson& lesson,
                                 network::Phase phase);

// The step that the weights would take next: w' = w - rate (momentum velocity + gradient + decay
// w).
struct WeightStep {
  double rate = 0, momentum = 0, weight_decay = 0;
  Tensor velocity;  // of the weights' optimiser
};

// The losses of a problem of two levels, of the weights w and an architecture a: L_A trains the
// weights, L_B the architecture.
struct TwoLosses {
  Tensor& weights;                            // [n]
  std::function<Tensor()> weight_gradient_a;  // dL_A / dw at what the weights are
  std::function<Tensor()> weight_gradient_b;
  // Adds `factor` times dL_A / da, or dL_B / da, at what the weights are.
  std::function<void(double factor)> add_architecture_gradient_a;
  std::function<void(double factor)> add_architecture_gradient_b;
};

// Adds the gradient of L_B by the architecture at the weights w' that the step would lead to
// (second order, DARTS section 2.3; spec rspnet 5):
//
//   dL_B(w', a) / da - rate (dL_A(w+, a) / da - dL_A(w-, a) / da) / (2 e)
//
// with w+- = w +- e dL_B / dw' and e = difference / |dL_B / dw'|. The weights are bit by bit what
// they were.
void add_unrolled_gradient(const TwoLosses& losses, const WeightStep& step, double difference);

// The same of a search, whose L_A is the loss of `weights_lesson` and L_B that of `lesson`. No pass
// moves batch norms' running statistics: all use the batches' own.
double add_unrolled_gradient(Relaxation& relaxation,
                             const Lesson& weights_lesson,
                             const Lesson& lesson,
                             const WeightStep& step,
                             double difference);

}  // namespace parsimony::bilevel
