// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "parsimony/latency/profile.h"
#include "parsimony/meter/meter.h"

namespace parsimony::meter {

// What the model of a device says (latency/profile.h). kFailed where the network does not fit it; a
// user error for an ONNX file, whose layers it cannot see.
Reading estimate_on(const latency::DeviceProfile& device, const Subject& subject);

// Of a shipped profile's name, or of a profile's file.
std::unique_ptr<LatencyMeter> make_profile_meter(const std::string& name_or_file,
                                                 const MeterOptions& options);

}  // namespace parsimony::meter
