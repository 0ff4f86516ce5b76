// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/bench_table.h"

#include <filesystem>
#include <set>

#include "parsimony/cli/application.h"
#include "parsimony/cli/architecture.h"
#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/meter/lookup_table.h"
#include "parsimony/objective/objective.h"
#include "parsimony/run/candidates.h"
#include "parsimony/run/preparation.h"
#include "parsimony/run/study_task.h"

namespace parsimony::cli {
namespace {

struct Arguments {
  std::string file, study, name, meter = "host-torch";
  std::vector<std::string> genotypes;
  ArchitectureArguments architecture;
  int candidates = 40, check_networks = 12, threads = 1;
  double seconds = 0.3;
};

// What the table is made for.
struct Networks {
  std::vector<graph::Graph> graphs;  // simplified
  graph::Size picture;
};

Networks networks_of_genotypes(const Arguments& arguments) {
  const graph::NetworkDescription description = description_of(arguments.architecture);
  Networks networks{{}, size_of(arguments.architecture.input)};
  for (const std::string& text : arguments.genotypes) {
    networks.graphs.push_back(
        graph::simplified_network(genotype_of(text, arguments.architecture), description));
  }
  return networks;
}

// Candidates as the study's random search would draw them.
Networks networks_of_study(const Arguments& arguments,
                           bool input_given,
                           const core::Context& context) {
  const run::StudyOptions study = run::read_study(arguments.study, arguments.architecture.settings);
  const auto dataset = run::open_study_data(study, context);
  const graph::NetworkDescription description =
      run::candidate_description(study, run::study_task(study, dataset->info())->channels());
  Networks networks{
      {}, input_given ? size_of(arguments.architecture.input) : run::picture_size(*dataset)};
  const auto space = run::make_space(study, description);
  core::Rng rng = core::Rng(static_cast<std::uint64_t>(study.seed)).split("lookup table");
  std::set<std::string> seen;
  // A small space may have fewer networks than are asked for.
  for (int draw = 0; draw < 50 * arguments.candidates; ++draw) {
    const space::Genotype genotype =
        space::parse_genotype(space->text(space::sample(*space, rng)), study.space.name);
    graph::Graph whole = graph::simplified_network(genotype, description);
    if (graph::is_constant(whole) || !seen.insert(graph::canonical_id(whole)).second) continue;
    networks.graphs.push_back(std::move(whole));
    if (networks.graphs.size() == static_cast<std::size_t>(arguments.candidates)) break;
  }
  return networks;
}

int make_table(const Arguments& arguments, bool input_given, const core::Context& context) {
  if (arguments.study.empty() == arguments.genotypes.empty())
    core::throw_user_error("expected --study or --genotype, found {}",
                           arguments.study.empty() ? "neither" : "both");
  if (arguments.meter != objective::kHostTorch && arguments.meter != objective::kHostOnnx)
    core::throw_user_error("--meter {}: expected host-torch or host-onnx", arguments.meter);
  const Networks networks = arguments.study.empty()
                                ? networks_of_genotypes(arguments)
                                : networks_of_study(arguments, input_given, context);
  if (networks.graphs.empty())
    core::throw_user_error("{}: no candidate of the space depends on its picture", arguments.study);
  meter::MeterOptions options{.threads = arguments.threads,
                              .timing = {.seconds = arguments.seconds}};
  const auto works = meter::make_meter(arguments.meter, options);
  options.timing.seconds *= 5;  // there are few of them, and they are what the error is stated by
  const auto whole = meter::make_meter(arguments.meter, options);
  const std::filesystem::path file = arguments.file;
  const std::string name = arguments.name.empty() ? file.stem().string() : arguments.name;
  const meter::LookupTable table = meter::measure_lookup_table(
      networks.graphs,
      networks.picture,
      *works,
      *whole,
      {.name = name, .file = file, .check_networks = arguments.check_networks},
      context);
  if (table.end == meter::ReadingEnd::kStopped)
    return std::filesystem::exists(file) ? kSaved : kInterrupted;
  if (table.end == meter::ReadingEnd::kFailed) {
    context.log.line(core::LogLevel::kWarning, table.reason);
    return kFindings;
  }
  fmt::print("{}: {}\n", arguments.file, table.profile.title);
  fmt::print("  {} works of {} networks, {} measured now, {} left to interpolation\n",
             table.works,
             networks.graphs.size(),
             table.measured,
             table.without_row);
  fmt::print("  overhead {:.3g} ms, scale {:.3f} from {} whole networks\n",
             table.profile.table.overhead,
             table.profile.table.scale,
             table.fitted_on);
  fmt::print("  error {:.1f} % (rms) on {} other networks\n",
             100 * table.profile.error,
             table.checked_with);
  fmt::print("Use it: parsimony inspect --profile {0} ..., or cost.devices: [{0}] in a study\n",
             arguments.file);
  return kDone;
}

}  // namespace

Action declare_bench_table(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("OUT", arguments->file, "profile to write (JSON), or to continue")->required();
  app.add_option("--study", arguments->study, "study file whose candidates are measured");
  app.add_option("--genotype", arguments->genotypes, "architectures instead of a study's")
      ->allow_extra_args(false);
  declare_architecture(app, arguments->architecture);
  CLI::Option* input = app.get_option("--input");
  app.add_option("--name", arguments->name, "of the device; otherwise the file's");
  app.add_option("--meter", arguments->meter, "host-torch or host-onnx")->capture_default_str();
  app.add_option("--candidates", arguments->candidates, "of the study's space")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--check", arguments->check_networks, "networks that are measured as a whole")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--threads", arguments->threads, "threads of a network")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--seconds", arguments->seconds, "of timed runs per work")
      ->check(CLI::Range(0.001, 60.0))
      ->capture_default_str();
  return [arguments, input](Environment& environment) {
    return make_table(*arguments, input->count() > 0, environment.context);
  };
}

}  // namespace parsimony::cli
