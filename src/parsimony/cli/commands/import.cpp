// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/command.h"
#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/data/dataset.h"
#include "parsimony/data/export_folder.h"

namespace parsimony::cli {

Action declare_import(CLI::App& app) {
  struct Arguments {
    std::string format, source, destination;
    int jpeg_quality = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option(
         "FORMAT", arguments->format, "auto, folder, pairs, voc, cityscapes, camvid or eg1800")
      ->required();
  app.add_option("SRC", arguments->source, "folder of the data set")->required();
  app.add_option("DST", arguments->destination, "folder to create")->required();
  app.add_option(
         "--jpeg", arguments->jpeg_quality, "store pictures as JPEG of this quality instead of PNG")
      ->check(CLI::Range(1, 100));
  return [arguments](Environment& environment) {
    const auto dataset = data::open_dataset(arguments->source);
    const std::string& found = dataset->info().format;
    if (arguments->format != "auto" && arguments->format != found) {
      core::throw_user_error("{}: has the layout '{}', not '{}'; use 'auto' or '{}'",
                             arguments->source,
                             found,
                             arguments->format,
                             found);
    }
    data::write_dataset_folder(
        *dataset, arguments->destination, environment.context.threads, arguments->jpeg_quality);
    fmt::print("{}: {} classes, {} training, {} validation, {} test pictures (from layout '{}')\n",
               arguments->destination,
               dataset->info().classes.size(),
               dataset->size(data::Split::kTrain),
               dataset->size(data::Split::kVal),
               dataset->size(data::Split::kTest),
               found);
    return 0;
  };
}

}  // namespace parsimony::cli
