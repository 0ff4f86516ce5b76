// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "parsimony/core/fields.h"

namespace parsimony::meter {

// What a latency depends on beside the network. A latency without them means nothing.
struct Conditions {
  std::string device;   // processor or board
  std::string runtime;  // "LibTorch 1.13.0", "ONNX Runtime 1.22.0", "profile gap8"
  int threads = 1;      // 0: unknown
  int batch = 1;
  std::string precision = "fp32";
  std::vector<std::int64_t> input;  // [C, H, W]; empty: unknown
  int warm_up = 0;                  // runs before the first one that counts
  void visit(core::FieldVisitor& v);
  bool operator==(const Conditions&) const = default;
};

// How long a network takes for one picture, in milliseconds, in evaluation mode with batch norms
// folded.
struct Measurement {
  std::string meter;  // as it was asked for: "host-torch", "profile:gap8"
  double median = 0;
  double first_quartile = 0, third_quartile = 0;
  double min = 0;
  int repetitions = 0;     // that these figures are taken over; 0 of an estimate
  bool estimated = false;  // by a model of the device, where all four figures are equal
  // Root mean square of log(estimated / measured) where both were known; 0: unknown, or measured.
  double error = 0;
  Conditions conditions;
  std::string note;  // for people: why it is an estimate, what was left out
  void visit(core::FieldVisitor& v);
  bool operator==(const Measurement&) const = default;
};

// {"meter", "unit": "ms", "median", "quartiles": [first, third], "min", "repetitions", "estimated",
//  "error", "conditions": {"device", "runtime", "threads", ...}, "note"}; stable, `bench --json`
// prints it. Reading it back needs every key but "unit"; errors are user errors that name the key.
nlohmann::ordered_json to_json(const Measurement& measurement);
Measurement read_measurement(const nlohmann::ordered_json& json, const std::string& origin);

}  // namespace parsimony::meter
