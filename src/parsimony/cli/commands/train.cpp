// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/application.h"
#include "parsimony/cli/command.h"
#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/report/report.h"
#include "parsimony/run/candidates.h"
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

void require_an_architecture(const Arguments& arguments, const run::StudyOptions& options) {
  const bool named = !arguments.genotype.empty(), taken = !arguments.from.empty();
  if (named && taken) core::throw_user_error("expected one of --genotype TEXT and --from MODEL");
  if (!named && !taken && !options.searches_supernet()) {
    core::throw_user_error(
        "expected --genotype TEXT or --from MODEL; only a study of a supernet has a network to train "
        "without, the supernet");
  }
  if (!named && !taken && !options.supernet.trained.empty()) {
    core::throw_user_error(
        "supernet.trained is {}: there is nothing to train; expected --genotype TEXT, a part of it, "
        "or a study without supernet.trained",
        options.supernet.trained);
  }
  if (arguments.scratch && !taken)
    core::throw_user_error(
        "--scratch goes with --from MODEL: its architecture without its weights");
  if (arguments.folder.empty() && !taken)
    core::throw_user_error("{} needs --out FOLDER, the model folder to fill",
                           named ? "--genotype" : "the training of a supernet");
}

// The network of a model folder, to be trained on the study's data.
std::optional<run::ModelRequest> transfer(const Arguments& arguments,
                                          run::StudyOptions& options,
                                          const data::Dataset& dataset,
                                          const fs::path& folder,
                                          const core::Context& context) {
  const deploy::ModelCard card = deploy::read_model_card(fs::path(arguments.from) / "model.json");
  run::ModelRequest request = run::request_for(options, card.description(), card.genotype);
  request.from = fmt::format("{} ({})", card.name, card.dataset);
  if (!arguments.scratch) {
    request.initial = weights::read_safetensors(fs::path(arguments.from) / "weights.safetensors");
  } else if (card.has_encoder()) {
    options.encoder.network = card.encoder;
    auto encoder = run::encoder_for(options, dataset, folder, context);
    if (!encoder) return std::nullopt;
    request.encoder_weights = std::move(*encoder);
  }
  return request;
}

// What is trained, from which weights; nullopt when interrupted before that is known.
std::optional<run::ModelRequest> request_of(const Arguments& arguments,
                                            run::StudyOptions& options,
                                            const data::Dataset& dataset,
                                            const fs::path& folder,
                                            const core::Context& context) {
  if (!arguments.from.empty()) return transfer(arguments, options, dataset, folder, context);
  if (arguments.genotype.empty()) return run::supernet_request(options, context);
  const auto candidates = run::make_candidates(options, dataset, folder, context);
  return candidates->request(space::to_text(space::parse_genotype(arguments.genotype)));
}

int train(const Arguments& arguments, const core::Context& context) {
  run::StudyOptions options = run::read_study(arguments.study, arguments.settings);
  require_an_architecture(arguments, options);
  const auto dataset = run::open_study_data(options, context);
  fs::path folder = arguments.folder;
  if (folder.empty()) {
    folder = fs::path(arguments.from) / "transfer" /
             (options.name + (arguments.scratch ? "-scratch" : ""));
  }
  std::optional<run::ModelRequest> request =
      request_of(arguments, options, *dataset, folder, context);
  const auto model = request ? run::make_model(*request, *dataset, folder, context) : std::nullopt;
  if (!model) {
    fmt::print("interrupted: everything is saved in {}; the same command continues\n",
               folder.string());
    return kSaved;
  }
  fmt::print("{}: {}, {} parameters, {} MACs, trained in {}\n",
             folder.string(),
             objective::headline(model->scores),
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
  app.add_option(
      "--genotype",
      arguments->genotype,
      "architecture to train; of a supernet's study the part that is fine-tuned, without "
      "it the supernet itself is trained");
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
