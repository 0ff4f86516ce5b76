// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "parsimony/cli/application.h"
#include "parsimony/cli/command.h"
#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/run/model.h"

namespace parsimony::cli {
namespace {

data::Split parse_split(const std::string& name) {
  for (const data::Split split : {data::Split::kTrain, data::Split::kVal, data::Split::kTest}) {
    if (data::name_of(split) == name) return split;
  }
  core::throw_user_error("--split {}: expected train, val or test", name);
}

data::ClassGroup parse_group(const std::string& text, const std::vector<std::string>& classes) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    core::throw_user_error("--group {}: expected NAME=CLASS,CLASS", text);
  data::ClassGroup group{text.substr(0, equals), {}};
  for (const std::string& part : core::split(text.substr(equals + 1), ',')) {
    const std::string_view name = core::trim(part);
    const auto found = std::find(classes.begin(), classes.end(), name);
    if (found == classes.end()) {
      core::throw_user_error("--group {}: the data set has no class '{}'{} Its classes: {}",
                             text,
                             name,
                             core::did_you_mean(name, classes),
                             core::join(classes, ", "));
    }
    const auto id = static_cast<int>(found - classes.begin());
    if (std::find(group.classes.begin(), group.classes.end(), id) != group.classes.end())
      core::throw_user_error("--group {}: names '{}' twice", text, name);
    group.classes.push_back(id);
  }
  return group;
}

// The data set's groups, then those of the command line; of equal names the latter counts.
std::vector<data::ClassGroup> groups_of(const data::DatasetInfo& info,
                                        const std::vector<std::string>& asked) {
  std::vector<data::ClassGroup> groups = info.groups;
  for (const std::string& text : asked) {
    data::ClassGroup group = parse_group(text, info.classes);
    const auto same = std::ranges::find(groups, group.name, &data::ClassGroup::name);
    if (same == groups.end()) {
      groups.push_back(std::move(group));
    } else {
      *same = std::move(group);
    }
  }
  return groups;
}

}  // namespace

Action declare_eval(CLI::App& app) {
  struct Arguments {
    std::string model, dataset, split = "test";
    std::vector<std::string> groups;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MODEL", arguments->model, "model folder, or an .onnx file (run in ONNX Runtime)")
      ->required();
  app.add_option("DATASET", arguments->dataset, "folder of the data set")->required();
  app.add_option("--split", arguments->split, "train, val or test")->capture_default_str();
  app.add_option(
         "--group",
         arguments->groups,
         "NAME=CLASS,CLASS: F1 of classes taken as one, for example eyes=left_eye,right_eye; the "
         "data set's own groups come without asking")
      ->allow_extra_args(false);
  app.add_flag("--json", arguments->json, "for programs");
  return [arguments](Environment& environment) {
    const data::Split split = parse_split(arguments->split);
    const auto dataset = data::open_dataset(arguments->dataset);
    if (dataset->size(split) == 0) {
      core::throw_user_error(
          "{}: has no pictures in its split '{}'", arguments->dataset, arguments->split);
    }
    const std::vector<std::string>& classes = dataset->info().classes;
    const std::vector<data::ClassGroup> groups = groups_of(dataset->info(), arguments->groups);
    const auto model = run::open_model(arguments->model, environment.context.threads);
    const auto matrix = run::evaluate_model(*model, *dataset, split, environment.context);
    if (environment.context.stop.requested()) return kInterrupted;
    if (arguments->json) {
      fmt::print("{}\n", run::metrics_json(matrix, classes, groups, dataset->size(split)));
      return kDone;
    }
    const metric::Quality quality = metric::quality(matrix);
    fmt::print("{} on {} pictures of {}, split {}\n",
               model->description(),
               dataset->size(split),
               arguments->dataset,
               arguments->split);
    const auto percent = [](const std::optional<double>& share) {
      return share ? fmt::format("{:.2f} %", 100 * *share) : std::string("absent");
    };
    fmt::print("  {:<24}{:>10}{:>10}\n", "", "IoU", "F1");
    for (std::size_t c = 0; c < classes.size(); ++c) {
      const auto id = static_cast<int>(c);
      fmt::print(
          "  {:<24}{:>10}{:>10}\n", classes[c], percent(matrix.iou(id)), percent(matrix.f1({id})));
    }
    for (const data::ClassGroup& group : groups)
      fmt::print("  {:<24}{:>10}{:>10}\n", group.name, "", percent(matrix.f1(group.classes)));
    fmt::print(
        "mIoU {:.2f} %, without {} {:.2f} %, pixel accuracy {:.2f} %, mean accuracy {:.2f} %\n",
        100 * quality.miou,
        classes[0],
        100 * quality.foreground_iou,
        100 * quality.pixel_accuracy,
        100 * quality.mean_accuracy);
    fmt::print(
        "One confusion matrix over the split; ignored pixels left out; classes without labels left out of means.\n");
    return kDone;
  };
}

}  // namespace parsimony::cli
