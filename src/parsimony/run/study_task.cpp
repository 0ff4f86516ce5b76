// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/study_task.h"

#include "parsimony/run/wanted_groups.h"

namespace parsimony::run {

std::shared_ptr<const task::Task> study_task(const StudyOptions& options,
                                             const data::DatasetInfo& info) {
  return task::make_task(options.task, info, wanted_groups(options, info));
}

}  // namespace parsimony::run
