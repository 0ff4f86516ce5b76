// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/estimate.h"

#include "parsimony/core/error.h"
#include "parsimony/graph/simplify.h"

namespace parsimony::meter {
namespace {

class ProfileMeter final : public LatencyMeter {
 public:
  explicit ProfileMeter(const std::string& name_or_file)
      : name_("profile:" + name_or_file), device_(latency::device_profile(name_or_file)) {}
  std::string name() const override { return name_; }
  Reading measure(const Subject& subject, const core::Context& context) override {
    if (context.stop.requested()) return {ReadingEnd::kStopped, {}, {}};
    Reading reading = estimate_on(device_, subject);
    reading.measurement.meter = name_;
    return reading;
  }

 private:
  std::string name_;
  latency::DeviceProfile device_;
};

}  // namespace

Reading estimate_on(const latency::DeviceProfile& device, const Subject& subject) {
  if (subject.network() == nullptr) {
    core::throw_user_error(
        "the profile of {} needs a network's graph, and {} is an ONNX file: name the model's folder",
        device.name,
        subject.description());
  }
  const std::vector<latency::Work> works =
      latency::work_of(subject.network()->graph, subject.picture());
  const latency::Estimate estimate = latency::estimate(device, works);
  if (!estimate.does_not_fit.empty())
    return {ReadingEnd::kFailed,
            {},
            fmt::format("does not fit {}: {}", device.name, estimate.does_not_fit)};
  Measurement result;
  result.meter = "profile:" + device.name;
  result.median = result.first_quartile = result.third_quartile = result.min =
      estimate.milliseconds;
  result.estimated = true;
  result.error = device.error;
  result.conditions.device = device.title.empty() ? device.name : device.title;
  result.conditions.runtime = "profile " + device.name;
  result.conditions.threads = 0;
  result.conditions.precision = device.precision;
  result.conditions.input = {3, subject.picture().height, subject.picture().width};
  if (estimate.interpolated > 0) {
    result.note = fmt::format("{} of {} works are not in the device's table and were interpolated",
                              estimate.interpolated,
                              works.size());
  }
  return {ReadingEnd::kMeasured, std::move(result), {}};
}

std::unique_ptr<LatencyMeter> make_profile_meter(const std::string& name_or_file,
                                                 const MeterOptions&) {
  return std::make_unique<ProfileMeter>(name_or_file);
}

}  // namespace parsimony::meter
