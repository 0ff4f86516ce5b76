// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/application.h"
#include "parsimony/cli/command.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/run/finalise.h"
#include "parsimony/run/preparation.h"

namespace parsimony::cli {

Action declare_train(CLI::App& app) {
  struct Arguments {
    std::string study, genotype, folder;
    std::vector<std::string> settings;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option(
         "STUDY", arguments->study, "study file: data, encoder and 'final' are taken from it")
      ->required();
  app.add_option("--genotype", arguments->genotype, "architecture to train")->required();
  app.add_option("--out", arguments->folder, "model folder to fill; training continues there")
      ->required();
  app.add_option("--set", arguments->settings, "NAME=VALUE overrides the study file")
      ->allow_extra_args(false);
  return [arguments](Environment& environment) {
    const run::StudyOptions options = run::read_study(arguments->study, arguments->settings);
    const auto dataset = run::open_study_data(options, environment.context);
    const auto encoder =
        run::encoder_for(options, *dataset, arguments->folder, environment.context);
    if (!encoder) return kSaved;
    const space::Genotype genotype = space::parse_genotype(arguments->genotype);
    const run::ModelRequest request{.name = options.name,
                                    .genotype = space::to_text(genotype),
                                    .encoder = options.encoder.network,
                                    .encoder_weights = *encoder,
                                    .options = options.final,
                                    .cost = options.cost,
                                    .seed = static_cast<std::uint64_t>(options.seed)};
    const auto model = run::make_model(request, *dataset, arguments->folder, environment.context);
    if (!model) {
      fmt::print("interrupted: everything is saved in {}; the same command continues\n",
                 arguments->folder);
      return kSaved;
    }
    fmt::print("{}: {:.2f} % mIoU, {} parameters, {} MACs, trained in {}\n",
               arguments->folder,
               100 * model->scores.at("miou"),
               core::human_count(model->scores.at("params")),
               core::human_count(model->scores.at("macs")),
               core::human_duration(model->seconds));
    return kDone;
  };
}

}  // namespace parsimony::cli
