// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/measurement.h"

#include "parsimony/core/error.h"
#include "parsimony/deploy/json_value.h"

namespace parsimony::meter {

void Conditions::visit(core::FieldVisitor& v) {
  v.field("device", device, {"processor or board"});
  v.field("runtime", runtime, {"what runs the network, with its version"});
  v.field("threads", threads, {"threads it computes with; 0: unknown", 0});
  v.field("batch", batch, {"pictures per run", 1});
  v.field("precision", precision, {"number format"});
  v.field("input", input, {"channels, height and width; empty: unknown", 1});
  v.field("warm_up", warm_up, {"runs before the first one that counts", 0});
}

void Measurement::visit(core::FieldVisitor& v) {
  std::vector<double> quartiles = {first_quartile, third_quartile};
  v.field("meter", meter, {"what measured"});
  v.field("median", median, {"milliseconds", 0});
  v.field("quartiles", quartiles, {"first and third, milliseconds", 0});
  v.field("min", min, {"milliseconds", 0});
  v.field("repetitions", repetitions, {"runs that count", 0});
  v.field("estimated", estimated, {"whether a model of the device says so"});
  v.field("error", error, {"rms of log(estimated / measured); 0: unknown", 0});
  v.group("conditions", conditions, "what the latency depends on");
  v.field("note", note, {"for people"});
  if (quartiles.size() != 2)
    core::throw_user_error("'quartiles' must be two numbers, found {}", quartiles.size());
  first_quartile = quartiles[0];
  third_quartile = quartiles[1];
}

nlohmann::ordered_json to_json(const Measurement& measurement) {
  nlohmann::ordered_json json = {{"meter", measurement.meter}, {"unit", "ms"}};
  json.update(deploy::write_fields(measurement));
  return json;
}

Measurement read_measurement(const nlohmann::ordered_json& json, const std::string& origin) {
  return deploy::read_fields<Measurement>(deploy::JsonValue(json, origin));
}

}  // namespace parsimony::meter
