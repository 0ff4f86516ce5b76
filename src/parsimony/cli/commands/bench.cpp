// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <nlohmann/json.hpp>

#include "parsimony/cli/application.h"
#include "parsimony/cli/architecture.h"
#include "parsimony/cli/bench_table.h"
#include "parsimony/cli/command.h"
#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/meter/meter.h"
#include "parsimony/run/model.h"

namespace parsimony::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
  std::string model, genotype;
  ArchitectureArguments architecture;
  std::vector<std::string> meters;
  meter::MeterOptions options;
  bool json = false;
};

meter::Subject subject_of(const Arguments& arguments, bool input_given) {
  if (arguments.model.empty() == arguments.genotype.empty())
    core::throw_user_error("expected a MODEL or --genotype, found {}",
                           arguments.model.empty() ? "neither" : "both");
  if (!arguments.genotype.empty()) {
    return meter::Subject::untrained(
        graph::simplified_network(genotype_of(arguments.genotype, arguments.architecture),
                                  description_of(arguments.architecture)),
        size_of(arguments.architecture.input));
  }
  if (!std::filesystem::is_directory(arguments.model)) {
    if (input_given)
      core::throw_user_error(
          "--input: {} is not a model folder; an ONNX file has a size of its own", arguments.model);
    return meter::Subject(arguments.model);
  }
  const run::LoadedNetwork loaded = run::load_network(arguments.model);
  const graph::Size size =
      input_given ? size_of(arguments.architecture.input) : loaded.card.interface.picture();
  return {{loaded.network.graph(), loaded.network.save()}, size};
}

std::string subject_text(const Arguments& arguments) {
  return arguments.model.empty() ? arguments.genotype : arguments.model;
}

// One latency with its conditions, as lines for people.
std::string text_of(const std::string& meter, const meter::Reading& reading) {
  if (reading.end == meter::ReadingEnd::kFailed)
    return fmt::format("{:<14}no latency: {}\n", meter, reading.reason);
  const meter::Measurement& got = reading.measurement;
  const meter::Conditions& at = got.conditions;
  const std::string spread =
      got.estimated ? fmt::format("estimated, {}",
                                  got.error > 0 ? fmt::format("+-{:.0f} %", 100 * got.error)
                                                : std::string("error unknown"))
                    : fmt::format("quartiles {:.4g} .. {:.4g}, min {:.4g}, {} repetitions after {}",
                                  got.first_quartile,
                                  got.third_quartile,
                                  got.min,
                                  got.repetitions,
                                  at.warm_up);
  std::string text = fmt::format("{:<14}{:>9.4g} ms  {}\n", meter, got.median, spread);
  std::vector<std::string> conditions = {at.device, at.runtime};
  if (at.threads > 0)
    conditions.push_back(fmt::format("{} thread{}", at.threads, at.threads == 1 ? "" : "s"));
  conditions.push_back(fmt::format("batch {}", at.batch));
  if (!at.precision.empty()) conditions.push_back(at.precision);
  if (!at.input.empty()) conditions.push_back(fmt::format("{}", fmt::join(at.input, "x")));
  text += fmt::format("{:<14}{}\n", "", core::join(conditions, ", "));
  if (!got.note.empty()) text += fmt::format("{:<14}{}\n", "", got.note);
  return text;
}

Json to_json(const std::string& meter, const meter::Reading& reading) {
  if (reading.end == meter::ReadingEnd::kMeasured) return meter::to_json(reading.measurement);
  return {{"meter", meter}, {"failed", reading.reason}};
}

int bench(const Arguments& arguments, bool input_given, const core::Context& context) {
  const meter::Subject subject = subject_of(arguments, input_given);
  std::vector<std::string> names = arguments.meters;
  if (names.empty()) names = {subject.network() != nullptr ? "host-torch" : "host-onnx"};
  std::vector<std::unique_ptr<meter::LatencyMeter>> meters;
  for (const std::string& name : names)
    meters.push_back(meter::make_meter(name, arguments.options));
  // The first meter's answer, then all of them.
  Json json = {{"model", subject_text(arguments)}};
  Json all = Json::array();
  bool failed = false;
  for (const auto& meter : meters) {
    const meter::Reading reading = meter->measure(subject, context);
    if (reading.end == meter::ReadingEnd::kStopped) return kInterrupted;
    failed = failed || reading.end == meter::ReadingEnd::kFailed;
    all.push_back(to_json(meter->name(), reading));
    if (!arguments.json) fmt::print("{}", text_of(meter->name(), reading));
  }
  if (arguments.json) {
    json.update(all.front());
    json["measurements"] = std::move(all);
    fmt::print("{}\n", json.dump());
  }
  return failed ? kFindings : kDone;
}

}  // namespace

Action declare_bench(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MODEL", arguments->model, "model folder, or an .onnx file");
  app.add_option("--genotype", arguments->genotype, "an architecture instead, with random weights");
  declare_architecture(app, arguments->architecture);
  CLI::Option* input = app.get_option("--input");
  std::vector<std::string> kinds;
  for (const meter::MeterKind& kind : meter::meter_kinds()) {
    kinds.push_back(fmt::format(
        "{}{}{} ({})", kind.name, kind.argument.empty() ? "" : ":", kind.argument, kind.summary));
  }
  app.add_option(
         "--meter",
         arguments->meters,
         fmt::format("{}; otherwise host-torch, or host-onnx for a file", core::join(kinds, ", ")))
      ->allow_extra_args(false);
  app.add_option("--threads", arguments->options.threads, "threads of a network on this host")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--seconds", arguments->options.timing.seconds, "of timed runs on this host")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
  app.add_flag("--json", arguments->json, "for programs");
  CLI::App* lut = app.add_subcommand(
      "lut", "measure the layers of a search space on this host, as a profile of it");
  const Action table = declare_bench_table(*lut);
  return [arguments, input, lut, table](Environment& environment) {
    if (lut->parsed()) return table(environment);
    return bench(*arguments, input->count() > 0, environment.context);
  };
}

}  // namespace parsimony::cli
