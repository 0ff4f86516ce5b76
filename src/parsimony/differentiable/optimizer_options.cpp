// SPDX-License-Identifier: Apache-2.0
#include "parsimony/differentiable/optimizer_options.h"

namespace parsimony::differentiable {

void WeightOptimizerOptions::visit(core::FieldVisitor& v) {
  v.field("rate", rate, {"learning rate of the first epoch", 0, 10});
  v.field("rate_end", rate_end, {"where its cosine ends", 0, 10});
  v.field("momentum", momentum, {"momentum of sgd", 0, 0.9999});
  v.field("weight_decay", weight_decay, {"L2 penalty, added to the gradient", 0, 1});
  v.field("clip", clip, {"longest gradient (L2 norm); 0 never clips", 0});
}

void ArchitectureOptimizerOptions::visit(core::FieldVisitor& v) {
  v.field("rate", rate, {"learning rate", 0, 10});
  v.field("beta1", beta1, {"decay of adam's mean", 0, 0.99999});
  v.field("beta2", beta2, {"decay of adam's mean square", 0, 0.99999});
  v.field("weight_decay", weight_decay, {"L2 penalty, added to the gradient", 0, 1});
  v.field("clip", clip, {"longest gradient (L2 norm); 0 never clips", 0});
}

}  // namespace parsimony::differentiable
