// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/core/process.h"

namespace parsimony::meter {
namespace {

using Clock = std::chrono::steady_clock;
using End = CommandResult::End;

constexpr std::size_t kMaxOutput = 1 << 20;
constexpr int kLookMilliseconds = 20;  // how often the stop flag and the program are looked at

// A pipe that we read and the program writes.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0)
      core::throw_internal_error("no pipe to a runner: {}", std::strerror(errno));
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close(std::size_t end) {
    if (ends_[end] >= 0) ::close(std::exchange(ends_[end], -1));
  }
  int reading() const { return ends_[0]; }  // -1 after its end
  int writing() const { return ends_[1]; }

  // Appends what is there; closes at the end.
  void drain_into(core::LastWords& words) {
    if (ends_[0] >= 0 && !words.read_from(ends_[0])) close(0);
  }
  void drain_into(std::string& text) {
    std::array<char, 4096> buffer;
    while (ends_[0] >= 0 && text.size() <= kMaxOutput) {
      const ssize_t n = ::read(ends_[0], buffer.data(), buffer.size());
      if (n > 0) {
        text.append(buffer.data(), static_cast<std::size_t>(n));
      } else if (n == 0) {
        close(0);
      } else if (errno != EINTR) {
        return;
      }
    }
  }

 private:
  std::array<int, 2> ends_ = {-1, -1};
};

// A program and all it starts; gone with the object.
class ProcessGroup {
 public:
  explicit ProcessGroup(pid_t leader) : leader_(leader) {}
  ~ProcessGroup() { kill(); }
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  // The leader is left as it is, so that its number, which is the group's, is given to nobody else.
  bool leader_has_ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(leader_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == leader_;
  }

  // Kills whoever is left; how the leader ended.
  int kill() {
    if (leader_ > 0) {
      ::kill(-leader_, SIGKILL);
      while (::waitpid(leader_, &status_, 0) < 0 && errno == EINTR) {
      }
      leader_ = -1;
    }
    return status_;
  }

 private:
  pid_t leader_;
  int status_ = 0;
};

// Waits for the program and reads what it writes. What ended the waiting other than its own end, if
// anything did.
std::optional<CommandResult> wait_for_end(const ProcessGroup& group,
                                          Pipe& output,
                                          Pipe& errors,
                                          std::string& text,
                                          core::LastWords& last_words,
                                          double timeout_seconds,
                                          const core::StopFlag& stop) {
  const auto deadline = Clock::now() + std::chrono::duration<double>(timeout_seconds);
  while (true) {
    const bool ended = group.leader_has_ended();
    output.drain_into(text);
    errors.drain_into(last_words);
    if (text.size() > kMaxOutput)
      return CommandResult{End::kFailed, {}, "wrote more than a megabyte instead of an answer"};
    if (ended) return std::nullopt;
    if (stop.requested()) return CommandResult{End::kStopped, {}, "stopped"};
    if (Clock::now() >= deadline) {
      return CommandResult{
          End::kTimedOut, {}, fmt::format("did not answer within {:g} s", timeout_seconds)};
    }
    std::array<pollfd, 2> polled = {pollfd{output.reading(), POLLIN, 0},
                                    pollfd{errors.reading(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), kLookMilliseconds);
  }
}

}  // namespace

CommandResult run_command(const std::vector<std::string>& words,
                          double timeout_seconds,
                          const core::StopFlag& stop) {
  Pipe output;
  Pipe errors;
  const pid_t leader =
      core::start_program(words, {.output = output.writing(), .errors = errors.writing()});
  if (leader < 0) {
    return {End::kNoStart,
            {},
            fmt::format("'{}' cannot be started: {}", words[0], std::strerror(-leader))};
  }
  ProcessGroup group(leader);
  output.close(1);
  errors.close(1);
  std::string text;
  core::LastWords last_words;
  std::optional<CommandResult> ended_by_us =
      wait_for_end(group, output, errors, text, last_words, timeout_seconds, stop);
  const int status = group.kill();
  if (ended_by_us) {
    ended_by_us->reason =
        fmt::format("'{}' {}{}", words[0], ended_by_us->reason, last_words.text());
    return *ended_by_us;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {End::kDone, std::move(text), {}};
  return {End::kFailed,
          {},
          fmt::format("'{}' {}{}", words[0], core::describe_end(status), last_words.text())};
}

}  // namespace parsimony::meter
