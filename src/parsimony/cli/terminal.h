// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "parsimony/core/context.h"

namespace parsimony::cli {

// Log lines and progress on standard error. On a terminal progress is one line that is rewritten;
// in a file or pipe it is a line now and then. Standard output stays free for results.
class Terminal final : public core::Log, public core::ProgressObserver {
 public:
  explicit Terminal(bool quiet);
  ~Terminal() override;
  void line(core::LogLevel level, std::string_view text) override;
  void advance(const core::Progress& progress) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Task {
    Clock::time_point begin, shown;
    double done_at_begin = 0;
  };
  std::string describe(const core::Progress& progress, const Task& task) const;
  void clear_line();

  const bool quiet_;
  const bool is_terminal_;
  std::mutex mutex_;
  std::map<std::string, Task, std::less<>> tasks_;
  std::string on_line_;  // the task that a terminal shows, since when
  Clock::time_point on_line_since_;
  bool line_open_ = false;
};

}  // namespace parsimony::cli
