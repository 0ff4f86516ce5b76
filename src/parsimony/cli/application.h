// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace parsimony::cli {

// Exit codes of the program.
inline constexpr int kDone = 0;
inline constexpr int kFindings = 1;   // findings, or a failed check
inline constexpr int kUserError = 2;  // bad usage, configuration or data
inline constexpr int kInternalError = 3;
inline constexpr int kSaved = 75;         // interrupted, state saved: the same command continues
inline constexpr int kInterrupted = 130;  // interrupted by the user, nothing to continue

// The program: parses the command line, runs one command, returns its exit code. The only place
// where exceptions end.
int run(int argc, char** argv);

}  // namespace parsimony::cli
