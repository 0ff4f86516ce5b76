// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/latency/profile.h"
#include "parsimony/meter/meter.h"

// Makes the profile of a device out of measurements of single works (latency/table.h), so that the
// latency of any network of a search space there is known in microseconds.
namespace parsimony::meter {

// A network that does one work, and the same one without it: the difference of their times is the
// work's. The picture is brought to the work's channels by a 1x1 convolution, and from its size to
// a smaller one by leaving out pixels; where the work reads the picture itself, `without` is that
// picture alone. Nothing for works that cannot be had that way: those are interpolated later.
struct WorkProbe {
  graph::Graph with, without;
  graph::Size picture;
};
std::optional<WorkProbe> probe_of(const latency::Work& work);

struct LookupTableOptions {
  std::string name;            // of the device
  std::filesystem::path file;  // continued where an earlier call stopped
  int check_networks = 12;     // whole networks that are measured too, at most
};

struct LookupTable {
  ReadingEnd end = ReadingEnd::kFailed;
  std::string reason;  // of kFailed
  latency::DeviceProfile profile;
  int works = 0;         // distinct ones of the networks
  int measured = 0;      // in this call
  int without_row = 0;   // that are interpolated
  int fitted_on = 0;     // networks that gave the table its scale
  int checked_with = 0;  // networks that gave it its error, none of them fitted on
};

// Measures the distinct works of `networks` (simplified, for pictures of one size) with
// `work_meter`, and some of the networks as a whole with `network_meter`. Of these, when there are
// at least four, every second one gives the table its scale; the rest gives it its error. Rows that
// `file` has already are kept; those of another device, runtime or number of threads are a user
// error. The file is complete and can be used at every moment.
LookupTable measure_lookup_table(const std::vector<graph::Graph>& networks,
                                 graph::Size picture,
                                 LatencyMeter& work_meter,
                                 LatencyMeter& network_meter,
                                 const LookupTableOptions& options,
                                 const core::Context& context);

}  // namespace parsimony::meter
