// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/context.h"
#include "parsimony/data/dataset.h"
#include "parsimony/run/plan.h"
#include "parsimony/run/study_options.h"

namespace parsimony::run {

// What a two-stage search would do on this data, from a few of its steps on pictures without
// content.
Plan plan_grid(const StudyOptions& options,
               const data::Dataset& dataset,
               const core::Context& context);

}  // namespace parsimony::run
