// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::deploy {
namespace {

using Clock = std::chrono::steady_clock;

// How long a program that closed its pipes may take to end by itself.
constexpr auto kEndPatience = std::chrono::milliseconds(2000);

// Two connected descriptors, ours and the program's; closed on exec and at the end of the scope
// unless taken.
struct Pair {
  std::array<int, 2> ends = {-1, -1};
  Pair() = default;
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    for (const int end : ends) {
      if (end >= 0) ::close(end);
    }
  }
  int take_ours() { return std::exchange(ends[0], -1); }
  int theirs() const { return ends[1]; }
};

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

}  // namespace

Deadline after_seconds(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

std::optional<std::filesystem::path> find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  for (const std::string& folder : core::split(path == nullptr ? "" : path, ':')) {
    const std::filesystem::path candidate = std::filesystem::path(folder) / name;
    if (::access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate))
      return candidate;
  }
  return std::nullopt;
}

ChildProcess::ChildProcess(const std::filesystem::path& program,
                           const std::vector<std::string>& arguments)
    : name_(program.filename().string()) {
  Pair channel;
  Pair errors;
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel.ends.data()) != 0 ||
      ::pipe2(errors.ends.data(), O_CLOEXEC) != 0) {
    core::throw_internal_error("no pipes to {}: {}", name_, std::strerror(errno));
  }
  ::fcntl(channel.ends[0], F_SETFL, O_NONBLOCK);
  ::fcntl(errors.ends[0], F_SETFL, O_NONBLOCK);

  std::vector<std::string> command = {program.string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  id_ = core::start_program(
      command, {.input = channel.theirs(), .output = channel.theirs(), .errors = errors.theirs()});
  if (id_ < 0)
    core::throw_internal_error("{} cannot be started: {}", program.string(), std::strerror(-id_));
  channel_ = channel.take_ours();
  errors_ = errors.take_ours();
}

ChildProcess::~ChildProcess() {
  if (!ended_) {
    // It holds nothing worth saving.
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }
  ::close(channel_);
  if (errors_ >= 0) ::close(errors_);
}

void ChildProcess::write(std::span<const std::uint8_t> bytes, Deadline deadline) {
  while (!bytes.empty()) {
    wait_ready(Direction::kWrite, deadline);
    const ssize_t n = ::send(channel_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno != EAGAIN && errno != EINTR) {
      fail("does not take its input");
    }
  }
}

void ChildProcess::read(std::span<std::uint8_t> bytes, Deadline deadline) {
  while (!bytes.empty()) {
    wait_ready(Direction::kRead, deadline);
    const ssize_t n = ::recv(channel_, bytes.data(), bytes.size(), 0);
    if (n > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      fail("gave no answer");
    }
  }
}

void ChildProcess::wait_ready(Direction direction, Deadline deadline) {
  core::require(!ended_, "{} was asked for more after it had ended", name_);
  const short wanted = direction == Direction::kRead ? POLLIN : POLLOUT;
  for (;;) {
    // A negative descriptor is passed over: standard error may be closed while the program works.
    std::array<pollfd, 2> polled = {pollfd{channel_, wanted, 0}, pollfd{errors_, POLLIN, 0}};
    const int ready = ::poll(polled.data(), polled.size(), milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR) core::throw_internal_error("poll: {}", std::strerror(errno));
    if (ready > 0 && polled[1].revents != 0) listen();
    if (ready > 0 && polled[0].revents != 0) return;
    if (Clock::now() >= deadline) fail("did not answer in time");
  }
}

void ChildProcess::listen() {
  if (errors_ >= 0 && !last_words_.read_from(errors_)) ::close(std::exchange(errors_, -1));
}

std::string ChildProcess::end() {
  const Deadline patience = Clock::now() + kEndPatience;
  int status = 0;
  while (::waitpid(id_, &status, WNOHANG) == 0) {
    if (Clock::now() >= patience) {
      ::kill(id_, SIGKILL);
      ::waitpid(id_, &status, 0);
      ended_ = true;
      return "was ended by us";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ended_ = true;
  return core::describe_end(status);
}

void ChildProcess::fail(const std::string& what) {
  const std::string ending = end();
  listen();
  core::throw_internal_error(
      "{} (process {}) {} and {}{}", name_, id_, what, ending, last_words_.text());
}

}  // namespace parsimony::deploy
