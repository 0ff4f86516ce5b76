// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace parsimony::differentiable {

// How rates and weights change over a search (spec rspnet 5, 6, 10). Epochs count from 0.

// The epochs `begin` to `end` - 1.
struct Phase {
  int begin = 0, end = 1;
};

// Which part of a phase has passed when an epoch begins: 0 at `begin` and before, 1 from `end` on.
// An internal error for a phase of no epochs, here and below.
double progress(const Phase& phase, int epoch);

// The same, but 1 is reached by the last epoch of the phase: what is to be fully on, or off, at
// least once. 1 in a phase of one epoch.
double ramp(const Phase& phase, int epoch);

// What a schedule begins and ends with.
struct Range {
  double from = 0, to = 0;
};

// From one to the other while `share` goes from 0 to 1.
//
// * lambda of the path search (DiNTS): linear({0, 1}, ramp(gates' phase, epoch)).
// * The auxiliary skip of DARTS- (Chu et al., ICLR 2021): linear({1, 0}, ramp(alphas' phase,
//   epoch)); 0 in the last epoch, so that the cell that is derived is the one that was trained.
// * Temperature of gates: linear({1, 0.3}, ramp(gates' phase, epoch)) (form ours).
// * epsilon of SDARTS (Chen and Hsieh, ICML 2020): linear({0.03, 0.3}, progress(all, epoch)).
double linear(const Range& range, double share);

// Cosine annealing, one half period (Loshchilov and Hutter, ICLR 2017), of share = progress(...).
double cosine(const Range& range, double share);

// P-DARTS' dropout on skip connections (Chen et al., ICCV 2019): `rate` until the alphas are
// searched, from then on rate * exp(-0.2 * epochs since).
double skip_dropout(double rate, int alphas_begin, int epoch);

// How much of Dynamic Routing's budget is on (Li et al., CVPR 2020): 0 up to the share `begin` of
// the training, 1 from `begin` + `rise` on, linear between.
double budget_ramp(double begin, double rise, double share);

}  // namespace parsimony::differentiable
