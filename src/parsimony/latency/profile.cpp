// SPDX-License-Identifier: Apache-2.0
#include "parsimony/latency/profile.h"

#include <filesystem>
#include <numeric>
#include <utility>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::latency {

// The texts of profiles/*.json.
const std::vector<const char*>& shipped_profiles();

namespace {

DeviceProfile read_profile(const core::Config& config) {
  DeviceProfile profile;
  config.read_into(profile);
  return profile;
}

std::string obstacle(const TiledDevice& device,
                     const std::vector<Work>& works,
                     const std::vector<TiledTime>& times) {
  for (std::size_t i = 0; i < works.size(); ++i) {
    if (!times[i].fits_l1) {
      return fmt::format("not even one output pixel of '{}' fits {} of L1 memory",
                         works[i].name,
                         core::human_bytes(static_cast<double>(device.l1_bytes)));
    }
  }
  const std::int64_t bytes = external_bytes(device, works);
  if (bytes <= device.l3_bytes) return "";
  return fmt::format("weights and large maps need {} of external memory, there are {}",
                     core::human_bytes(static_cast<double>(bytes)),
                     core::human_bytes(static_cast<double>(device.l3_bytes)));
}

// A damaged table is found where it is read, not at the first estimate.
void check_table(const TableDevice& table, const std::string& file) {
  try {
    table_times(table, {});
  } catch (const core::Error& error) {
    core::throw_user_error("{}: {}", file, error.what());
  }
}

}  // namespace

void DeviceProfile::visit(core::FieldVisitor& v) {
  v.field("name", name, {"how the device is called in objectives and reports"});
  v.field("title", title, {"device, kernels and clocks in words"});
  v.field("precision", precision, {"number format of the deployed network"});
  v.field("error", error, {"rms of log(estimated / measured); 0: unknown", 0});
  v.field("source", source, {"where the numbers come from"});
  v.choice("model", model, kModelKindNames, {"how times are estimated"});
  v.group("tiled", tiled, "cores with a small memory that is filled tile by tile");
  v.group("linear", linear, "coefficients fitted to the times of networks");
  v.group("table", table, "times of single works");
}

Estimate estimate(const DeviceProfile& device, const std::vector<Work>& works) {
  Estimate result;
  switch (device.model) {
    case ModelKind::kTiled: {
      const std::vector<TiledTime> times = tiled_times(device.tiled, works);
      const double cycles_per_ms = device.tiled.cluster_mhz * 1e3;
      for (const TiledTime& time : times)
        result.work_milliseconds.push_back(time.total / cycles_per_ms);
      result.does_not_fit = obstacle(device.tiled, works, times);
      break;
    }
    case ModelKind::kLinear:
      result.work_milliseconds = linear_times(device.linear, works);
      break;
    case ModelKind::kTable: {
      TableTimes times = table_times(device.table, works);
      result.work_milliseconds = std::move(times.milliseconds);
      result.interpolated = times.interpolated;
      result.milliseconds = device.table.overhead;
      break;
    }
  }
  result.milliseconds = std::accumulate(
      result.work_milliseconds.begin(), result.work_milliseconds.end(), result.milliseconds);
  return result;
}

std::vector<DeviceProfile> shipped_devices() {
  std::vector<DeviceProfile> devices;
  for (const char* text : shipped_profiles())
    devices.push_back(read_profile(core::Config::from_text(text, "a shipped device profile")));
  return devices;
}

DeviceProfile device_profile(const std::string& name_or_file) {
  std::vector<std::string> names;
  for (DeviceProfile& device : shipped_devices()) {
    if (device.name == name_or_file) return std::move(device);
    names.push_back(device.name);
  }
  if (!std::filesystem::exists(name_or_file)) {
    core::throw_user_error("unknown device '{}', expected one of {} or a profile's file{}",
                           name_or_file,
                           core::join(names, ", "),
                           core::did_you_mean(name_or_file, names));
  }
  DeviceProfile profile = read_profile(core::Config::from_file(name_or_file));
  if (profile.name.empty()) core::throw_user_error("{}: the profile has no 'name'", name_or_file);
  if (profile.model == ModelKind::kTable) check_table(profile.table, name_or_file);
  return profile;
}

}  // namespace parsimony::latency
