// SPDX-License-Identifier: Apache-2.0
#include "parsimony/task/options.h"

#include <algorithm>
#include <iterator>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/task/segmentation.h"
#include "parsimony/task/several.h"

namespace parsimony::task {
namespace {

struct Named {
  std::string_view name;
  data::Target target;
};
constexpr Named kHeads[] = {{"segmentation", data::Target::kClasses},
                            {"depth", data::Target::kDepth},
                            {"pose", data::Target::kPose}};

data::Target head_named(const std::string& name) {
  std::vector<std::string_view> known;
  for (const Named& head : kHeads) {
    if (head.name == name) return head.target;
    known.push_back(head.name);
  }
  core::throw_user_error("task.heads: '{}' is none of the known tasks{} Known: {}",
                         name,
                         core::did_you_mean(name, known),
                         core::join(known, ", "));
}

std::shared_ptr<const Task> task_of(data::Target target,
                                    const TaskOptions& options,
                                    const data::DatasetInfo& info,
                                    const std::vector<data::ClassGroup>& groups) {
  switch (target) {
    case data::Target::kClasses:
      return std::make_shared<Segmentation>(static_cast<int>(info.classes.size()),
                                            metric::Scoring{options.segmentation, groups});
    case data::Target::kDepth:
      return std::make_shared<DepthPrediction>(options.depth);
    case data::Target::kPose:
      return std::make_shared<PoseEstimation>(info.skeleton, options.pose);
  }
  core::throw_internal_error("target {} does not exist", static_cast<int>(target));
}

}  // namespace

void TaskOptions::visit(core::FieldVisitor& v) {
  v.field("heads", heads, {"what networks predict, one or several: segmentation, depth, pose"});
  v.field("weights", weights, {"of the heads' losses, in their order; empty: 1 each", 0});
  v.group("segmentation", segmentation, "what the reward of segmentation counts");
  v.group("pose", pose, "heat maps of joints");
  v.group("depth", depth, "what is said of distances");
}

data::TargetSet TaskOptions::targets() const {
  if (heads.empty()) {
    core::throw_user_error(
        "task.heads is empty, expected one or several of segmentation, depth, pose");
  }
  data::TargetSet set;
  for (const std::string& name : heads) {
    const data::Target target = head_named(name);
    if (set.contains(target)) core::throw_user_error("task.heads names '{}' twice", name);
    set.insert(target);
  }
  if (!weights.empty() && weights.size() != heads.size()) {
    core::throw_user_error("task.weights has {} entries, expected one for each of task.heads, {}",
                           weights.size(),
                           heads.size());
  }
  if (set.contains(data::Target::kDepth) && depth.nearest >= depth.farthest) {
    core::throw_user_error(
        "task.depth.nearest = {} m, expected less than task.depth.farthest = {} m",
        depth.nearest,
        depth.farthest);
  }
  return set;
}

std::optional<data::Target> target_of_score(std::string_view score) {
  constexpr std::string_view kOfClasses[] = {
      "miou", "foreground_iou", "pixel_accuracy", "mean_accuracy", "fwiou", "f1"};
  constexpr std::string_view kOfPoses[] = {"pck", "pckh", "oks_ap"};
  constexpr std::string_view kOfDepths[] = {
      "rmse", "rmse_log", "log10", "abs_rel", "sq_rel", "delta1", "delta2", "delta3"};
  const auto is_one_of = [&](const auto& names) {
    return std::ranges::find(names, score) != std::end(names);
  };
  if (is_one_of(kOfClasses) || score.starts_with(objective::kF1Of)) return data::Target::kClasses;
  if (is_one_of(kOfPoses)) return data::Target::kPose;
  if (is_one_of(kOfDepths)) return data::Target::kDepth;
  return std::nullopt;
}

std::shared_ptr<const Task> make_task(const TaskOptions& options,
                                      const data::DatasetInfo& info,
                                      const std::vector<data::ClassGroup>& groups) {
  if (const data::TargetSet missing = options.targets() - info.targets; !missing.empty()) {
    core::throw_user_error("data set '{}' has no {}, which task.heads asks for; it has {}",
                           info.name,
                           data::text_of(missing),
                           data::text_of(info.targets));
  }
  std::vector<Head> heads;
  for (std::size_t i = 0; i < options.heads.size(); ++i) {
    heads.push_back({task_of(head_named(options.heads[i]), options, info, groups),
                     options.weights.empty() ? 1 : options.weights[i]});
  }
  // The weight of an only head is none: it would but change the learning rate.
  if (heads.size() == 1) return heads[0].task;
  return std::make_shared<SeveralTasks>(std::move(heads));
}

}  // namespace parsimony::task
