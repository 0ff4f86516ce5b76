// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/meter.h"

#include <algorithm>
#include <array>
#include <vector>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/meter/estimate.h"
#include "parsimony/meter/host.h"
#include "parsimony/meter/runner.h"
#include "parsimony/objective/objective.h"

namespace parsimony::meter {
namespace {

constexpr std::array<MeterKind, 4> kMeters = {{
    {objective::kHostTorch,
     "",
     "LibTorch on this host, as candidates are evaluated",
     make_host_torch},
    {objective::kHostOnnx,
     "",
     "ONNX Runtime on this host, as networks are deployed",
     make_host_onnx},
    {"profile", "NAME|FILE", "an estimate by the model of a device", make_profile_meter},
    {"runner", "FILE", "a device that a program or a web address measures on", make_runner},
}};

std::string form_of(const MeterKind& kind) {
  return kind.argument.empty() ? std::string(kind.name)
                               : fmt::format("{}:{}", kind.name, kind.argument);
}

}  // namespace

void MeterOptions::visit(core::FieldVisitor& v) {
  v.field("threads", threads, {"threads of a network on this host", 1, 4096});
  v.group("timing", timing, "how long and how often");
}

std::span<const MeterKind> meter_kinds() {
  return kMeters;
}

std::unique_ptr<LatencyMeter> make_meter(const std::string& text, const MeterOptions& options) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const std::string argument = colon == std::string::npos ? "" : text.substr(colon + 1);
  const auto kind = std::find_if(
      kMeters.begin(), kMeters.end(), [&](const MeterKind& k) { return k.name == name; });
  if (kind == kMeters.end()) {
    std::vector<std::string> forms;
    std::vector<std::string_view> names;
    for (const MeterKind& known : kMeters) {
      forms.push_back(form_of(known));
      names.push_back(known.name);
    }
    core::throw_user_error("unknown meter '{}', expected one of {}{}",
                           text,
                           core::join(forms, ", "),
                           core::did_you_mean(name, names));
  }
  if (argument.empty() != kind->argument.empty())
    core::throw_user_error("meter '{}': expected {}", text, form_of(*kind));
  return kind->make(argument, options);
}

}  // namespace parsimony::meter
