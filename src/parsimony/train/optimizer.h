// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "parsimony/core/fields.h"
#include "parsimony/network/network.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::train {

using network::Tensor;

enum class OptimizerKind { kAdam, kSgd };
inline constexpr std::array<std::string_view, 2> kOptimizerNames = {"adam", "sgd"};

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kAdam;
  double rate = 3e-3;       // learning rate
  double weight_decay = 0;  // L2, added to the gradient
  // Whether tensors of one dimension decay too: factors and shifts of batch norms, biases, gates.
  bool decay_norms = true;
  double momentum = 0.9;  // SGD only
  double beta1 = 0.9;     // Adam only, as the next
  double beta2 = 0.999;
  double clip = 3;  // gradients longer than this (L2) are shortened to it; 0: never
  void visit(core::FieldVisitor& v);
};

// Adam (eps 1e-8) or SGD with momentum on one parameter group. Constructed once
// per training: it holds the moments.
class Optimizer {
 public:
  Optimizer(network::ParameterGroup& group, const OptimizerOptions& options);
  void zero_gradients();
  // One update with the learning rate times `factor`.
  void step(double factor = 1);

  // What a step follows beside the gradient: the mean gradient of Adam, the sum of SGD.
  const Tensor& velocity() const { return first_; }
  void set_weight_decay(double decay) { options_.weight_decay = decay; }

  // The moments and the step count, for checkpoints.
  void save(weights::ArrayMap& into, const std::string& prefix) const;
  void load(const weights::ArrayMap& from, const std::string& prefix);

 private:
  network::ParameterGroup& group_;
  OptimizerOptions options_;
  Tensor decays_;  // 1 where values decay, else 0; undefined where all do
  Tensor first_, second_;
  std::int64_t steps_ = 0;
};

// Polyak average of a group's values (not of running statistics): average <- d average + (1 - d)
// value.
class PolyakAverage {
 public:
  PolyakAverage(network::ParameterGroup& group, double decay);
  // Where the number t of updates before this one is given, the decay is (1 + t) / (10 + t) for as
  // long as that is the smaller, so that the average soon forgets where a training began.
  void update(std::optional<std::int64_t> updates_before = {});
  void copy_to_parameters();
  void swap_with_parameters();

  // For checkpoints.
  void save(weights::ArrayMap& into, const std::string& prefix) const;
  void load(const weights::ArrayMap& from, const std::string& prefix);
  Tensor& average() { return average_; }

 private:
  network::ParameterGroup& group_;
  double decay_;
  Tensor average_;
};

}  // namespace parsimony::train
