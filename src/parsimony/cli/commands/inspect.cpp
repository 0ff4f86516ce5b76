// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "parsimony/cli/architecture.h"
#include "parsimony/cli/command.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/graph/cost.h"
#include "parsimony/graph/drawing.h"
#include "parsimony/graph/lower.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/latency/profile.h"

namespace parsimony::cli {
namespace {

nlohmann::ordered_json to_json(const graph::SectionCounts& counts) {
  return {{"encoder", counts.encoder},
          {"decoder", counts.decoder},
          {"auxiliary", counts.auxiliary},
          {"total", counts.total()}};
}

std::string row(const char* name, const graph::SectionCounts& counts) {
  return fmt::format("{:<12}{:>16}{:>16}{:>16}{:>16}\n",
                     name,
                     counts.encoder,
                     counts.decoder,
                     counts.total(),
                     counts.auxiliary);
}

// What one device would take, by its profile.
struct DeviceTime {
  latency::DeviceProfile device;
  latency::Estimate estimate;
};

std::vector<DeviceTime> device_times(const std::vector<std::string>& profiles,
                                     const graph::Graph& network,
                                     graph::Size picture) {
  std::vector<latency::DeviceProfile> devices;
  for (const std::string& profile : profiles) devices.push_back(latency::device_profile(profile));
  if (profiles.empty()) devices = latency::shipped_devices();
  const std::vector<latency::Work> works = latency::work_of(network, picture);
  std::vector<DeviceTime> times;
  for (const latency::DeviceProfile& device : devices)
    times.push_back({device, latency::estimate(device, works)});
  return times;
}

nlohmann::ordered_json to_json(const std::vector<DeviceTime>& times) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& [device, estimate] : times) {
    nlohmann::ordered_json entry = {{"device", device.name},
                                    {"title", device.title},
                                    {"precision", device.precision},
                                    {"estimated", true},
                                    {"milliseconds", estimate.milliseconds}};
    entry["error"] = device.error > 0 ? nlohmann::ordered_json(device.error)
                                      : nlohmann::ordered_json();  // unknown
    if (estimate.interpolated > 0) entry["interpolated_works"] = estimate.interpolated;
    if (!estimate.does_not_fit.empty()) entry["does_not_fit"] = estimate.does_not_fit;
    list.push_back(entry);
  }
  return list;
}

std::string text_of(const DeviceTime& time) {
  if (!time.estimate.does_not_fit.empty()) return "does not fit: " + time.estimate.does_not_fit;
  return fmt::format("{:.3g} ms, {}{}",
                     time.estimate.milliseconds,
                     time.device.error > 0 ? fmt::format("+-{:.0f} %", 100 * time.device.error)
                                           : std::string("error unknown"),
                     time.estimate.interpolated > 0
                         ? fmt::format(", {} works not in its table", time.estimate.interpolated)
                         : std::string());
}

void print(const std::vector<DeviceTime>& times) {
  fmt::print(
      "\nestimated latency (models of devices, not measurements; errors as their profiles state them)\n");
  for (const DeviceTime& time : times) {
    const latency::DeviceProfile& device = time.device;
    fmt::print("  {:<14}{:<6}{}\n", device.name, device.precision, text_of(time));
    if (!device.title.empty()) fmt::print("{:<22}{}\n", "", device.title);
  }
}

}  // namespace

Action declare_inspect(CLI::App& app) {
  struct Arguments {
    ArchitectureArguments architecture;
    std::string genotype, draw;
    std::vector<std::string> profiles;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("--genotype", arguments->genotype, "text form, as published")->required();
  declare_architecture(app, arguments->architecture);
  app.add_option(
      "--draw",
      arguments->draw,
      "write drawings to PREFIX-cell.svg or PREFIX-templates.svg, and to PREFIX-decoder.svg or PREFIX-paths.svg");
  app.add_option(
         "--profile",
         arguments->profiles,
         "device whose latency is estimated, by name or as a profile's file; otherwise all known")
      ->allow_extra_args(false);
  app.add_flag("--json", arguments->json, "for programs");
  return [arguments](Environment&) {
    const graph::NetworkDescription description = description_of(arguments->architecture);
    const graph::Size picture = size_of(arguments->architecture.input);
    const space::Genotype genotype = genotype_of(arguments->genotype, arguments->architecture);
    const graph::Graph whole = graph::lower(genotype, description).graph;
    const graph::Graph simplified = graph::simplify(whole);
    const graph::Shape out =
        graph::infer_shapes(whole, picture)[static_cast<std::size_t>(whole.output("logits"))];
    const graph::SectionCounts params = graph::count_parameters(whole);
    const graph::SectionCounts macs = graph::count_macs(whole, picture);
    const std::int64_t peak = graph::peak_activation_bytes(whole, picture);
    const graph::SectionCounts kept_params = graph::count_parameters(simplified);
    const graph::SectionCounts kept_macs = graph::count_macs(simplified, picture);
    const std::vector<DeviceTime> times = device_times(arguments->profiles, simplified, picture);
    if (!arguments->draw.empty()) {
      for (const graph::Drawing& drawing : graph::draw(genotype, description)) {
        core::write_file_atomic(fmt::format("{}-{}.svg", arguments->draw, drawing.name),
                                drawing.svg);
      }
    }
    const std::string_view space = space::name_of(space::space_of(genotype));
    if (arguments->json) {
      const nlohmann::ordered_json json = {
          {"space", space},
          {"genotype", space::to_text(genotype)},
          {"params", to_json(params)},
          {"macs", to_json(macs)},
          {"output", {out.channels, out.height, out.width}},
          {"peak_activation_bytes", peak},
          {"simplified", {{"params", to_json(kept_params)}, {"macs", to_json(kept_macs)}}},
          {"latency", to_json(times)},
          {"canonical_id", graph::canonical_id(simplified)},
          {"constant", graph::is_constant(simplified)}};
      fmt::print("{}\n", json.dump());
      return 0;
    }
    fmt::print("{} in {}, input {}x{}, output {}x{}x{}\n\n",
               space::to_text(genotype),
               space,
               picture.height,
               picture.width,
               out.channels,
               out.height,
               out.width);
    fmt::print("{:<12}{:>16}{:>16}{:>16}{:>16}\n", "", "encoder", "decoder", "total", "auxiliary");
    fmt::print("{}{}{}{}",
               row("parameters", params),
               row("  simplified", kept_params),
               row("MACs", macs),
               row("  simplified", kept_macs));
    fmt::print("\npeak activation memory {} (fp32, batch 1)\n",
               core::human_bytes(static_cast<double>(peak)));
    print(times);
    fmt::print(
        "\nMACs are multiply-accumulates of the convolutions, biases excluded; one MAC is two FLOPs. 'total' leaves "
        "the\nauxiliary branches out, which exist while training only. 'simplified' is without parts that cannot "
        "matter.\n");
    return 0;
  };
}

}  // namespace parsimony::cli
