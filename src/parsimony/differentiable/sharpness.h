// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "parsimony/core/fields.h"
#include "parsimony/differentiable/eigenvalue.h"

namespace parsimony::differentiable {

// When a search has become too sharp (RobustDARTS: Zela et al., ICLR 2020; spec rspnet 10): its
// largest eigenvalue (eigenvalue.h) has risen too fast, and what it would derive now would be worse
// than what it held before.

enum class SharpnessRemedy { kOff, kStop, kAdaptive };
inline constexpr std::array<std::string_view, 3> kSharpnessRemedyNames = {
    "off", "stop", "adaptive"};

// The published values assume 50 epochs of alphas and evaluations every 2; those here are ours for
// 20 (spec rspnet 10).
struct SharpnessOptions {
  SharpnessRemedy remedy = SharpnessRemedy::kStop;
  int every = 1;           // epochs between evaluations; published: 2
  int window = 5;          // evaluations in a mean, odd
  int delta = 4;           // evaluations between the means that are compared
  double threshold = 1.3;  // largest ratio of the means
  // An earlier mean below it counts as this: near 0 eigenvalues grow manyfold and mean nothing. Our
  // choice: on toys they were 0.002 to 0.08 with all defaults, and passed 0.1 in plain DARTS.
  double least = 0.05;
  // Epochs of alphas before the first one that the search may go back to; published: 10.
  int start = 4;
  // Of the estimate.
  int steps = 10;            // products of power iteration
  double difference = 1e-2;  // step of hessian_product
  int batches = 4;           // of the fixed subset of the alphas' half of the data
  // Adaptive: the factor for the weight decay each time, and where that ends.
  double decay_factor = 10;
  double decay_most = 3e-2;

  void visit(core::FieldVisitor& v);
  bool operator==(const SharpnessOptions&) const = default;
};

// A user error for an even window, of which no evaluation is the centre.
void check(const SharpnessOptions& options);

// Whether an estimate says enough for a ratio of `threshold`: its error is below a tenth of it, or
// of what counts as little (ours).
bool reliable(const Eigenvalue& estimate, const SharpnessOptions& options);

struct SharpnessPoint {
  int epoch = 0;
  double eigenvalue = 0;
};

// The epoch whose cell a search goes back to, if the newest of its evaluations, oldest first, says
// that it must. Means are over `window` evaluations, centred, over fewer while there are no more;
// the newest is compared with the one `delta` evaluations before, and the search goes back to the
// epoch in the centre of the latter, unless that lies before `earliest`.
//
// So with the published values nothing is decided before epoch 22, and a steady growth is too fast
// from 3.33 % an epoch on. A ratio within 1e-9 of the threshold does not exceed it. Options are as
// check() wants them.
std::optional<int> epoch_to_return_to(std::span<const SharpnessPoint> series,
                                      const SharpnessOptions& options,
                                      int earliest);

// The weight decay after a return, RobustDARTS-ADA: `factor` times as strong; nothing where that is
// more than the options allow, and the search ends with the epoch that it returned to.
std::optional<double> escalated_weight_decay(double decay, const SharpnessOptions& options);

}  // namespace parsimony::differentiable
