// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "parsimony/core/context.h"
#include "parsimony/core/fields.h"

namespace parsimony::meter {

struct TimingOptions {
  double seconds = 2;    // of runs that are timed, where min_repetitions do not take longer
  int warm_up = 3;       // at least so many runs before
  int repetitions = 12;  // at least so many timed runs
  void visit(core::FieldVisitor& v);
};

// In milliseconds.
struct Timing {
  double median = 0, first_quartile = 0, third_quartile = 0, min = 0;
  int warm_up = 0;      // runs before the first timed one
  int runs = 0;         // timed
  int repetitions = 0;  // of these, the ones that the figures are taken over
};

// The protocol of all latencies measured on this host.
//
// Runs until the time no longer falls (caches, memory and clocks have settled), then in short
// blocks. What else the machine does only ever makes a run longer, and lasts: the figures are taken
// over all runs of that half of the blocks whose medians are smallest. So two measurements of a
// network agree although the machine is not quiet, and the quartiles still show how runs spread.
//
// `run` runs the network once and says how many milliseconds it took; `before_block` may look for a
// quieter core. Time is what `run` says. nullopt when stopped.
std::optional<Timing> time_runs(const TimingOptions& options,
                                const std::function<double()>& run,
                                const std::function<void()>& before_block,
                                const core::StopFlag& stop);

// The figures of some blocks of runs; at least one run. `warm_up` stays 0.
Timing summarise(std::vector<std::vector<double>> blocks);

}  // namespace parsimony::meter
