// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "parsimony/core/context.h"
#include "parsimony/meter/measurement.h"
#include "parsimony/meter/subject.h"
#include "parsimony/meter/timing.h"

// Latencies, whoever knows them: this host, a device behind a wire, a model of a device.
//
//   const auto meter = make_meter("host-torch", {.threads = 1});
//   const Reading reading = meter->measure(Subject::untrained(graph, {256, 256}), context);
//   if (reading.end == ReadingEnd::kMeasured) use(reading.measurement.median);
namespace parsimony::meter {

enum class ReadingEnd {
  kMeasured,  // or estimated, the measurement says which
  kStopped,   // by the stop flag
  kFailed,    // the device is away, answers nonsense, or cannot run the network
};

struct Reading {
  ReadingEnd end = ReadingEnd::kFailed;
  Measurement measurement;  // of kMeasured
  std::string reason;       // of kFailed
};

// May be used from many threads, which wait for each other where the device is one thing. What a
// device does wrong is a kFailed; a user error is thrown for a network that this meter can never
// measure, and for files that are not what they should be.
class LatencyMeter {
 public:
  virtual ~LatencyMeter() = default;
  virtual std::string name() const = 0;
  virtual Reading measure(const Subject& subject, const core::Context& context) = 0;
};

struct MeterOptions {
  int threads = 1;  // of the host's meters; runners and profiles have their own conditions
  TimingOptions timing;
  void visit(core::FieldVisitor& v);
};

// What meters there are.
struct MeterKind {
  std::string_view name;
  std::string_view argument;  // "NAME|FILE": written behind the name and a colon; empty: none
  std::string_view summary;
  std::unique_ptr<LatencyMeter> (*make)(const std::string& argument, const MeterOptions& options);
};
std::span<const MeterKind> meter_kinds();

// "host-torch", "host-onnx", "profile:gap8", "runner:configs/devices/raspberry-pi.yaml". A user
// error for a name that does not exist, and for an argument that is missing or no good.
std::unique_ptr<LatencyMeter> make_meter(const std::string& text, const MeterOptions& options);

}  // namespace parsimony::meter
