// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parsimony/data/dataset.h"
#include "parsimony/run/study_options.h"

namespace parsimony::run {

// What follows "f1." in the study's objectives and rewards.
std::vector<std::string> wanted_f1(const StudyOptions& options);

// A group of the data set, or a single class of it, by name. A user error names what there is
// instead.
data::ClassGroup group_named(const std::string& name, const data::DatasetInfo& info);

// The groups of classes whose F1 the study's objectives and rewards name ("f1.eyes"): groups of the
// data set, or single classes. A user error names what the data set knows instead.
std::vector<data::ClassGroup> wanted_groups(const StudyOptions& options,
                                            const data::DatasetInfo& info);

}  // namespace parsimony::run
