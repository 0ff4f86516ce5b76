// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/data/dataset.h"
#include "parsimony/metric/confusion.h"
#include "parsimony/task/depth.h"
#include "parsimony/task/pose.h"

namespace parsimony::task {

// What a study's networks are for.
struct TaskOptions {
  // "segmentation", "depth", "pose", in the order of the output's channels.
  std::vector<std::string> heads = {"segmentation"};
  std::vector<double> weights = {};         // of the heads' losses; empty: 1 each
  metric::RewardOptions segmentation = {};  // what its reward counts
  PoseOptions pose = {};
  DepthOptions depth = {};
  void visit(core::FieldVisitor& v);

  // The labels that the heads read; a user error that names the option where they make no sense.
  data::TargetSet targets() const;
};

// What a network has to predict to have this score; nothing for "reward", which each task has, for
// costs and unknown names.
std::optional<data::Target> target_of_score(std::string_view score);

// The task on this data set, which must have what options.targets() names. `groups`: whose F1 is
// scored.
std::shared_ptr<const Task> make_task(const TaskOptions& options,
                                      const data::DatasetInfo& info,
                                      const std::vector<data::ClassGroup>& groups = {});

}  // namespace parsimony::task
