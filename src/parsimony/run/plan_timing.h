// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>

#include "parsimony/core/context.h"
#include "parsimony/data/dataset.h"
#include "parsimony/evaluate/costs.h"
#include "parsimony/graph/lower.h"
#include "parsimony/run/plan.h"
#include "parsimony/run/study_task.h"
#include "parsimony/space/space.h"
#include "parsimony/train/trainer.h"

namespace parsimony::run {

// What plans of all kinds of studies measure and count.

inline constexpr int kMeasuredSteps = 2;

// A plan of which only the data is known.
Plan plan_of(const data::Dataset& dataset);

// Of some random genotypes the one whose network costs the median number of MACs; notes what they
// say of the space.
space::Genotype median_genotype(const space::SearchSpace& space,
                                const graph::NetworkDescription& description,
                                const evaluate::Costs& costs,
                                Plan& plan);

// The second of two runs: the first one touches memory that a search touches once.
template <typename Work>
double seconds_when_warm(Work work) {
  work();
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What plans train on: a sample that says nothing, as many times as it takes.
struct BlankData {
  std::shared_ptr<const task::Task> task;
  data::Sample sample;
};
BlankData blank_data(const StudyOptions& options, const data::Dataset& dataset);

// A full training, of which `at_once` run side by side.
double training_seconds(const graph::Graph& network,
                        const train::TrainerOptions& training,
                        const BlankData& data,
                        const Plan& plan,
                        int at_once,
                        const core::Context& context);

}  // namespace parsimony::run
