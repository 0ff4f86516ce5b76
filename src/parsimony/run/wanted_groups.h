// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parsimony/data/dataset.h"
#include "parsimony/run/study_options.h"

namespace parsimony::run {

// The groups of classes whose F1 the study's objectives and rewards name ("f1.eyes"): groups of the
// data set, or single classes. A user error names what the data set knows instead.
std::vector<data::ClassGroup> wanted_groups(const StudyOptions& options,
                                            const data::DatasetInfo& info);

}  // namespace parsimony::run
