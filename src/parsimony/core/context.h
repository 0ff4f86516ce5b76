// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>
#include <string_view>

namespace parsimony::core {

enum class LogLevel { kDetail, kInfo, kWarning };

// Where a module says what it is doing. Called from any thread; implementations serialise.
class Log {
 public:
  virtual ~Log() = default;
  virtual void line(LogLevel level, std::string_view text) = 0;
};

// Says nothing; for tests and for callers that do not care.
class SilentLog final : public Log {
 public:
  void line(LogLevel, std::string_view) override {}
};

// One step of long work, as its observer sees it.
struct Progress {
  std::string_view task;    // "features", "search", "training 17"
  double done = 0;          // units finished
  double total = 0;         // units in all; 0 when unknown
  std::string_view detail;  // "loss 0.42, mIoU 61.3 %"
};

// Watches long work. Called from any thread, at most a few times a second per task.
class ProgressObserver {
 public:
  virtual ~ProgressObserver() = default;
  virtual void advance(const Progress& progress) = 0;
};

class SilentProgress final : public ProgressObserver {
 public:
  void advance(const Progress&) override {}
};

// Set once by Ctrl-C or a deadline; long work looks at it often and stops cleanly, keeping its
// state.
class StopFlag {
 public:
  void request() { stop_.store(true, std::memory_order_relaxed); }
  bool requested() const { return stop_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> stop_{false};
};

// What long work is given beside its options: nothing of this is global.
struct Context {
  Log& log;
  ProgressObserver& progress;
  const StopFlag& stop;
  int threads = 1;             // how many threads the work may keep busy
  std::string device = "cpu";  // where networks are trained, as network/device.h names it
};

}  // namespace parsimony::core
