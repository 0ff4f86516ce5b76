// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/synth.h"
#include "parsimony/cli/command.h"
#include "parsimony/core/config.h"
#include "parsimony/data/export_folder.h"

namespace parsimony::cli {

Action declare_synth(CLI::App& app) {
  struct Arguments {
    std::string folder;
    std::vector<std::string> settings;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("DIR", arguments->folder, "folder to create")->required();
  app.add_option(
         "--set",
         arguments->settings,
         "NAME=VALUE: scene (portraits, people or rooms), train, val, test, width, height, seed, zoom, "
         "occlusion")
      ->allow_extra_args(false);
  return [arguments](Environment& environment) {
    core::Config config = core::Config::from_text("{}", "--set");
    for (const std::string& setting : arguments->settings) config.set(setting);
    data::SynthOptions options;
    config.read_into(options);
    const data::MemoryDataset dataset =
        data::make_synthetic_dataset(options, environment.context.threads);
    data::write_dataset_folder(dataset, arguments->folder, environment.context.threads);
    fmt::print("{}: {} training, {} validation, {} test pictures ({}) of {}x{} pixels\n",
               arguments->folder,
               options.train,
               options.val,
               options.test,
               data::kSynthSceneNames[static_cast<std::size_t>(options.scene)],
               options.width,
               options.height);
    return 0;
  };
}

}  // namespace parsimony::cli
