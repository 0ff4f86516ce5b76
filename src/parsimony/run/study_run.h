// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "parsimony/core/context.h"
#include "parsimony/run/study_options.h"

namespace parsimony::run {

enum class StudyEnd { kFinished, kInterrupted, kOutOfTime };

// Runs a study in `folder`, or continues it where it stopped: preparation, search, random baseline,
// full training and export of the chosen networks, report. `command` is what reproduces it, for the
// report. A folder that holds another study (other options) is a user error that names the
// difference; the budget may be raised.
StudyEnd run_study(const StudyOptions& options,
                   const std::filesystem::path& folder,
                   const std::string& command,
                   const core::Context& context);

}  // namespace parsimony::run
