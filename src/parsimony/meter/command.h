// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parsimony/core/context.h"

namespace parsimony::meter {

struct CommandResult {
  enum class End {
    kDone,      // exit code 0
    kFailed,    // another one, or killed by a signal
    kTimedOut,  // and was killed
    kStopped,   // by the stop flag, and was killed
    kNoStart,   // there is no such program, or it may not be run
  };
  End end = End::kFailed;
  std::string output;  // of kDone: what it wrote to standard output
  std::string reason;  // of all others: what happened, with the end of its standard error
};

// Runs a program to its end without a shell; `words` are its name, looked up in PATH, and its
// arguments. It has nothing to read on standard input. Whatever it started in its process group is
// killed with it. More output than a megabyte is a failure.
CommandResult run_command(const std::vector<std::string>& words,
                          double timeout_seconds,
                          const core::StopFlag& stop);

}  // namespace parsimony::meter
