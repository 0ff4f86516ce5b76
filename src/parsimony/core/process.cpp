// SPDX-License-Identifier: Apache-2.0
#include "parsimony/core/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

extern char** environ;

namespace parsimony::core {
namespace {

constexpr std::size_t kLastWords = 2000;  // bytes that are quoted
constexpr int kReadsAtOnce = 256;  // so that a program that never stops writing does not hold us

// Attributes and file actions of posix_spawn, released at the end of the scope.
struct SpawnSetup {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;

  explicit SpawnSetup(const Streams& streams) {
    ::posix_spawn_file_actions_init(&actions);
    if (streams.input == Streams::kNothing)
      ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    else
      ::posix_spawn_file_actions_adddup2(&actions, streams.input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, streams.output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, streams.errors, STDERR_FILENO);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes, &signals);
    ::sigaddset(&signals, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes, &signals);
    ::posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

}  // namespace

pid_t start_program(const std::vector<std::string>& words, const Streams& streams) {
  require(!words.empty(), "a program to start has no name");
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  const SpawnSetup setup(streams);
  pid_t id = -1;
  const int error =
      ::posix_spawnp(&id, argv[0], &setup.actions, &setup.attributes, argv.data(), environ);
  return error == 0 ? id : -error;
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status))
    return fmt::format(
        "was ended by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

bool LastWords::read_from(int descriptor) {
  std::array<char, 4096> buffer;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const ssize_t n = ::read(descriptor, buffer.data(), buffer.size());
    if (n == 0) return false;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return true;
    kept_.append(buffer.data(), static_cast<std::size_t>(n));
    if (kept_.size() > kLastWords) kept_.erase(0, kept_.size() - kLastWords);
  }
  return true;
}

std::string LastWords::text() const {
  std::string text(trim(kept_));
  std::replace_if(
      text.begin(),
      text.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\n'; },
      ' ');
  return text.empty() ? "" : "; its last words: " + text;
}

}  // namespace parsimony::core
