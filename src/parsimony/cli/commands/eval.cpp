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

std::string percent(const std::optional<double>& share) {
  return share ? fmt::format("{:.2f} %", 100 * *share) : std::string("absent");
}

std::optional<double> score(const run::ModelQuality& quality, const std::string& name) {
  const auto found = quality.scores.find(name);
  return found == quality.scores.end() ? std::nullopt : std::optional(found->second);
}

void print_classes(const run::ModelQuality& quality,
                   const data::DatasetInfo& info,
                   const std::vector<data::ClassGroup>& groups) {
  fmt::print("  {:<24}{:>10}{:>10}\n", "", "IoU", "F1");
  const auto& iou = quality.details.at("iou");
  const auto& f1 = quality.details.at("f1");
  for (std::size_t c = 0; c < info.classes.size(); ++c)
    fmt::print("  {:<24}{:>10}{:>10}\n", info.classes[c], percent(iou[c]), percent(f1[c]));
  for (const data::ClassGroup& group : groups) {
    fmt::print("  {:<24}{:>10}{:>10}\n",
               group.name,
               "",
               percent(score(quality, std::string(objective::kF1Of) + group.name)));
  }
  fmt::print("mIoU {}, without {} {}, pixel accuracy {}, mean accuracy {}\n",
             percent(score(quality, "miou")),
             info.classes[0],
             percent(score(quality, "foreground_iou")),
             percent(score(quality, "pixel_accuracy")),
             percent(score(quality, "mean_accuracy")));
  fmt::print(
      "One confusion matrix over the split; ignored pixels left out; classes without labels left out of means.\n");
}

void print_pose(const run::ModelQuality& quality, const data::Skeleton& skeleton) {
  fmt::print("  {:<24}{:>10}\n", "", "PCK");
  const auto& joints = quality.details.at("pck_of_joints");
  for (std::size_t j = 0; j < skeleton.joints.size(); ++j)
    fmt::print("  {:<24}{:>10}\n", skeleton.joints[j], percent(joints[j]));
  fmt::print("PCK@{} of the {} {}",
             task::PoseOptions().tolerance,
             skeleton.torso ? "torso" : "head",
             percent(score(quality, "pck")));
  if (const auto pckh = score(quality, "pckh")) fmt::print(", PCKh@0.5 {}", percent(pckh));
  if (const auto ap = score(quality, "oks_ap")) fmt::print(", OKS-AP {}", percent(ap));
  fmt::print("\nShares of the labelled joints of people whose {} is labelled.\n",
             skeleton.torso ? "torso" : "head");
}

void print_depth(const run::ModelQuality& quality) {
  const auto number = [&](const char* name) { return score(quality, name).value(); };
  fmt::print("RMSE {:.4f} m, of logarithms {:.4f}, log10 {:.4f}, abs rel {:.4f}, sq rel {:.4f}\n",
             number("rmse"),
             number("rmse_log"),
             number("log10"),
             number("abs_rel"),
             number("sq_rel"));
  fmt::print("delta < 1.25 {}, < 1.25^2 {}, < 1.25^3 {}\n",
             percent(number("delta1")),
             percent(number("delta2")),
             percent(number("delta3")));
  fmt::print("Means over all pixels of the split whose depth is valid.\n");
}

}  // namespace

Action declare_eval(CLI::App& app) {
  struct Arguments {
    std::string model, dataset, split = "test", subset;
    double depth_scale = 0;
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
  app.add_option("--subset",
                 arguments->subset,
                 "the pictures that SPLIT_SUBSET.txt lists, instead of SPLIT.txt");
  app.add_option("--depth-scale",
                 arguments->depth_scale,
                 "numbers per metre in depth files, where the data set does not say it")
      ->check(CLI::PositiveNumber);
  app.add_flag("--json", arguments->json, "for programs");
  return [arguments](Environment& environment) {
    const data::Split split = parse_split(arguments->split);
    const auto model = run::open_model(arguments->model, environment.context.threads);
    const auto dataset = data::open_dataset(arguments->dataset,
                                            {.targets = model->task().options.targets(),
                                             .subset = arguments->subset,
                                             .depth_scale = arguments->depth_scale});
    if (dataset->size(split) == 0) {
      core::throw_user_error(
          "{}: has no pictures in its split '{}'", arguments->dataset, arguments->split);
    }
    const std::vector<data::ClassGroup> groups = groups_of(dataset->info(), arguments->groups);
    const auto quality = run::evaluate_model(*model, *dataset, split, groups, environment.context);
    if (!quality) return kInterrupted;
    if (arguments->json) {
      fmt::print("{}\n", run::metrics_json(*quality, dataset->info()));
      return kDone;
    }
    fmt::print("{} on {} pictures of {}, split {}\n",
               model->description(),
               dataset->size(split),
               arguments->dataset,
               arguments->split);
    const data::TargetSet targets = model->task().options.targets();
    if (targets.contains(data::Target::kDepth)) print_depth(*quality);
    if (targets.contains(data::Target::kPose)) print_pose(*quality, dataset->info().skeleton);
    if (targets.contains(data::Target::kClasses)) print_classes(*quality, dataset->info(), groups);
    return kDone;
  };
}

}  // namespace parsimony::cli
