// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>

#include "parsimony/cli/command.h"
#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/data/dataset.h"
#include "parsimony/data/export_folder.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/merge.h"

namespace parsimony::cli {
namespace {

// Every layout once; some have two forms.
std::string layout_names() {
  std::vector<std::string_view> names;
  for (const data::Layout& layout : data::layouts()) {
    if (std::ranges::find(names, layout.name) == names.end()) names.push_back(layout.name);
  }
  return core::join(names, ", ");
}

std::string preset_names() {
  std::vector<std::string> names;
  for (const data::MergePreset& preset : data::merge_presets())
    names.push_back(fmt::format("{} ({})", preset.name, preset.description));
  return core::join(names, ", ");
}

// "39 classes and depth".
std::string labels_text(const data::DatasetInfo& info) {
  std::vector<std::string> parts;
  if (info.targets.contains(data::Target::kClasses))
    parts.push_back(fmt::format("{} classes", info.classes.size()));
  if (info.targets.contains(data::Target::kDepth)) parts.emplace_back("depth");
  if (info.targets.contains(data::Target::kPose))
    parts.push_back(fmt::format("poses of {} joints", info.skeleton.joints.size()));
  return core::join(parts, " and ");
}

}  // namespace

Action declare_import(CLI::App& app) {
  struct Arguments {
    std::string format, source, destination;
    int jpeg_quality = 0;
    std::vector<std::string> merges;
    std::string part_order = "official";
    double least_probability = 0;
    std::string subset;
    double depth_scale = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("FORMAT", arguments->format, "auto, or one of " + layout_names())->required();
  app.add_option("SRC", arguments->source, "folder of the data set")->required();
  app.add_option("DST", arguments->destination, "folder to create")->required();
  app.add_option(
         "--jpeg", arguments->jpeg_quality, "store pictures as JPEG of this quality instead of PNG")
      ->check(CLI::Range(1, 100));
  app.add_option("--merge",
                 arguments->merges,
                 "NAME=CLASS,CLASS: classes as one, several times; the name 'ignore' leaves their "
                 "pixels out. Or " +
                     preset_names())
      ->allow_extra_args(false);
  app.add_option("--part-order",
                 arguments->part_order,
                 "celebamask_hq: order in which parts are painted and numbered")
      ->check(CLI::IsMember({"official", "bisenet"}))
      ->capture_default_str();
  app.add_option("--least-probability",
                 arguments->least_probability,
                 "helen: ignore pixels whose most probable class has less")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--subset", arguments->subset, "folder: the lists SPLIT_SUBSET.txt only");
  app.add_option("--depth-scale",
                 arguments->depth_scale,
                 "depth: numbers of the files per metre, where the set's own scale is wrong")
      ->check(CLI::PositiveNumber);
  return [arguments](Environment& environment) {
    data::OpenOptions options{.targets = {},
                              .subset = arguments->subset,
                              .depth_scale = arguments->depth_scale,
                              .least_probability = arguments->least_probability};
    if (arguments->part_order == "bisenet") options.part_order = data::PartOrder::kBisenet;
    auto dataset = data::open_dataset(arguments->source, options);
    const std::string found = dataset->info().format;
    if (arguments->format != "auto" && arguments->format != found) {
      core::throw_user_error("{}: has the layout '{}', not '{}'; use 'auto' or '{}'",
                             arguments->source,
                             found,
                             arguments->format,
                             found);
    }
    if (!arguments->merges.empty()) {
      data::ClassMap map = data::merge_map(dataset->info(), arguments->merges);
      dataset = std::make_unique<data::MergedDataset>(std::move(dataset), std::move(map));
    }
    data::write_dataset_folder(
        *dataset, arguments->destination, environment.context.threads, arguments->jpeg_quality);
    fmt::print("{}: {}, {} training, {} validation, {} test pictures (from layout '{}')\n",
               arguments->destination,
               labels_text(dataset->info()),
               dataset->size(data::Split::kTrain),
               dataset->size(data::Split::kVal),
               dataset->size(data::Split::kTest),
               found);
    return 0;
  };
}

}  // namespace parsimony::cli
