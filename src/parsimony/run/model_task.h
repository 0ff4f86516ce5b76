// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/data/dataset.h"
#include "parsimony/deploy/model_card.h"
#include "parsimony/task/options.h"

namespace parsimony::run {

// What the output of a trained network means.
struct ModelTask {
  task::TaskOptions options;
  data::DatasetInfo info;  // as far as it is about the output: classes, colours, skeleton, targets
};

// As a model card says it, and the other way round.
ModelTask task_of(const deploy::ModelCard& card);
void describe_output(const task::TaskOptions& options,
                     const data::DatasetInfo& info,
                     deploy::ModelCard& card);

// Of a network that nobody described: classes without names; how many, 0 where that is unknown too.
ModelTask unnamed_classes(std::int64_t count);

// The model's task, measured on a data set. A user error where the set has other labels, another
// number of classes or other joints.
std::shared_ptr<const task::Task> task_on(const ModelTask& model,
                                          const data::DatasetInfo& dataset,
                                          const std::vector<data::ClassGroup>& groups);

}  // namespace parsimony::run
