// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/latency/work.h"

namespace parsimony::latency {

// A device of which only measured networks are known: coefficients fitted to their times.
struct LinearDevice {
  double pointwise = 0;    // ms per million multiply-accumulates; linear layers too
  double convolution = 0;  // the same, k x k
  double depthwise = 0;    // the same, depthwise
  double element = 0;      // ms per million values of sums, pools, resizes, concatenations
  double layer = 0;        // ms per layer
  void visit(core::FieldVisitor& v);
};

// Milliseconds per work.
std::vector<double> linear_times(const LinearDevice& device, const std::vector<Work>& works);

}  // namespace parsimony::latency
