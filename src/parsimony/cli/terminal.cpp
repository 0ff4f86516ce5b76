// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "parsimony/core/text.h"

namespace parsimony::cli {
namespace {

constexpr std::chrono::milliseconds kRewriteEvery{200};
constexpr std::chrono::seconds kPrintEvery{20};
// Tasks that go on side by side take turns on a terminal's line.
constexpr std::chrono::seconds kTurn{2};

}  // namespace

Terminal::Terminal(bool quiet) : quiet_(quiet), is_terminal_(::isatty(STDERR_FILENO) != 0) {}

Terminal::~Terminal() {
  clear_line();
}

void Terminal::clear_line() {
  if (line_open_) fmt::print(stderr, "\r\033[K");
  line_open_ = false;
}

void Terminal::line(core::LogLevel level, std::string_view text) {
  if (quiet_ && level != core::LogLevel::kWarning) return;
  const std::lock_guard lock(mutex_);
  clear_line();
  fmt::print(stderr, "{}{}\n", level == core::LogLevel::kWarning ? "parsimony: " : "", text);
}

std::string Terminal::describe(const core::Progress& progress, const Task& task) const {
  std::string text = fmt::format("{}: {:.0f}", progress.task, progress.done);
  if (progress.total > 0)
    text += fmt::format("/{:.0f} ({:.0f} %)", progress.total, 100 * progress.done / progress.total);
  const double seconds = std::chrono::duration<double>(Clock::now() - task.begin).count();
  const double gained = progress.done - task.done_at_begin;
  if (progress.total > progress.done && gained > 0 && seconds > 1) {
    text +=
        ", " + core::human_duration(seconds / gained * (progress.total - progress.done)) + " left";
  }
  if (!progress.detail.empty()) text += fmt::format(", {}", progress.detail);
  return text;
}

void Terminal::advance(const core::Progress& progress) {
  if (quiet_) return;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  auto found = tasks_.find(progress.task);
  // A task that starts over (another data set, the next network) gets a fresh estimate.
  if (found == tasks_.end() || progress.done < found->second.done_at_begin) {
    found =
        tasks_.insert_or_assign(std::string(progress.task), Task{now, now, progress.done}).first;
  }
  Task& task = found->second;
  const bool finished = progress.total > 0 && progress.done >= progress.total;
  const auto pause = is_terminal_ ? std::chrono::duration_cast<Clock::duration>(kRewriteEvery)
                                  : std::chrono::duration_cast<Clock::duration>(kPrintEvery);
  if (now - task.shown < pause && !(finished && is_terminal_)) return;
  if (is_terminal_ && progress.task != on_line_) {
    if (now - on_line_since_ < kTurn) return;
    on_line_ = progress.task;
    on_line_since_ = now;
  }
  task.shown = now;
  if (is_terminal_) {
    fmt::print(stderr, "\r\033[K{}", describe(progress, task));
    std::fflush(stderr);
    line_open_ = true;
  } else {
    fmt::print(stderr, "{}\n", describe(progress, task));
  }
}

}  // namespace parsimony::cli
