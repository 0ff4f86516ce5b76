// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/process.h"

namespace parsimony::deploy {

using Deadline = std::chrono::steady_clock::time_point;
Deadline after_seconds(double seconds);

// Looks `name` up in PATH, as a shell does.
std::optional<std::filesystem::path> find_program(std::string_view name);

// A program with pipes to its standard input and output, started without a shell in a process group
// of its own, so that Ctrl-C reaches us only. It is killed with the object. One thread at a time.
//
// Whatever goes wrong between us and the program is an internal error that says how the program
// ended and quotes the end of what it wrote to its standard error; after that it is gone.
class ChildProcess {
 public:
  ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void write(std::span<const std::uint8_t> bytes, Deadline deadline);
  void read(std::span<std::uint8_t> bytes, Deadline deadline);
  pid_t id() const { return id_; }

 private:
  enum class Direction { kRead, kWrite };
  void wait_ready(Direction direction, Deadline deadline);
  void listen();      // to its last words
  std::string end();  // kills it unless it has ended already; how it ended
  [[noreturn]] void fail(const std::string& what);

  std::string name_;
  pid_t id_ = -1;
  int channel_ = -1;  // a socket: unlike a pipe it can be written to without risking SIGPIPE
  int errors_ = -1;
  bool ended_ = false;
  core::LastWords last_words_;
};

}  // namespace parsimony::deploy
