// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "parsimony/core/fields.h"
#include "parsimony/differentiable/sharpness.h"

namespace parsimony::differentiable {

// Perturbation of softmax(alpha) in the step of the weights (SDARTS, Chen and Hsieh, ICML 2020).
enum class Perturbation { kNone, kRandom, kAdversarial };
inline constexpr std::array<std::string_view, 3> kPerturbationNames = {
    "none", "random", "adversarial"};

// What keeps a search of cells from collapsing into skip connections (spec rspnet 10). What the
// spec builds in from the start is on.
struct RobustnessOptions {
  // DARTS-: a skip beside each mixed operation that fades out. In searches of some hundred steps
  // the weights cannot follow as it fades and the alphas of skips rise to take its place: on a toy
  // and on street scenes 2 to 7 of 7 operations were skips with it, 1 to 3 without
  // (docs/benchmarks.md). On as the spec has it; off in our small studies.
  bool auxiliary_skip = true;
  Perturbation perturbation = Perturbation::kRandom;
  double epsilon = 0.03;           // of the perturbation, in the first epoch
  double epsilon_end = 0.3;        // after the last
  int adversarial_steps = 7;       // sign-gradient steps of 2 epsilon / steps
  double entropy = 1;              // weight of alpha_entropy, ramped from 0; 0: none
  double entropy_begin = 2.0 / 3;  // share of the epochs before that ramp
  double skip_dropout = 0;         // P-DARTS' first rate; 0: none
  int skip_cap = 2;                // most skip connections of a derived cell; -1: no cap
  bool protect_statistics = true;  // steps of the architecture leave batch norms as they were
  SharpnessOptions sharpness;

  void visit(core::FieldVisitor& v);
  bool operator==(const RobustnessOptions&) const = default;
};

}  // namespace parsimony::differentiable
