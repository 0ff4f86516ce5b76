// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/latency/linear.h"
#include "parsimony/latency/table.h"
#include "parsimony/latency/tiled.h"

namespace parsimony::latency {

enum class ModelKind { kTiled, kLinear, kTable };
inline constexpr std::array<std::string_view, 3> kModelKindNames = {"tiled", "linear", "table"};

// A device that is not at hand, described well enough to estimate how long it takes for a network.
// An estimate is never a measurement: `error` says how far off it was where both are known.
struct DeviceProfile {
  std::string name;       // "gap8"
  std::string title;      // "GAP8, AutoTiler kernels, 250/175 MHz"
  std::string precision;  // "int8", "fp32"
  // Root mean square of log(estimated / measured) on the networks that `source` names; 0: unknown.
  double error = 0;
  std::vector<std::string> source;  // where its numbers come from
  ModelKind model = ModelKind::kTiled;
  TiledDevice tiled;
  LinearDevice linear;
  TableDevice table;
  void visit(core::FieldVisitor& v);
};

struct Estimate {
  double milliseconds = 0;
  std::vector<double> work_milliseconds;  // one per work
  std::string does_not_fit;               // why the network cannot run there; empty: it can
  int interpolated = 0;  // works that a device's table does not hold, see latency/table.h
};
Estimate estimate(const DeviceProfile& device, const std::vector<Work>& works);

// A device that comes with the program by its name, or one described in a file (JSON or YAML, the
// fields of DeviceProfile). An unknown name, an unreadable file or a value out of range is a user
// error.
DeviceProfile device_profile(const std::string& name_or_file);
std::vector<DeviceProfile> shipped_devices();

}  // namespace parsimony::latency
