// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/study_task.h"

#include "parsimony/run/wanted_groups.h"

namespace parsimony::run {

std::shared_ptr<const task::Task> study_task(const StudyOptions& options,
                                             const data::DatasetInfo& info) {
  return task::make_task(options.task, info, wanted_groups(options, info));
}

data::Sample blank_sample(const data::DatasetInfo& info, std::int64_t width, std::int64_t height) {
  data::Sample sample{.image = data::Image(width, height)};
  if (info.targets.contains(data::Target::kClasses)) sample.labels = data::LabelMap(width, height);
  if (info.targets.contains(data::Target::kDepth))
    sample.depth = data::DepthMap(width, height, /*fill=*/1);
  if (info.targets.contains(data::Target::kPose)) {
    data::Pose pose;
    // Some distance apart, so that there is a torso to measure by.
    for (std::size_t j = 0; j < info.skeleton.joints.size(); ++j) {
      const auto place = static_cast<float>(j + 1);
      pose.joints.push_back({place, place, data::Visibility::kVisible});
    }
    sample.pose = std::move(pose);
  }
  return sample;
}

}  // namespace parsimony::run
