// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "parsimony/meter/meter.h"

namespace parsimony::meter {

// "AMD EPYC 7B13", "Raspberry Pi 4 Model B Rev 1.4": as the system calls its processor or board.
std::string host_name();

// LibTorch in this process, in a thread of its own, without gradients, batch norms folded. With one
// thread it stays on the core that the system gave it at the start of each block of runs
// (timing.h); with more the system places them.
std::unique_ptr<LatencyMeter> make_host_torch(const std::string& argument,
                                              const MeterOptions& options);

// ONNX Runtime in a process of its own (deploy/ort.h); the time is that of the computation alone. A
// user error says what to install where it is missing.
std::unique_ptr<LatencyMeter> make_host_onnx(const std::string& argument,
                                             const MeterOptions& options);

}  // namespace parsimony::meter
