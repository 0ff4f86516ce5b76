// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/timing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "parsimony/core/error.h"

namespace parsimony::meter {
namespace {

constexpr double kWarmUpShare = 0.1;     // of the time for timed runs, at least
constexpr double kMaxWarmUpShare = 0.5;  // at most, where times keep falling
constexpr double kSettled = 1.05;        // a run that takes no longer than so many of the shortest
constexpr int kBlocks = 16;              // that the time is divided into
constexpr int kMinBlockRuns = 3;         // fewer have no median worth the name

// Linear between the neighbours; `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

struct WarmUp {
  int runs = 0;
  double shortest = std::numeric_limits<double>::infinity();
};

// nullopt: stopped.
std::optional<WarmUp> warm_up(const TimingOptions& options,
                              const std::function<double()>& run,
                              const core::StopFlag& stop) {
  WarmUp state;
  double spent = 0;
  bool settled = false;
  const double budget = options.seconds * 1e3;
  const auto go_on = [&] {
    if (state.runs < options.warm_up || spent < kWarmUpShare * budget) return true;
    return !settled && spent < kMaxWarmUpShare * budget;
  };
  while (go_on()) {
    if (stop.requested()) return std::nullopt;
    const double time = run();
    // The run before was not much longer than this one: nothing falls any more.
    settled = time * kSettled >= state.shortest;
    state.shortest = std::min(state.shortest, time);
    spent += time;
    ++state.runs;
  }
  return state;
}

}  // namespace

void TimingOptions::visit(core::FieldVisitor& v) {
  v.field("seconds", seconds, {"seconds of timed runs of one network", 0.001, 3600});
  v.field("warm_up", warm_up, {"runs before the first timed one, at least", 1, 100'000});
  v.field("repetitions", repetitions, {"timed runs, at least", 1, 1'000'000});
}

Timing summarise(std::vector<std::vector<double>> blocks) {
  Timing timing;
  for (std::vector<double>& block : blocks) {
    core::require(!block.empty(), "a block of timed runs is empty");
    std::sort(block.begin(), block.end());
    timing.runs += static_cast<int>(block.size());
  }
  core::require(!blocks.empty(), "no timed runs");
  std::sort(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) {
    return quantile(a, 0.5) < quantile(b, 0.5);
  });
  std::vector<double> kept;
  for (std::size_t i = 0; i < (blocks.size() + 1) / 2; ++i)
    kept.insert(kept.end(), blocks[i].begin(), blocks[i].end());
  std::sort(kept.begin(), kept.end());
  timing.repetitions = static_cast<int>(kept.size());
  timing.min = kept.front();
  timing.first_quartile = quantile(kept, 0.25);
  timing.median = quantile(kept, 0.5);
  timing.third_quartile = quantile(kept, 0.75);
  return timing;
}

std::optional<Timing> time_runs(const TimingOptions& options,
                                const std::function<double()>& run,
                                const std::function<void()>& before_block,
                                const core::StopFlag& stop) {
  before_block();
  const std::optional<WarmUp> warm = warm_up(options, run, stop);
  if (!warm) return std::nullopt;
  const double budget = options.seconds * 1e3;
  const double block_time = budget / kBlocks;
  std::vector<std::vector<double>> blocks;
  double spent = 0;
  int runs = 0;
  while (spent < budget || runs < options.repetitions) {
    before_block();
    std::vector<double>& block = blocks.emplace_back();
    double time = 0;
    while (time < block_time || static_cast<int>(block.size()) < kMinBlockRuns) {
      if (stop.requested()) return std::nullopt;
      block.push_back(run());
      time += block.back();
    }
    spent += time;
    runs += static_cast<int>(block.size());
  }
  Timing timing = summarise(std::move(blocks));
  timing.warm_up = warm->runs;
  return timing;
}

}  // namespace parsimony::meter
