// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/fields.h"

namespace parsimony::differentiable {

// SGD with momentum for the weights of a supernet, its rate a cosine from the first to the last
// epoch: the values of DARTS and Auto-DeepLab (spec rspnet 5).
struct WeightOptimizerOptions {
  double rate = 0.025;
  double rate_end = 0.001;
  double momentum = 0.9;
  double weight_decay = 3e-4;
  double clip = 5;  // longest gradient; 0: never shortened

  void visit(core::FieldVisitor& v);
  bool operator==(const WeightOptimizerOptions&) const = default;
};

// Adam for the parameters of the architecture, at one rate: that and the decay of Auto-DeepLab,
// betas of DARTS (spec rspnet 5).
struct ArchitectureOptimizerOptions {
  double rate = 3e-3;
  double beta1 = 0.5;
  double beta2 = 0.999;
  double weight_decay = 1e-3;
  double clip = 5;  // longest gradient; 0: never shortened

  void visit(core::FieldVisitor& v);
  bool operator==(const ArchitectureOptimizerOptions&) const = default;
};

}  // namespace parsimony::differentiable
