// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/grid_plan.h"

#include <algorithm>
#include <cmath>

#include "parsimony/bilevel/supernets.h"
#include "parsimony/bilevel/training.h"
#include "parsimony/network/device.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/network/threads.h"
#include "parsimony/run/candidates.h"
#include "parsimony/run/plan_timing.h"
#include "parsimony/run/preparation.h"

namespace parsimony::run {
namespace {

// One step of each level.
struct StepSeconds {
  double weights = 0, architecture = 0;
};

StepSeconds measured(bilevel::Relaxation& relaxation,
                     const task::Task& task,
                     const data::DatasetInfo& info,
                     const differentiable::DifferentiableOptions& options,
                     std::int64_t batch,
                     bool second_order,
                     at::Device device) {
  const std::int64_t side = options.augment.crop;
  const train::Batch pictures{
      .pictures = at::ones({batch, 3, side, side}, at::TensorOptions().device(device))
                      .contiguous(at::MemoryFormat::ChannelsLast),
      .labels = task::labels_of(std::vector<data::Sample>(static_cast<std::size_t>(batch),
                                                          data::blank_sample(info, side, side))),
      .samples = {},
      .crops = {}};
  const bilevel::Lesson lesson{pictures, core::Rng(1), task};
  bilevel::Training training(relaxation, options.cell.weights, options.cell.alphas);
  StepSeconds seconds;
  seconds.weights = seconds_when_warm([&] {
    training.zero_weight_gradients();
    add_weight_gradient(relaxation, relaxation.coefficients(), lesson, network::Phase::kTraining);
    training.step_weights(0);
  });
  seconds.architecture = seconds_when_warm([&] {
    if (second_order) {
      add_unrolled_gradient(
          relaxation, lesson, lesson, training.next_step(1e-3), options.cell.second_order_step);
    } else {
      add_architecture_gradient(relaxation, lesson, network::Phase::kBatchStatistics);
    }
  });
  return seconds;
}

// Networks that are trained to the end.
std::int64_t networks_of(const differentiable::DifferentiableOptions& options) {
  const std::int64_t each = 1 + options.comparison.random_cells + options.comparison.random_paths;
  return options.seeds * std::ssize(options.budgets) * each;
}

}  // namespace

Plan plan_grid(const StudyOptions& options,
               const data::Dataset& dataset,
               const core::Context& context) {
  require_splits(dataset);
  Plan plan = plan_of(dataset);
  const BlankData data = blank_data(options, dataset);
  const int channels = data.task->channels();
  const graph::NetworkDescription description = candidate_description(options, channels);
  const differentiable::DifferentiableOptions& search = options.differentiable;
  const space::GridSpaceOptions& grids = options.space.grids;
  plan.decisions = make_space(options, description)->decisions().size();
  plan.space_size = space::count_cells(grids.nodes, grids.inputs) *
                    space::count_path_patterns(grids.layers, grids.rules);
  const graph::Size picture = picture_size(dataset);
  const space::Genotype median = median_genotype(
      *make_space(options, description), description, evaluate::Costs(picture, options.cost), plan);
  plan.workers = 1;
  plan.measured_steps = 1;

  const at::Device device = network::device_of(context.device);
  network::set_threads(context.threads);
  const std::int64_t before = network::tensor_memory().peak_bytes;
  TwoStagePlan stages;
  const bilevel::Design design{grids, options.grid, search};
  StepSeconds cell_step, path_step;
  {
    bilevel::CellRelaxation cells(
        bilevel::cell_supernet(design, channels), core::Rng(1), {.device = device});
    const bool second_order = search.cell.order == differentiable::Order::kSecond;
    cell_step = measured(
        cells, *data.task, dataset.info(), search, search.cell.batch, second_order, device);
  }
  {
    bilevel::PathRelaxation gated(
        bilevel::path_supernet(design, std::get<space::GridGenotype>(median).cell, channels),
        core::Rng(1),
        {.device = device});
    path_step =
        measured(gated, *data.task, dataset.info(), search, search.paths.batch, false, device);
  }
  plan.memory_bytes = static_cast<double>(network::tensor_memory().peak_bytes - before);

  const auto steps = [&](std::int64_t batch) {
    const double share = static_cast<double>(plan.train) * (1 - search.architecture_share);
    return std::floor(share / static_cast<double>(batch));
  };
  const auto& cell = search.cell;
  stages.cell_seconds = steps(cell.batch) * (cell_step.weights * cell.epochs +
                                             cell_step.architecture * (cell.epochs - cell.warm_up));
  const differentiable::SharpnessOptions& sharpness = cell.robustness.sharpness;
  if (sharpness.remedy != differentiable::SharpnessRemedy::kOff) {
    // Each estimate takes two gradients a product.
    const double estimates = std::floor((cell.epochs - cell.warm_up) / sharpness.every);
    stages.cell_seconds += estimates * 2 * sharpness.steps * sharpness.batches * cell_step.weights;
  }
  const auto& gates = search.paths;
  const double warm_up = steps(gates.batch) * path_step.weights * gates.warm_up;
  const double searching = steps(gates.batch) * (path_step.weights + path_step.architecture) *
                           (gates.epochs - gates.warm_up);
  stages.path_seconds = warm_up + searching * static_cast<double>(search.budgets.size());
  stages.networks = networks_of(search);
  plan.search_seconds = search.seeds * (stages.cell_seconds + stages.path_seconds);
  plan.two_stage = stages;
  if (options.final.count > 0) {
    const int at_once = trainings_at_once(options.final, stages.networks, context);
    plan.final_seconds = training_seconds(graph::simplified_network(median, description),
                                          options.final.training,
                                          data,
                                          plan,
                                          at_once,
                                          context) *
                         std::ceil(static_cast<double>(stages.networks) / at_once);
  }
  return plan;
}

}  // namespace parsimony::run
