// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/meter/meter.h"

namespace parsimony::meter {

// A device that is at hand but is not this host: a program or a web address gets the network as an
// ONNX file, runs it there and answers with JSON. tools/runner has one for boards with Python.
//
// The answer: {"median_ms": 12.5, "quartiles_ms": [12.1, 13.0], "repetitions": 50,
//              "conditions": {"device": "Raspberry Pi 4", "runtime": "ONNX Runtime 1.16.3",
//                             "threads": 1, "warm_up": 5, "precision": "fp32"}}
// "conditions" and what is in it may be missing; "min_ms" may be there; other keys are ignored.
struct RunnerOptions {
  std::string name;  // of the device, for reports
  std::vector<std::string>
      command;             // program and arguments; "{model}" becomes the ONNX file's path
  std::string url;         // instead of a command: the file is sent there by POST
  double timeout_s = 120;  // for one answer
  int retries = 2;         // after a device that is away or breaks off
  double backoff_s = 1;    // before the first retry; doubled before each further one
  // Device whose model stands in when there is no measurement (latency/profile.h), name or file;
  // empty: that is a failure.
  std::string profile;
  void visit(core::FieldVisitor& v);
};

// Reads a runner's file (YAML or JSON); a user error names what is wrong with it.
RunnerOptions read_runner(const std::string& file);

// What a runner answered, as a measurement; a user error says what is wrong with it. Nothing takes
// longer than an hour.
Measurement parse_answer(std::string_view answer, const std::string& name);

// Measures with a runner, one network at a time. Tried again: no connection, no answer in time, a
// program that fails, HTTP status 408, 429 and 5xx. Not tried again: a program that does not exist,
// other statuses, an answer that makes no sense.
std::unique_ptr<LatencyMeter> make_runner(RunnerOptions options);
std::unique_ptr<LatencyMeter> make_runner(const std::string& file, const MeterOptions& options);

}  // namespace parsimony::meter
