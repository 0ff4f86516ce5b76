// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

namespace parsimony::differentiable {

// Gates as decoders see them: a sigmoid in single precision saturates at 0 and 1, which would make
// valid networks impossible where two layers are sure of different things (ours).
inline constexpr double kLeastGate = 1e-7;

inline std::vector<double> within_gate_range(std::vector<double> gates) {
  for (double& gate : gates) gate = std::clamp(gate, kLeastGate, 1 - kLeastGate);
  return gates;
}

}  // namespace parsimony::differentiable
