// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace parsimony::core {

// Descriptors that become a program's standard streams.
struct Streams {
  static constexpr int kNothing = -1;
  int input = kNothing;  // kNothing: the end of a file
  int output = 1;
  int errors = 2;
};

// Starts a program without a shell; `words` are its name, looked up in PATH unless it has a slash,
// and its arguments. It leads a process group of its own, so that Ctrl-C reaches us only, and has
// no signals blocked. Its number, or the negative errno of why it cannot be started.
pid_t start_program(const std::vector<std::string>& words, const Streams& streams);

// "ended with exit code 3", "was ended by signal 9 (Killed)"; of a status of waitpid.
std::string describe_end(int status);

// The end of what a program writes to its standard error.
class LastWords {
 public:
  // Takes what is there, without waiting for more; the descriptor does not block. False once the
  // other end is closed.
  bool read_from(int descriptor);

  // "; its last words: ...", cleaned of characters that would steer the terminal it is shown on;
  // empty if there were none.
  std::string text() const;

 private:
  std::string kept_;
};

}  // namespace parsimony::core
