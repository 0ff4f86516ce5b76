// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/robustness.h"

namespace parsimony::differentiable {

void RobustnessOptions::visit(core::FieldVisitor& v) {
  v.field("auxiliary_skip",
          auxiliary_skip,
          {"a skip beside each mixed operation that fades out while alphas are searched (DARTS-)"});
  v.choice("perturbation",
           perturbation,
           kPerturbationNames,
           {"of the operations' weights in a step of the weights: none, random or adversarial "
            "(SDARTS)"});
  v.field("epsilon", epsilon, {"size of the perturbation in the first epoch", 0, 1});
  v.field("epsilon_end", epsilon_end, {"size that it has risen to after the last epoch", 0, 1});
  v.field("adversarial_steps", adversarial_steps, {"adversarial: sign-gradient steps", 1, 100});
  v.field("entropy", entropy, {"weight of the alphas' entropy at the end; 0: none", 0});
  v.field("entropy_begin", entropy_begin, {"share of the epochs before its weight rises", 0, 1});
  v.field("skip_dropout", skip_dropout, {"first rate of dropout on skips (P-DARTS)", 0, 0.999});
  v.field("skip_cap", skip_cap, {"most skip connections of a derived cell; -1: no cap", -1, 1000});
  v.field("protect_statistics",
          protect_statistics,
          {"steps of the architecture leave running statistics of batch norms as they were"});
  v.group("sharpness", sharpness, "the largest eigenvalue of the alphas' Hessian as a stop rule");
}

}  // namespace parsimony::differentiable
