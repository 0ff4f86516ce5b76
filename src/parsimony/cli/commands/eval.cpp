// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/application.h"
#include "parsimony/cli/command.h"
#include "parsimony/core/error.h"
#include "parsimony/run/model.h"

namespace parsimony::cli {
namespace {

data::Split parse_split(const std::string& name) {
  for (const data::Split split : {data::Split::kTrain, data::Split::kVal, data::Split::kTest}) {
    if (data::name_of(split) == name) return split;
  }
  core::throw_user_error("--split {}: expected train, val or test", name);
}

}  // namespace

Action declare_eval(CLI::App& app) {
  struct Arguments {
    std::string model, dataset, split = "test";
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MODEL", arguments->model, "model folder, or an .onnx file (run in ONNX Runtime)")
      ->required();
  app.add_option("DATASET", arguments->dataset, "folder of the data set")->required();
  app.add_option("--split", arguments->split, "train, val or test")->capture_default_str();
  app.add_flag("--json", arguments->json, "for programs");
  return [arguments](Environment& environment) {
    const data::Split split = parse_split(arguments->split);
    const auto dataset = data::open_dataset(arguments->dataset);
    if (dataset->size(split) == 0) {
      core::throw_user_error(
          "{}: has no pictures in its split '{}'", arguments->dataset, arguments->split);
    }
    const auto model = run::open_model(arguments->model, environment.context.threads);
    const auto matrix = run::evaluate_model(*model, *dataset, split, environment.context);
    if (environment.context.stop.requested()) return kInterrupted;
    const std::vector<std::string>& classes = dataset->info().classes;
    if (arguments->json) {
      fmt::print("{}\n", run::metrics_json(matrix, classes, dataset->size(split)));
      return kDone;
    }
    const metric::Quality quality = metric::quality(matrix);
    fmt::print("{} on {} pictures of {}, split {}\n",
               model->description(),
               dataset->size(split),
               arguments->dataset,
               arguments->split);
    for (std::size_t c = 0; c < classes.size(); ++c) {
      const auto iou = matrix.iou(static_cast<int>(c));
      fmt::print("  {:<24}{}\n",
                 classes[c],
                 iou ? fmt::format("{:6.2f} %", 100 * *iou) : std::string("   absent"));
    }
    fmt::print("mIoU {:.2f} %, pixel accuracy {:.2f} %, mean accuracy {:.2f} %\n",
               100 * quality.miou,
               100 * quality.pixel_accuracy,
               100 * quality.mean_accuracy);
    fmt::print(
        "One confusion matrix over the split; ignored pixels left out; classes without labels left out of means.\n");
    return kDone;
  };
}

}  // namespace parsimony::cli
