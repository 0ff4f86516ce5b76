// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "parsimony/data/dataset.h"
#include "parsimony/run/study_options.h"
#include "parsimony/task/task.h"

namespace parsimony::run {

// What the study's networks learn on this data set: its task, which scores the groups of classes
// that objectives and rewards name. User errors where the set has not what the task reads.
std::shared_ptr<const task::Task> study_task(const StudyOptions& options,
                                             const data::DatasetInfo& info);

}  // namespace parsimony::run
