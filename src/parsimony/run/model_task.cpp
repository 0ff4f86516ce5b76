// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/model_task.h"

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/data/palette.h"
#include "parsimony/data/skeleton.h"

namespace parsimony::run {
namespace {

task::DepthForm form_named(const std::string& name) {
  const auto found = std::ranges::find(task::kDepthFormNames, name);
  core::require(found != task::kDepthFormNames.end(), "a model card has the depth form {}", name);
  return static_cast<task::DepthForm>(found - task::kDepthFormNames.begin());
}

}  // namespace

ModelTask task_of(const deploy::ModelCard& card) {
  ModelTask model{.options = {.heads = card.tasks},
                  .info = {.name = card.name, .format = "model", .classes = {}, .palette = {}}};
  model.options.depth.form = form_named(card.depth.form);
  model.options.depth.nearest = card.depth.nearest;
  model.options.depth.farthest = card.depth.farthest;
  for (const auto& [name, color] : card.classes) {
    model.info.classes.push_back(name);
    model.info.palette.push_back({color[0], color[1], color[2]});
  }
  model.info.skeleton.joints = card.pose.joints;
  model.info.skeleton.bones = card.pose.bones;
  data::complete_by_names(model.info.skeleton);
  model.info.targets = model.options.targets();
  return model;
}

void describe_output(const task::TaskOptions& options,
                     const data::DatasetInfo& info,
                     deploy::ModelCard& card) {
  const data::TargetSet targets = options.targets();
  card.tasks = options.heads;
  if (targets.contains(data::Target::kClasses)) {
    for (std::size_t c = 0; c < info.classes.size(); ++c) {
      const data::Rgb color = info.palette[c];
      card.classes.push_back({info.classes[c], {color.r, color.g, color.b}});
    }
  }
  if (targets.contains(data::Target::kPose))
    card.pose = {info.skeleton.joints, info.skeleton.bones};
  if (targets.contains(data::Target::kDepth)) {
    const auto form = static_cast<std::size_t>(options.depth.form);
    card.depth = {
        std::string(task::kDepthFormNames[form]), options.depth.nearest, options.depth.farthest};
  }
}

ModelTask unnamed_classes(std::int64_t count) {
  ModelTask model{.options = {},
                  .info = {.name = "", .format = "model", .classes = {}, .palette = {}}};
  for (std::int64_t c = 0; c < count; ++c) model.info.classes.push_back(fmt::format("class {}", c));
  model.info.palette = data::voc_palette(count > 0 ? static_cast<std::size_t>(count) : 256);
  return model;
}

std::shared_ptr<const task::Task> task_on(const ModelTask& model,
                                          const data::DatasetInfo& dataset,
                                          const std::vector<data::ClassGroup>& groups) {
  const data::TargetSet targets = model.options.targets();
  if (targets.contains(data::Target::kClasses)) {
    if (model.info.classes.empty()) {
      core::throw_user_error(
          "the model gives class ids and has no model.json beside it, so the number of classes is "
          "unknown; keep model.json beside its file");
    }
    if (model.info.classes.size() != dataset.classes.size()) {
      core::throw_user_error("the model has {} classes, data set '{}' has {}",
                             model.info.classes.size(),
                             dataset.name,
                             dataset.classes.size());
    }
  }
  if (targets.contains(data::Target::kPose) &&
      model.info.skeleton.joints != dataset.skeleton.joints) {
    core::throw_user_error("the model finds the joints {}; data set '{}' has {}",
                           core::join(model.info.skeleton.joints, ", "),
                           dataset.name,
                           core::join(dataset.skeleton.joints, ", "));
  }
  return task::make_task(model.options, dataset, groups);
}

}  // namespace parsimony::run
