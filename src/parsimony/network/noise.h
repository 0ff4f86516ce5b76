// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/rng.h"

namespace parsimony::network {

// What is random in a training step.
struct StepNoise {
  StepNoise(core::Rng stream, double share = 0)  // NOLINT(google-explicit-constructor)
      : rng(stream), progress(share) {}

  core::Rng rng;    // another stream for every step; every layer draws from a part of its own
  double progress;  // part of the training that has passed, 0 to 1: for drop path
};

}  // namespace parsimony::network
