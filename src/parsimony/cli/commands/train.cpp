// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/application.h"
#include "parsimony/cli/command.h"
#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/report/report.h"
#include "parsimony/run/finalise.h"
#include "parsimony/run/model.h"
#include "parsimony/run/preparation.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::cli {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string study, genotype, from, folder;
  bool scratch = false;
  std::vector<std::string> settings;
};

// The study whose model `folder` is: runs/NAME/models/ID.
std::optional<fs::path> study_of(const fs::path& model) {
  const fs::path study = fs::weakly_canonical(model).parent_path().parent_path();
  return fs::exists(study / "study.db") ? std::optional(study) : std::nullopt;
}

// The network of a model folder, to be trained on the study's data.
void transfer_from(const Arguments& arguments,
                   run::StudyOptions& options,
                   run::ModelRequest& request) {
  const deploy::ModelCard card = deploy::read_model_card(fs::path(arguments.from) / "model.json");
  options.encoder.network = request.encoder = card.encoder;
  request.genotype = card.genotype;
  request.options.width = static_cast<int>(card.decoder.width);
  request.options.repeats = static_cast<int>(card.decoder.repeats);
  request.from = fmt::format("{} ({})", card.name, card.dataset);
  if (!arguments.scratch)
    request.initial = weights::read_safetensors(fs::path(arguments.from) / "weights.safetensors");
}

void require_an_architecture(const Arguments& arguments) {
  if (arguments.genotype.empty() == arguments.from.empty())
    core::throw_user_error("expected one of --genotype TEXT and --from MODEL");
  if (arguments.scratch && arguments.from.empty())
    core::throw_user_error(
        "--scratch goes with --from MODEL: its architecture without its weights");
  if (arguments.folder.empty() && arguments.from.empty())
    core::throw_user_error("--genotype needs --out FOLDER, the model folder to fill");
}

int train(const Arguments& arguments, const core::Context& context) {
  require_an_architecture(arguments);
  run::StudyOptions options = run::read_study(arguments.study, arguments.settings);
  const auto dataset = run::open_study_data(options, context);
  run::ModelRequest request{.name = options.name,
                            .genotype = arguments.genotype,
                            .encoder = options.encoder.network,
                            .encoder_weights = {},
                            .options = options.final,
                            .cost = options.cost,
                            .seed = static_cast<std::uint64_t>(options.seed),
                            .teacher = options.teacher.model};
  fs::path folder = arguments.folder;
  if (!arguments.from.empty()) {
    transfer_from(arguments, options, request);
    if (folder.empty()) {
      folder = fs::path(arguments.from) / "transfer" /
               (options.name + (arguments.scratch ? "-scratch" : ""));
    }
  }
  request.genotype = space::to_text(space::parse_genotype(request.genotype));
  if (request.initial.arrays.empty()) {
    auto encoder = run::encoder_for(options, *dataset, folder, context);
    if (!encoder) return kSaved;
    request.encoder_weights = std::move(*encoder);
  }
  const auto model = run::make_model(request, *dataset, folder, context);
  if (!model) {
    fmt::print("interrupted: everything is saved in {}; the same command continues\n",
               folder.string());
    return kSaved;
  }
  fmt::print("{}: {:.2f} % mIoU, {} parameters, {} MACs, trained in {}\n",
             folder.string(),
             100 * model->scores.at("miou"),
             core::human_count(model->scores.at("params")),
             core::human_count(model->scores.at("macs")),
             core::human_duration(model->seconds));
  if (arguments.from.empty()) return kDone;
  if (const auto study = study_of(arguments.from)) report::write_report(*study);
  return kDone;
}

}  // namespace

Action declare_train(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option(
         "STUDY", arguments->study, "study file: data, encoder and 'final' are taken from it")
      ->required();
  app.add_option("--genotype", arguments->genotype, "architecture to train");
  app.add_option("--from",
                 arguments->from,
                 "model folder of a trained network, of this or another data set: its architecture "
                 "and its weights are where training begins");
  app.add_flag("--scratch", arguments->scratch, "with --from: the architecture, not its weights");
  app.add_option("--out",
                 arguments->folder,
                 "model folder to fill, training continues there; with --from by default "
                 "MODEL/transfer/NAME, which the report of MODEL's study shows");
  app.add_option("--set", arguments->settings, "NAME=VALUE overrides the study file")
      ->allow_extra_args(false);
  return [arguments](Environment& environment) { return train(*arguments, environment.context); };
}

}  // namespace parsimony::cli
