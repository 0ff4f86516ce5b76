// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>

#include "parsimony/core/context.h"

namespace parsimony::meter {

// Threads that want one thing get it one after the other, in the order in which they asked.
class TurnQueue {
 public:
  // Held from the thread's turn to the end of the scope; `granted()` is false when it was stopped
  // while it waited.
  class Turn {
   public:
    Turn(TurnQueue& queue, const core::StopFlag& stop) : queue_(queue) {
      std::unique_lock lock(queue_.mutex_);
      number_ = queue_.next_++;
      queue_.waiting_.push_back(number_);
      const auto is_ours = [&] { return queue_.waiting_.front() == number_; };
      // The stop flag wakes nobody.
      while (!stop.requested() && !is_ours()) queue_.changed_.wait_for(lock, kLook);
      granted_ = !stop.requested();
    }
    ~Turn() {
      {
        const std::lock_guard lock(queue_.mutex_);
        std::erase(queue_.waiting_, number_);
      }
      queue_.changed_.notify_all();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    bool granted() const { return granted_; }

   private:
    static constexpr std::chrono::milliseconds kLook{50};
    TurnQueue& queue_;
    std::uint64_t number_ = 0;
    bool granted_ = false;
  };

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ = 0;
  std::deque<std::uint64_t> waiting_;  // the first one has its turn
};

}  // namespace parsimony::meter
